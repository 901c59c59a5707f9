#pragma once

#include <cstdint>
#include <expected>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/units.h"
#include "http/head.h"
#include "net/address.h"

/// The router's rule language: Traefik v3's, complete. Pure.
namespace limpet::routing {

/// What a rule is held against. Views of the request.
struct Subject {
  const http::RequestHead* head = nullptr;
  std::string_view host;  ///< lower case, without port and trailing dot; an IPv6 address in its brackets
  std::string_view
      path;  ///< as http::routing_path gives it: percent-encoded characters decoded unless reserved
  net::IpAddress client;
};

/// A compiled rule. Immutable; any thread. Never allocates while matching but for query parameters with
/// escapes.
///
/// Rules are built of matchers with `&&`, `||`, `!` and parentheses; values stand in back-ticks (as they are)
/// or double quotes (with Go's escapes). Matcher names may be written in any case.
///
/// | matcher                          | holds if                                                            |
/// |----------------------------------|---------------------------------------------------------------------|
/// | Host(`a.b`)                      | the host is a.b; `*.b` stands for one label, `**.b` for one or more |
/// | HostRegexp(`re`)                 | the expression is found in the host, case ignored                   |
/// | Path(`/p`), PathPrefix(`/p`)     | the path is /p, begins with the characters /p                       |
/// | PathRegexp(`re`)                 | the expression is found in the path                                 |
/// | Method(`GET`)                    | the method is GET                                                   |
/// | Header(`k`, `v`), HeaderRegexp   | some field k has the value v                                        |
/// | Query(`k`, `v`), QueryRegexp     | some parameter k has the value v; without v: an empty value         |
/// | ClientIP(`10.0.0.0/8`)           | the client's address is in the range                                |
class Rule {
 public:
  /// Compiles a rule. Errors carry the offset of the place in the text (column = offset + 1) and what is
  /// expected there, with the nearest known matcher for an unknown one, and the v3 form for what only Traefik
  /// v2 understands.
  [[nodiscard]] static std::expected<Rule, base::ParseError> parse(std::string_view text);

  Rule(Rule&&) noexcept;
  Rule& operator=(Rule&&) noexcept;
  ~Rule();

  [[nodiscard]] bool matches(const Subject& subject) const;

  /// Hosts of which one is necessary for a match (lower case, perhaps with a leading "*." or "**."), or
  /// nothing if the rule can match any host. What the router table is indexed by.
  [[nodiscard]] std::optional<std::vector<std::string>> required_hosts() const;
  /// Literal path prefixes of which one is necessary for a match, or nothing.
  [[nodiscard]] std::optional<std::vector<std::string>> required_path_prefixes() const;
  /// The priority of a router that sets none: the length of the rule's text, the stars of "**." not counted.
  [[nodiscard]] std::int64_t default_priority() const noexcept { return default_priority_; }
  /// The rule in canonical form; parsing it gives an equal rule.
  [[nodiscard]] std::string text() const;
  /// Whether both are built alike of the same matchers.
  [[nodiscard]] bool operator==(const Rule& other) const;

  struct Node;

 private:
  Rule(std::unique_ptr<const Node> root, std::int64_t default_priority);
  std::unique_ptr<const Node> root_;
  std::int64_t default_priority_ = 0;
};

}  // namespace limpet::routing
