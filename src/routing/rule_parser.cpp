#include "routing/rule_parser.h"

#include <fmt/format.h>

#include <iterator>
#include <utility>

#include "base/text.h"

namespace limpet::routing {
namespace {

using Node = Rule::Node;

/// Puts `part` into a kAll or kAny; a part of the same kind is taken apart, so that the tree stays flat.
void add_part(Node& whole, Node part) {
  if (part.kind != whole.kind) {
    whole.parts.push_back(std::move(part));
    return;
  }
  std::move(part.parts.begin(), part.parts.end(), std::back_inserter(whole.parts));
}

Node joined(Node::Kind kind, std::vector<Node> parts) {
  if (parts.size() == 1) return std::move(parts.front());
  Node whole;
  whole.kind = kind;
  for (Node& part : parts) add_part(whole, std::move(part));
  return whole;
}

/// What the stars of "**." hosts take off the default priority; those under a negation do not count.
std::int64_t wildcard_penalty(const Node& node, bool negated) {
  if (node.kind == Node::Kind::kMatch) {
    const bool counts = !negated && node.matcher == Matcher::kHost && node.values.front().starts_with("**.");
    return counts ? 2 : 0;
  }
  std::int64_t sum = 0;
  for (const Node& part : node.parts)
    sum += wildcard_penalty(part, negated != (node.kind == Node::Kind::kNot));
  return sum;
}

}  // namespace

std::expected<void, base::ParseError> RuleParser::advance() {
  auto token = lexer_.next();
  if (!token) return std::unexpected(std::move(token.error()));
  token_ = std::move(*token);
  return {};
}

RuleParser::Result RuleParser::parse() {
  if (auto moved = advance(); !moved) return std::unexpected(std::move(moved.error()));
  if (token_.kind == TokenKind::kEnd) {
    return std::unexpected(base::ParseError{0, "a rule, for example Host(`example.com`)"});
  }
  auto rule = disjunction();
  if (!rule || token_.kind == TokenKind::kEnd) return rule;
  std::string expected = fmt::format("&&, || or the end of the rule, not {}", token_.described());
  if (token_.kind == TokenKind::kName) {
    if (base::iequals(token_.text, "and")) expected += "; write && for \"and\"";
    if (base::iequals(token_.text, "or")) expected += "; write || for \"or\"";
  }
  return std::unexpected(base::ParseError{token_.offset, std::move(expected)});
}

RuleParser::Result RuleParser::disjunction() {
  std::vector<Node> parts;
  while (true) {
    auto part = conjunction();
    if (!part) return part;
    parts.push_back(std::move(*part));
    if (token_.kind != TokenKind::kOr) return joined(Node::Kind::kAny, std::move(parts));
    if (auto moved = advance(); !moved) return std::unexpected(std::move(moved.error()));
  }
}

RuleParser::Result RuleParser::conjunction() {
  std::vector<Node> parts;
  while (true) {
    auto part = negation();
    if (!part) return part;
    parts.push_back(std::move(*part));
    if (token_.kind != TokenKind::kAnd) return joined(Node::Kind::kAll, std::move(parts));
    if (auto moved = advance(); !moved) return std::unexpected(std::move(moved.error()));
  }
}

RuleParser::Result RuleParser::negation() {
  bool negated = false;
  while (token_.kind == TokenKind::kNot) {
    negated = !negated;
    if (auto moved = advance(); !moved) return std::unexpected(std::move(moved.error()));
  }
  auto part = primary();
  if (!part || !negated) return part;
  if (part->kind == Node::Kind::kNot) {
    Node inner = std::move(part->parts.front());
    return inner;
  }
  Node whole;
  whole.kind = Node::Kind::kNot;
  whole.parts.push_back(std::move(*part));
  return whole;
}

RuleParser::Result RuleParser::primary() {
  Token token = token_;
  if (token.kind == TokenKind::kName) return call(token);
  if (token.kind != TokenKind::kOpen) {
    return std::unexpected(base::ParseError{
        token.offset, fmt::format("a matcher such as Host(`example.com`), not {}", token.described())});
  }
  if (++depth_ > kMaxDepth) {
    return std::unexpected(
        base::ParseError{token.offset, fmt::format("at most {} parentheses within each other", kMaxDepth)});
  }
  if (auto moved = advance(); !moved) return std::unexpected(std::move(moved.error()));
  auto inner = disjunction();
  if (!inner) return inner;
  if (token_.kind != TokenKind::kClose) {
    return std::unexpected(
        base::ParseError{token_.offset, fmt::format("&&, || or the \")\" for the \"(\" in column {}, not {}",
                                                    token.offset + 1, token_.described())});
  }
  --depth_;
  if (auto moved = advance(); !moved) return std::unexpected(std::move(moved.error()));
  return inner;
}

RuleParser::Result RuleParser::call(const Token& name) {
  const auto matcher = find_matcher(name);
  if (!matcher) return std::unexpected(matcher.error());
  if (auto moved = advance(); !moved) return std::unexpected(std::move(moved.error()));
  if (token_.kind != TokenKind::kOpen) {
    return std::unexpected(base::ParseError{
        token_.offset, fmt::format("\"(\" after {}, not {}", matcher_name(*matcher), token_.described())});
  }
  if (auto moved = advance(); !moved) return std::unexpected(std::move(moved.error()));

  std::vector<Token> values;
  while (token_.kind != TokenKind::kClose) {
    if (token_.kind != TokenKind::kText) {
      return std::unexpected(base::ParseError{
          token_.offset, fmt::format("a value in back-ticks or double quotes, not {}", token_.described())});
    }
    values.push_back(std::move(token_));
    if (auto moved = advance(); !moved) return std::unexpected(std::move(moved.error()));
    if (token_.kind == TokenKind::kComma) {
      if (auto moved = advance(); !moved) return std::unexpected(std::move(moved.error()));
    } else if (token_.kind != TokenKind::kClose) {
      return std::unexpected(
          base::ParseError{token_.offset, fmt::format("\",\" or \")\", not {}", token_.described())});
    }
  }
  auto compiled = compile_matcher(*matcher, std::move(values), token_.offset);
  if (!compiled) return compiled;
  if (auto moved = advance(); !moved) return std::unexpected(std::move(moved.error()));
  return compiled;
}

std::expected<Rule, base::ParseError> Rule::parse(std::string_view text) {
  auto root = RuleParser(text).parse();
  if (!root) return std::unexpected(std::move(root.error()));
  const std::int64_t priority = static_cast<std::int64_t>(text.size()) - wildcard_penalty(*root, false);
  return Rule(std::make_unique<const Node>(std::move(*root)), priority);
}

}  // namespace limpet::routing
