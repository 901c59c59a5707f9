#pragma once

#include <cstddef>
#include <expected>
#include <string_view>

#include "base/units.h"
#include "routing/rule_lexer.h"
#include "routing/rule_node.h"

namespace limpet::routing {

/// Reads a rule by recursive descent: `||` binds weakest, then `&&`, then `!`.
class RuleParser {
 public:
  /// Most parentheses within each other. Bounds the recursion here and while matching.
  static constexpr std::size_t kMaxDepth = 64;

  explicit RuleParser(std::string_view text) : lexer_(text) {}
  /// The whole text as a tree. Call once.
  [[nodiscard]] std::expected<Rule::Node, base::ParseError> parse();

 private:
  using Result = std::expected<Rule::Node, base::ParseError>;
  [[nodiscard]] Result disjunction();
  [[nodiscard]] Result conjunction();
  [[nodiscard]] Result negation();
  [[nodiscard]] Result primary();
  [[nodiscard]] Result call(const Token& name);
  [[nodiscard]] std::expected<void, base::ParseError> advance();

  RuleLexer lexer_;
  Token token_;
  std::size_t depth_ = 0;
};

/// Checks a matcher's values and compiles them. `values` are text tokens; `close` is where the parenthesis
/// that ends them stands.
[[nodiscard]] std::expected<Rule::Node, base::ParseError> compile_matcher(Matcher matcher,
                                                                          std::vector<Token> values,
                                                                          std::size_t close);

/// The matcher of this name, case ignored. Fails with the nearest known one, or with what an old name became.
[[nodiscard]] std::expected<Matcher, base::ParseError> find_matcher(const Token& name);

}  // namespace limpet::routing
