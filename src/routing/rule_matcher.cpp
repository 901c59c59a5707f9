#include <algorithm>
#include <iterator>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "base/text.h"
#include "http/cookie.h"
#include "routing/regex_prefix.h"
#include "routing/rule_node.h"

namespace limpet::routing {
namespace {

using Node = Rule::Node;
using Texts = std::optional<std::vector<std::string>>;

re2::StringPiece piece(std::string_view text) {
  return {text.data(), text.size()};
}

bool found_in(const RE2& regex, std::string_view text) {
  return RE2::PartialMatch(piece(text), regex);
}

bool host_matches(std::string_view pattern, std::string_view host) {
  if (!pattern.starts_with('*')) return host == pattern;
  const bool any_depth = pattern.starts_with("**");
  const std::string_view suffix = pattern.substr(any_depth ? 2 : 1);  // with its leading dot
  if (host.size() <= suffix.size() || !host.ends_with(suffix)) return false;
  return any_depth || host.find('.') == host.size() - suffix.size();
}

/// Whether some field of this name has a value that `wanted` accepts.
template <typename Wanted>
bool any_field(const Node& node, const http::RequestHead& head, const Wanted& wanted) {
  return std::ranges::any_of(head.fields, [&](const http::Field& field) {
    if (field.id != node.field) return false;
    if (field.id == http::FieldId::kOther && !base::iequals(field.name, node.values[0])) return false;
    return wanted(field.value);
  });
}

/// A parameter's name or value without its escapes. A view of `text` unless it has any.
class Unescaped {
 public:
  explicit Unescaped(std::string_view text) : text_(text) {
    if (text.find_first_of("%+") == std::string_view::npos) return;
    buffer_ = http::percent_decode(text, true);
    text_ = buffer_;
  }
  Unescaped(const Unescaped&) = delete;
  Unescaped& operator=(const Unescaped&) = delete;
  [[nodiscard]] std::string_view text() const { return text_; }

 private:
  std::string buffer_;
  std::string_view text_;
};

/// Whether some parameter of this name has a value that `wanted` accepts. As in Go, a parameter with a
/// semicolon is not one.
template <typename Wanted>
bool any_parameter(std::string_view query, std::string_view name, const Wanted& wanted) {
  while (!query.empty()) {
    const std::size_t end = std::min(query.find('&'), query.size());
    const std::string_view parameter = query.substr(0, end);
    query.remove_prefix(std::min(end + 1, query.size()));
    if (parameter.empty() || parameter.find(';') != std::string_view::npos) continue;
    const std::size_t equals = std::min(parameter.find('='), parameter.size());
    if (Unescaped(parameter.substr(0, equals)).text() != name) continue;
    if (wanted(Unescaped(parameter.substr(std::min(equals + 1, parameter.size()))).text())) return true;
  }
  return false;
}

Texts literal_prefix(const RE2& regex) {
  std::string prefix = anchored_literal(regex.pattern());
  if (prefix.empty()) return std::nullopt;
  return std::vector<std::string>{std::move(prefix)};
}

Texts matcher_hosts(const Node& node) {
  if (node.matcher != Matcher::kHost) return std::nullopt;
  return node.values;
}

Texts matcher_prefixes(const Node& node) {
  if (node.matcher == Matcher::kPath || node.matcher == Matcher::kPathPrefix) return node.values;
  if (node.matcher == Matcher::kPathRegexp) return literal_prefix(*node.regex);
  return std::nullopt;
}

std::size_t shortest(const std::vector<std::string>& texts) {
  return std::ranges::min_element(texts, {}, &std::string::size)->size();
}

/// Whether the first narrows a search down more than the second.
bool narrower_hosts(const std::vector<std::string>& a, const std::vector<std::string>& b) {
  return a.size() < b.size();
}
bool narrower_prefixes(const std::vector<std::string>& a, const std::vector<std::string>& b) {
  return shortest(a) > shortest(b);
}

/// Texts of which one is necessary: of a conjunction its narrowest part's, of a disjunction all parts'
/// together.
template <typename OfMatcher, typename Narrower>
Texts necessary(const Node& node, bool negated, const OfMatcher& of_matcher, const Narrower& narrower) {
  if (node.kind == Node::Kind::kMatch) return negated ? std::nullopt : of_matcher(node);
  if (node.kind == Node::Kind::kNot) return necessary(node.parts.front(), !negated, of_matcher, narrower);
  const bool conjunction = (node.kind == Node::Kind::kAll) != negated;
  Texts result;
  for (const Node& part : node.parts) {
    Texts texts = necessary(part, negated, of_matcher, narrower);
    if (conjunction) {
      if (texts && (!result || narrower(*texts, *result))) result = std::move(texts);
    } else if (!texts) {
      return std::nullopt;
    } else if (!result) {
      result = std::move(texts);
    } else {
      std::ranges::move(*texts, std::back_inserter(*result));
    }
  }
  return result;
}

Texts without_duplicates(Texts texts) {
  if (!texts) return texts;
  std::ranges::sort(*texts);
  const auto rest = std::ranges::unique(*texts);
  texts->erase(rest.begin(), rest.end());
  return texts;
}

}  // namespace

bool Node::matches(const Subject& subject) const {
  const auto holds = [&](const Node& part) { return part.matches(subject); };
  switch (kind) {
    case Kind::kMatch:
      return matcher_matches(subject);
    case Kind::kNot:
      return !parts.front().matches(subject);
    case Kind::kAll:
      return std::ranges::all_of(parts, holds);
    case Kind::kAny:
      return std::ranges::any_of(parts, holds);
  }
  return false;
}

bool Node::matcher_matches(const Subject& subject) const {
  const auto equals = [&](std::string_view value) { return value == values[1]; };
  const auto fits = [&](std::string_view value) { return found_in(*regex, value); };
  switch (matcher) {
    case Matcher::kClientIp:
      return range.contains(subject.client);
    case Matcher::kHeader:
      return any_field(*this, *subject.head, equals);
    case Matcher::kHeaderRegexp:
      return any_field(*this, *subject.head, fits);
    case Matcher::kHost:
      return host_matches(values[0], subject.host);
    case Matcher::kHostRegexp:
      return found_in(*regex, subject.host);
    case Matcher::kMethod:
      return subject.head->method_text == values[0];
    case Matcher::kPath:
      return subject.path == values[0];
    case Matcher::kPathPrefix:
      return subject.path.starts_with(values[0]);
    case Matcher::kPathRegexp:
      return found_in(*regex, subject.path);
    case Matcher::kQuery:
    case Matcher::kQueryRegexp:
      if (regex != nullptr) return any_parameter(subject.head->query, values[0], fits);
      if (values.size() == 2) return any_parameter(subject.head->query, values[0], equals);
      return any_parameter(subject.head->query, values[0],
                           [](std::string_view value) { return value.empty(); });
  }
  return false;
}

bool Node::operator==(const Node& other) const {
  if (kind != other.kind) return false;
  if (kind != Kind::kMatch) return parts == other.parts;
  return matcher == other.matcher && values == other.values;
}

Rule::Rule(std::unique_ptr<const Node> root, std::int64_t default_priority)
    : root_(std::move(root)), default_priority_(default_priority) {}
Rule::Rule(Rule&&) noexcept = default;
Rule& Rule::operator=(Rule&&) noexcept = default;
Rule::~Rule() = default;

bool Rule::matches(const Subject& subject) const {
  return root_->matches(subject);
}

bool Rule::operator==(const Rule& other) const {
  return *root_ == *other.root_;
}

std::optional<std::vector<std::string>> Rule::required_hosts() const {
  return without_duplicates(necessary(*root_, false, matcher_hosts, narrower_hosts));
}

std::optional<std::vector<std::string>> Rule::required_path_prefixes() const {
  return without_duplicates(necessary(*root_, false, matcher_prefixes, narrower_prefixes));
}

}  // namespace limpet::routing
