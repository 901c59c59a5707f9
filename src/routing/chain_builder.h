#pragma once

#include <expected>
#include <memory>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "routing/snapshot_builder.h"

namespace limpet::routing {

/// Builds the middleware chains of a snapshot. Used once, by build_snapshot.
class ChainBuilder {
 public:
  /// `input`, `snapshot` and `reports` outlive the builder; reports has an entry for each middleware.
  ChainBuilder(const BuildInput& input, Snapshot& snapshot, Reports& reports)
      : input_(input), snapshot_(snapshot), reports_(reports) {}

  /// The chain of these middlewares, null if there are none: the one that `owner` had in the last snapshot if
  /// it was made of equal links, else a new one. Unqualified names belong to `provider`. Fails with all that
  /// is wrong, also noted in the reports of the middlewares at fault.
  [[nodiscard]] std::expected<std::shared_ptr<Chain>, std::vector<std::string>> build(
      const std::string& owner, const std::vector<std::string>& names, std::string_view provider);

  /// Tries the middlewares that no chain has used, so that their mistakes are reported too.
  void check_unused();

 private:
  /// Chains being taken apart into links.
  struct Expansion {
    std::vector<ChainLink> links;
    std::vector<std::string> problems;
    std::vector<config::QualifiedName> path;  ///< the chains on the way to the middleware looked at
    std::size_t steps = 0;                    ///< middlewares looked at
    [[nodiscard]] bool too_long() const noexcept;
  };
  void expand(const config::QualifiedName& name, Expansion& expansion);
  void expand_all(const std::vector<std::string>& names, std::string_view provider, Expansion& expansion);
  [[nodiscard]] std::expected<std::shared_ptr<Chain>, std::string> make(const std::vector<ChainLink>& links,
                                                                        const BuiltChain* previous);
  void report(const config::QualifiedName& middleware, const std::string& message);

  const BuildInput& input_;
  Snapshot& snapshot_;
  Reports& reports_;
  std::set<config::QualifiedName> tried_;
};

}  // namespace limpet::routing
