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
  std::string_view host;   ///< lower case, without port and trailing dot
  std::string_view path;   ///< normalised (percent-encoded unreserved characters decoded, as Traefik matches)
  net::IpAddress client;
};

/// A compiled rule. Immutable; any thread. Never allocates while matching but for query parameters with escapes.
class Rule {
 public:
  /// Compiles a rule. Errors carry the offset of the place in the text (column = offset + 1) and what is expected
  /// there, with the nearest known matcher for an unknown one.
  [[nodiscard]] static std::expected<Rule, base::ParseError> parse(std::string_view text);

  Rule(Rule&&) noexcept;
  Rule& operator=(Rule&&) noexcept;
  ~Rule();

  [[nodiscard]] bool matches(const Subject& subject) const;

  /// Hosts of which one is necessary for a match (lower case), or nothing if the rule can match any host. What the
  /// router table is indexed by.
  [[nodiscard]] std::optional<std::vector<std::string>> required_hosts() const;
  /// Literal path prefixes of which one is necessary for a match, or nothing.
  [[nodiscard]] std::optional<std::vector<std::string>> required_path_prefixes() const;
  /// The rule in canonical form; parsing it gives an equal rule.
  [[nodiscard]] std::string text() const;

  struct Node;

 private:
  explicit Rule(std::unique_ptr<const Node> root);
  std::unique_ptr<const Node> root_;
};

}  // namespace limpet::routing
