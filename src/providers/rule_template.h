#pragma once

#include <expected>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/units.h"

namespace limpet::providers {

/// What a template sees of the thing that a rule is made for.
struct TemplateModel {
  std::string name;            ///< .Name: the service's
  std::string container_name;  ///< .ContainerName
  std::map<std::string, std::string> labels;
};

/// `defaultRule`: the part of Go's templates that such rules are made of. Texts with {{ actions }} in them;
/// an action is a value, a function of values, a pipeline of those, or if, else, else if and end. Values are
/// .Name, .ContainerName, .Labels.key, texts in double quotes or backticks, true, false, and parentheses.
/// Functions: index, normalize, trim, trimPrefix, trimSuffix, lower, upper, replace, default, contains,
/// hasPrefix, hasSuffix, print, eq, ne, not, and, or. "{{-" and "-}}" trim. Immutable.
class RuleTemplate {
 public:
  /// Fails with what is expected, and where.
  [[nodiscard]] static std::expected<RuleTemplate, base::ParseError> parse(std::string_view text);
  RuleTemplate(RuleTemplate&&) noexcept;
  RuleTemplate& operator=(RuleTemplate&&) noexcept;
  RuleTemplate(const RuleTemplate&) = delete;
  RuleTemplate& operator=(const RuleTemplate&) = delete;
  ~RuleTemplate();

  [[nodiscard]] std::string render(const TemplateModel& model) const;

 private:
  struct Value;
  struct Expression;
  struct Step;
  struct Function;
  class Parser;
  using Steps = std::vector<Step>;
  explicit RuleTemplate(Steps steps);

  [[nodiscard]] static const Function* find_function(std::string_view name);
  [[nodiscard]] static std::string function_names();
  [[nodiscard]] static Value value_of(const Expression& expression, const TemplateModel& model);
  static void run(const Steps& steps, const TemplateModel& model, std::string& out);

  std::unique_ptr<Steps> steps_;
};

}  // namespace limpet::providers
