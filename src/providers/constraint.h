#pragma once

#include <expected>
#include <map>
#include <memory>
#include <string>
#include <string_view>

#include "base/units.h"

namespace limpet::providers {

using Labels = std::map<std::string, std::string>;

/// Which containers (or services of a catalogue) are used, by their labels: Traefik's `constraints`, made of
/// Label(`key`, `value`), LabelRegex(`key`, `pattern`), !, &&, || and parentheses. A label that is missing
/// has the empty value. Immutable; patterns are RE2's and match anywhere in the value.
class Constraint {
 public:
  /// Lets everything through.
  Constraint();
  Constraint(Constraint&&) noexcept;
  Constraint& operator=(Constraint&&) noexcept;
  Constraint(const Constraint&) = delete;
  Constraint& operator=(const Constraint&) = delete;
  ~Constraint();

  /// Reads an expression; an empty one lets everything through. Fails with what is expected, and where.
  [[nodiscard]] static std::expected<Constraint, base::ParseError> parse(std::string_view text);

  [[nodiscard]] bool matches(const Labels& labels) const;

 private:
  struct Node;
  class Parser;
  explicit Constraint(std::unique_ptr<Node> root);
  [[nodiscard]] static bool holds(const Node& node, const Labels& labels);

  std::unique_ptr<Node> root_;  // null: everything
};

}  // namespace limpet::providers
