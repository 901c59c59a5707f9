#include "routing/router_table.h"

#include <algorithm>
#include <limits>
#include <optional>
#include <utility>

namespace limpet::routing {
namespace {

/// Most places one rule takes in the index; beyond it is found by its hosts alone.
constexpr std::size_t kMaxPlaces = 4096;

}  // namespace

RouterTable::RouterTable(std::vector<Entry> entries) {
  std::vector<std::uint32_t> order(entries.size());
  for (std::uint32_t i = 0; i < order.size(); ++i) order[i] = i;
  std::ranges::sort(order, [&](std::uint32_t a, std::uint32_t b) {
    return entries[a].priority != entries[b].priority ? entries[a].priority > entries[b].priority : a < b;
  });
  entries_.reserve(entries.size());
  for (const std::uint32_t i : order) {
    entries_.push_back(entries[i]);
    add(static_cast<std::uint32_t>(entries_.size() - 1));
  }
}

void RouterTable::add(std::uint32_t rank) {
  const Rule& rule = *entries_[rank].rule;
  const auto hosts = rule.required_hosts();
  auto prefixes = rule.required_path_prefixes();
  if (prefixes && hosts && prefixes->size() * hosts->size() > kMaxPlaces) prefixes.reset();
  const auto add_to = [&](Bucket& bucket) {
    if (!prefixes) {
      bucket.general.push_back(rank);
      return;
    }
    for (const std::string& prefix : *prefixes) bucket.by_prefix[prefix].push_back(rank);
  };
  if (!hosts) {
    add_to(any_host_);
    return;
  }
  for (const std::string& host : *hosts) add_to(bucket_of(host));
}

RouterTable::Bucket& RouterTable::bucket_of(std::string_view host) {
  if (!host.starts_with('*')) return by_host_[host];
  return by_domain_[host.substr(host.find_first_not_of('*'))];
}

const Route* RouterTable::find(const Subject& subject) const {
  constexpr std::uint32_t kNone = std::numeric_limits<std::uint32_t>::max();
  std::uint32_t best = kNone;
  const auto consider = [&](const Ranks& ranks) {
    for (const std::uint32_t rank : ranks) {
      if (rank >= best) return;
      if (entries_[rank].rule->matches(subject)) best = rank;
    }
  };
  const auto search = [&](const Bucket& bucket) {
    consider(bucket.general);
    bucket.by_prefix.for_each(subject.path, consider);
  };
  if (const Bucket* bucket = by_host_.find(subject.host)) search(*bucket);
  by_domain_.for_each(subject.host, search);
  search(any_host_);
  return best == kNone ? nullptr : entries_[best].route;
}

}  // namespace limpet::routing
