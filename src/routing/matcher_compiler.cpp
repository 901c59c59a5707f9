#include <fmt/format.h>
#include <re2/re2.h>

#include <algorithm>
#include <array>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "base/text.h"
#include "http/syntax.h"
#include "routing/rule_parser.h"
#include "routing/rule_text.h"

namespace limpet::routing {
namespace {

using Node = Rule::Node;
using Checked = std::expected<void, std::string>;  // the error completes "expected ..."

/// Signs that a token may hold, but no placeholder's name.
constexpr std::string_view kNoNameChars = "!#$%&'*+.^`|~";

std::unexpected<std::string> expected(std::string what) {
  return std::unexpected(std::move(what));
}

/// Names of other generations and of TCP routers, and what to say about them.
struct OldName {
  std::string_view name;
  std::string_view hint;
};
constexpr std::array<OldName, 12> kOldNames = {{
    {"HostHeader", "it was renamed in Traefik v2, write Host(`example.com`)"},
    {"Headers", "it was renamed in Traefik v3, write Header(`name`, `value`)"},
    {"HeadersRegexp", "it was renamed in Traefik v3, write HeaderRegexp(`name`, `expression`)"},
    {"HostSNI", "it is for TCP routers, write Host(`example.com`)"},
    {"HostSNIRegexp", "it is for TCP routers, write HostRegexp(`expression`)"},
    {"ALPN", "it is for TCP routers"},
    {"PathStrip", "write Path(`/path`) and a stripPrefix middleware"},
    {"PathPrefixStrip", "write PathPrefix(`/path`) and a stripPrefix middleware"},
    {"PathStripRegex", "write PathRegexp(`expression`) and a middleware that replaces the path"},
    {"PathPrefixStripRegex", "write PathRegexp(`expression`) and a middleware that replaces the path"},
    {"AddPrefix", "it is a middleware, addPrefix"},
    {"ReplacePath", "it is a middleware, replacePath"},
}};

bool is_ascii(std::string_view text) {
  return std::ranges::all_of(text, [](char c) { return static_cast<unsigned char>(c) < 0x80; });
}

/// "x-real-ip" as Go's net/http writes it: "X-Real-Ip".
std::string canonical_field_name(std::string_view name) {
  std::string result;
  bool first = true;
  for (const char c : name) {
    const bool lower = c >= 'a' && c <= 'z';
    result.push_back(first && lower ? static_cast<char>(c - 'a' + 'A') : first ? c : base::to_lower(c));
    first = c == '-';
  }
  return result;
}

/// A piece of Traefik v2's pattern language: "{name:expression}" or "{name}".
struct Placeholder {
  std::size_t length = 0;  ///< with the braces
  std::optional<std::string_view> expression;
};

/// The placeholder that begins with the brace at `start`, if one does. "{2,3}" and "{4}" are repetitions, not
/// names.
std::optional<Placeholder> placeholder_at(std::string_view text, std::size_t start) {
  const auto is_digit = [](char c) { return c >= '0' && c <= '9'; };
  const auto is_name_char = [](char c) {
    return http::is_token_char(c) && kNoNameChars.find(c) == std::string_view::npos;
  };
  std::size_t at = start + 1;
  while (at < text.size() && is_name_char(text[at])) ++at;
  if (at == start + 1 || at == text.size() || is_digit(text[start + 1])) return std::nullopt;
  if (text[at] == '}') return Placeholder{at + 1 - start, std::nullopt};
  if (text[at] != ':') return std::nullopt;
  const std::size_t begin = at + 1;
  std::size_t open = 1;
  for (at = begin; at < text.size(); ++at) {
    if (text[at] == '{') ++open;
    if (text[at] == '}' && --open == 0) {
      return Placeholder{at + 1 - start, text.substr(begin, at - begin)};
    }
  }
  return std::nullopt;
}

/// A v2 pattern as a regular expression, or nothing if `text` holds no placeholder with an expression (and,
/// unless `with_bare_names`, none without).
std::optional<std::string> v2_pattern_as_regex(std::string_view text, std::string_view bare,
                                               bool with_bare_names) {
  constexpr std::string_view kMeta = R"(\.+*?()|[]{}^$)";
  std::string regex;
  bool found = false;
  for (std::size_t at = 0; at < text.size();) {
    const auto place = text[at] == '{' ? placeholder_at(text, at) : std::nullopt;
    if (!place) {
      if (kMeta.find(text[at]) != std::string_view::npos) regex.push_back('\\');
      regex.push_back(text[at++]);
      continue;
    }
    found = found || place->expression || with_bare_names;
    regex += place->expression.value_or(bare);
    at += place->length;
  }
  if (!found) return std::nullopt;
  return regex;
}

std::string v2_hint(std::string_view matcher, const std::string& regex) {
  return fmt::format("Traefik v3's form: \"{{name:expression}}\" is v2's, write {}({})", matcher,
                     quote_value(regex));
}

Checked check_host(std::string& host) {
  if (!is_ascii(host)) return expected("a host name in ASCII; write other letters in punycode, \"xn--...\"");
  if (const auto regex = v2_pattern_as_regex(host, "[^.]+", false)) {
    return expected(v2_hint("HostRegexp", "^" + *regex + "$"));
  }
  if (host.find_first_of(" \t\r\n,/") != std::string::npos) {
    return expected("one host name, without scheme, path and blanks; join several matchers with ||");
  }
  std::string name = base::to_lower(host);
  if (name.ends_with('.')) name.pop_back();
  if (net::IpAddress::parse(name) && name.find(':') != std::string::npos) name = fmt::format("[{}]", name);
  if (name.empty()) return expected("a host name");
  if (!http::port_of(name).empty()) return expected("a host name without a port, which is not looked at");
  std::string_view rest = name;
  if (rest.starts_with("**."))
    rest.remove_prefix(3);
  else if (rest.starts_with("*."))
    rest.remove_prefix(2);
  if (rest.empty() || rest.find('*') != std::string_view::npos) {
    return expected(
        name == "*" ? "a host name; leave Host out to match every host"
                    : "stars only as \"*.\" or \"**.\" at the start; write HostRegexp for other patterns");
  }
  if (!http::is_authority(rest)) {
    return expected("a host name of letters, digits and \"-._~\"");
  }
  host = std::move(name);
  return {};
}

Checked check_path(const std::string& path, std::string_view regex_end) {
  if (const auto regex = v2_pattern_as_regex(path, "[^/]+", false)) {
    return expected(v2_hint("PathRegexp", fmt::format("^{}{}", *regex, regex_end)));
  }
  if (!path.starts_with('/')) return expected("a path that begins with \"/\"");
  return {};
}

Checked compile_regex(const std::string& pattern, bool ignore_case, Node& node) {
  RE2::Options options(RE2::Quiet);
  options.set_case_sensitive(!ignore_case);
  auto regex = std::make_unique<const RE2>(pattern, options);
  if (!regex->ok()) return expected(fmt::format("a regular expression (RE2, as Go's): {}", regex->error()));
  node.regex = std::move(regex);
  return {};
}

Checked check_host_regexp(const std::string& pattern, Node& node) {
  if (!is_ascii(pattern))
    return expected("an expression in ASCII; write other letters in punycode, \"xn--...\"");
  if (const auto regex = v2_pattern_as_regex(pattern, "[^.]+", true)) {
    return expected(v2_hint("HostRegexp", "^" + *regex + "$"));
  }
  return compile_regex(pattern, true, node);
}

Checked check_field_name(std::string& name, Node& node) {
  if (!http::is_token(name)) return expected("the name of a header field");
  name = canonical_field_name(name);
  node.field = http::field_id(name);
  return {};
}

Checked check_query_name(std::string_view name, Matcher matcher) {
  const std::size_t equals = name.find('=');
  if (equals == std::string_view::npos) return {};
  return expected(fmt::format("a parameter's name alone; in Traefik v3's form: {}({}, {})",
                              matcher_name(matcher), quote_value(name.substr(0, equals)),
                              quote_value(name.substr(equals + 1))));
}

Checked check_address(const std::string& text, Node& node) {
  const auto range = net::IpRange::parse(text);
  if (!range) return expected("an IP address or a range such as 10.0.0.0/8");
  node.range = *range;
  return {};
}

/// Checks value `index` of the node's matcher and puts it into canonical form.
Checked check_value(Node& node, std::size_t index) {
  std::string& value = node.values[index];
  switch (node.matcher) {
    case Matcher::kClientIp:
      return check_address(value, node);
    case Matcher::kHost:
      return check_host(value);
    case Matcher::kHostRegexp:
      return check_host_regexp(value, node);
    case Matcher::kPath:
      return check_path(value, "$");
    case Matcher::kPathPrefix:
      return check_path(value, "");
    case Matcher::kPathRegexp:
      return compile_regex(value, false, node);
    case Matcher::kMethod:
      std::ranges::transform(value, value.begin(),
                             [](char c) { return c >= 'a' && c <= 'z' ? c - 'a' + 'A' : c; });
      return {};
    case Matcher::kHeader:
      return index == 0 ? check_field_name(value, node) : Checked{};
    case Matcher::kHeaderRegexp:
      return index == 0 ? check_field_name(value, node) : compile_regex(value, false, node);
    case Matcher::kQuery:
      return index == 0 ? check_query_name(value, node.matcher) : Checked{};
    case Matcher::kQueryRegexp:
      return index == 0 ? check_query_name(value, node.matcher) : compile_regex(value, false, node);
  }
  return {};
}

struct Arity {
  std::size_t least;
  std::size_t most;
};

constexpr Arity arity_of(Matcher matcher) {
  switch (matcher) {
    case Matcher::kHeader:
    case Matcher::kHeaderRegexp:
      return {2, 2};
    case Matcher::kQuery:
    case Matcher::kQueryRegexp:
      return {1, 2};
    default:
      return {1, 1};
  }
}

std::string too_few(Matcher matcher, std::size_t given) {
  const std::string_view name = matcher_name(matcher);
  if (arity_of(matcher).most == 1) return fmt::format("a value for {}, for example in back-ticks", name);
  return given == 0 ? fmt::format("a name for {}", name) : fmt::format("a second value for {}", name);
}

std::string too_many(Matcher matcher, const std::vector<Token>& values) {
  const std::string_view name = matcher_name(matcher);
  if (arity_of(matcher).most == 2) return fmt::format("\")\": {} takes a name and a value", name);
  return fmt::format("\")\": {0} takes one value in Traefik v3, write {0}({1}) || {0}({2})", name,
                     quote_value(values[0].text), quote_value(values[1].text));
}

}  // namespace

std::expected<Matcher, base::ParseError> find_matcher(const Token& name) {
  for (std::size_t i = 0; i < kMatcherNames.size(); ++i) {
    if (base::iequals(kMatcherNames[i], name.text)) return static_cast<Matcher>(i);
  }
  std::string expected =
      fmt::format("a matcher ({}), not {}", fmt::join(kMatcherNames, ", "), name.described());
  const auto old =
      std::ranges::find_if(kOldNames, [&](const OldName& o) { return base::iequals(o.name, name.text); });
  if (old != kOldNames.end()) {
    expected += fmt::format(": {}", old->hint);
  } else if (base::iequals(name.text, "not")) {
    expected += ": write ! for \"not\"";
  } else if (const auto near = base::nearest(name.text, {kMatcherNames.begin(), kMatcherNames.end()})) {
    expected += fmt::format("; did you mean {}?", *near);
  }
  return std::unexpected(base::ParseError{name.offset, std::move(expected)});
}

std::expected<Node, base::ParseError> compile_matcher(Matcher matcher, std::vector<Token> values,
                                                      std::size_t close) {
  const Arity arity = arity_of(matcher);
  if (values.size() < arity.least) {
    return std::unexpected(base::ParseError{close, too_few(matcher, values.size())});
  }
  if (values.size() > arity.most) {
    return std::unexpected(base::ParseError{values[arity.most].offset, too_many(matcher, values)});
  }
  Node node;
  node.matcher = matcher;
  for (const Token& value : values) {
    if (value.text.empty()) {
      const bool query = arity.least != arity.most && value.offset != values.front().offset;
      return std::unexpected(base::ParseError{
          value.offset,
          query ? fmt::format("a value that is not empty; {} with the name alone holds for an empty one",
                              matcher_name(matcher))
                : std::string("a value that is not empty")});
    }
    node.values.push_back(value.text);
  }
  for (std::size_t i = 0; i < values.size(); ++i) {
    if (auto checked = check_value(node, i); !checked) {
      return std::unexpected(base::ParseError{values[i].offset, std::move(checked.error())});
    }
  }
  return node;
}

}  // namespace limpet::routing
