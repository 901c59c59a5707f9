#include "providers/constraint.h"

#include <fmt/format.h>
#include <re2/re2.h>

#include <cstdint>
#include <utility>
#include <vector>

#include "base/text.h"
#include "providers/text_cursor.h"

namespace limpet::providers {
namespace {

constexpr int kMaxDepth = 50;

}  // namespace

/// A function, or what joins others.
struct Constraint::Node {
  enum class Kind : std::uint8_t { kLabel, kPattern, kNot, kAnd, kOr };
  Kind kind = Kind::kLabel;
  std::string key;
  std::string value;
  std::unique_ptr<re2::RE2> pattern;
  std::vector<std::unique_ptr<Node>> children;
};

/// Recursive descent: `||` binds weakest, `!` strongest.
class Constraint::Parser : private TextCursor {
 public:
  using Result = std::expected<std::unique_ptr<Node>, base::ParseError>;

  explicit Parser(std::string_view text) : TextCursor(text) {}

  Result whole() {
    Result all = joined("||", Node::Kind::kOr);
    skip_blanks();
    if (all && !at_end()) return fail("&&, || or the end");
    return all;
  }

 private:
  Result joined(std::string_view symbol, Node::Kind kind) {
    const bool is_or = kind == Node::Kind::kOr;
    Result first = is_or ? joined("&&", Node::Kind::kAnd) : unary();
    if (!first) return first;
    auto node = std::make_unique<Node>();
    node->kind = kind;
    node->children.push_back(std::move(*first));
    while (accept(symbol)) {
      Result next = is_or ? joined("&&", Node::Kind::kAnd) : unary();
      if (!next) return next;
      node->children.push_back(std::move(*next));
    }
    if (node->children.size() == 1) return std::move(node->children.front());
    return node;
  }

  Result unary() {
    if (++depth_ > kMaxDepth) return fail("less nesting");
    Result result = accept("!") ? negated() : accept("(") ? grouped() : function();
    --depth_;
    return result;
  }

  Result negated() {
    Result inner = unary();
    if (!inner) return inner;
    auto node = std::make_unique<Node>();
    node->kind = Node::Kind::kNot;
    node->children.push_back(std::move(*inner));
    return node;
  }

  Result grouped() {
    Result inner = joined("||", Node::Kind::kOr);
    if (inner && !accept(")")) return fail(")");
    return inner;
  }

  Result function() {
    skip_blanks();
    const std::size_t start = at_;
    while (at_ < text_.size() && base::to_lower(text_[at_]) >= 'a' && base::to_lower(text_[at_]) <= 'z')
      ++at_;
    const std::string_view name = text_.substr(start, at_ - start);
    const bool is_pattern = base::iequals(name, "LabelRegex") || base::iequals(name, "LabelRegexp");
    if (!is_pattern && !base::iequals(name, "Label")) {
      at_ = start;
      return fail("Label(`key`, `value`) or LabelRegex(`key`, `pattern`)");
    }
    auto node = std::make_unique<Node>();
    if (!accept("(")) return fail("(");
    skip_blanks();
    if (!quoted(node->key)) return fail("a text in backticks or double quotes");
    if (!accept(",")) return fail(", and a second text");
    skip_blanks();
    const std::size_t value_at = at_;
    if (!quoted(node->value)) return fail("a text in backticks or double quotes");
    if (!accept(")")) return fail(")");
    if (is_pattern) {
      node->kind = Node::Kind::kPattern;
      node->pattern = std::make_unique<re2::RE2>(node->value, re2::RE2::Quiet);
      if (!node->pattern->ok()) {
        at_ = value_at;
        return fail(fmt::format("a regular expression ({})", node->pattern->error()));
      }
    }
    return node;
  }

  int depth_ = 0;
};

Constraint::Constraint() = default;
Constraint::Constraint(std::unique_ptr<Node> root) : root_(std::move(root)) {}
Constraint::Constraint(Constraint&&) noexcept = default;
Constraint& Constraint::operator=(Constraint&&) noexcept = default;
Constraint::~Constraint() = default;

std::expected<Constraint, base::ParseError> Constraint::parse(std::string_view text) {
  if (base::trim(text).empty()) return Constraint();
  auto root = Parser(text).whole();
  if (!root) return std::unexpected(std::move(root.error()));
  return Constraint(std::move(*root));
}

bool Constraint::matches(const Labels& labels) const {
  return root_ == nullptr || holds(*root_, labels);
}

bool Constraint::holds(const Node& node, const Labels& labels) {
  switch (node.kind) {
    case Node::Kind::kNot:
      return !holds(*node.children.front(), labels);
    case Node::Kind::kAnd:
      for (const auto& child : node.children) {
        if (!holds(*child, labels)) return false;
      }
      return true;
    case Node::Kind::kOr:
      for (const auto& child : node.children) {
        if (holds(*child, labels)) return true;
      }
      return false;
    default:
      break;
  }
  const auto found = labels.find(node.key);
  const std::string_view value = found == labels.end() ? std::string_view() : found->second;
  return node.kind == Node::Kind::kLabel ? value == node.value : re2::RE2::PartialMatch(value, *node.pattern);
}

}  // namespace limpet::providers
