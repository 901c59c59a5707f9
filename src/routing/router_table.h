#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "routing/affix_map.h"
#include "routing/rule.h"

namespace limpet::routing {

struct Route;

/// The routers of one entry point, found by host and path. Matching costs the same with ten routers and with
/// ten thousand: candidates come from hash probes of the host, of its parent domains and of the path's
/// beginnings that any router asks for. Only routers that name neither host nor path are all tried.
/// Immutable; any thread.
class RouterTable {
 public:
  struct Entry {
    const Rule* rule = nullptr;    ///< outlives the table
    const Route* route = nullptr;  ///< outlives the table
    std::int64_t priority = 0;     ///< higher wins; ties: the order given
  };
  RouterTable() = default;
  explicit RouterTable(std::vector<Entry> entries);
  /// The route of the matching router with the highest priority, or null. Allocates only where Rule::matches
  /// does.
  [[nodiscard]] const Route* find(const Subject& subject) const;
  /// How many routers there are.
  [[nodiscard]] std::size_t size() const noexcept { return entries_.size(); }

 private:
  using Ranks = std::vector<std::uint32_t>;  // indexes into entries_, ascending, so the best first
  struct Bucket {
    Ranks general;  // entries without a literal prefix
    AffixMap<Ranks, AffixEnd::kFront> by_prefix;
  };
  void add(std::uint32_t rank);
  [[nodiscard]] Bucket& bucket_of(std::string_view host);

  std::vector<Entry> entries_;                  // best first
  AffixMap<Bucket, AffixEnd::kFront> by_host_;  // looked up by the whole host
  AffixMap<Bucket, AffixEnd::kBack>
      by_domain_;  // for "*." and "**." hosts: by what follows the stars, ".a.b"
  Bucket any_host_;
};

}  // namespace limpet::routing
