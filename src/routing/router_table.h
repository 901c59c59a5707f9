#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "routing/rule.h"

namespace limpet::routing {

struct Route;

/// The routers of one entry point, found by host and path. Matching costs the same with ten routers and with ten
/// thousand: candidates come from hash probes of the host and of the literal path prefixes' lengths. Immutable.
class RouterTable {
 public:
  struct Entry {
    const Rule* rule = nullptr;    ///< outlives the table
    const Route* route = nullptr;  ///< outlives the table
    std::int64_t priority = 0;     ///< higher wins; ties: the longer rule text first, then the order given
  };
  RouterTable() = default;
  explicit RouterTable(std::vector<Entry> entries);
  /// The route of the matching router with the highest priority, or null.
  [[nodiscard]] const Route* find(const Subject& subject) const;

 private:
  // filled in by the implementation
  struct Bucket {
    std::vector<std::uint32_t> general;                                     // entries without a literal prefix
    std::unordered_map<std::string, std::vector<std::uint32_t>> by_prefix;  // by literal path prefix
    std::vector<std::uint32_t> prefix_lengths;                              // that occur, longest first
  };
  std::vector<Entry> entries_;  // best first
  std::unordered_map<std::string, Bucket> by_host_;
  Bucket any_host_;
};

}  // namespace limpet::routing
