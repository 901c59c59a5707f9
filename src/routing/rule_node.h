#pragma once

#include <re2/re2.h>

#include <array>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "http/head.h"
#include "net/address.h"
#include "routing/rule.h"

namespace limpet::routing {

/// The matchers of the rule language, in the order of kMatcherNames.
enum class Matcher : std::uint8_t {
  kClientIp,
  kHeader,
  kHeaderRegexp,
  kHost,
  kHostRegexp,
  kMethod,
  kPath,
  kPathPrefix,
  kPathRegexp,
  kQuery,
  kQueryRegexp,
};

/// Their names as people write them.
inline constexpr std::array<std::string_view, 11> kMatcherNames = {
    "ClientIP", "Header",     "HeaderRegexp", "Host",  "HostRegexp",  "Method",
    "Path",     "PathPrefix", "PathRegexp",   "Query", "QueryRegexp",
};

[[nodiscard]] constexpr std::string_view matcher_name(Matcher matcher) noexcept {
  return kMatcherNames[static_cast<std::size_t>(matcher)];
}

/// A rule's tree. Conjunctions and disjunctions are flat: no kAll stands directly in a kAll, no kAny in a
/// kAny, no kNot in a kNot, and each has at least two parts. So the depth is bounded by the parser's limit on
/// parentheses.
struct Rule::Node {
  enum class Kind : std::uint8_t { kMatch, kNot, kAll, kAny };

  Kind kind = Kind::kMatch;
  std::vector<Node> parts;  ///< of kNot (one), kAll and kAny

  Matcher matcher = Matcher::kHost;             ///< of kMatch, as all that follows
  std::vector<std::string> values;              ///< in canonical form
  std::unique_ptr<const RE2> regex;             ///< of the matchers named Regexp with a pattern, else null
  net::IpRange range;                           ///< of ClientIP
  http::FieldId field = http::FieldId::kOther;  ///< of Header and HeaderRegexp

  [[nodiscard]] bool matches(const Subject& subject) const;
  [[nodiscard]] bool operator==(const Node& other) const;

 private:
  [[nodiscard]] bool matcher_matches(const Subject& subject) const;
};

}  // namespace limpet::routing
