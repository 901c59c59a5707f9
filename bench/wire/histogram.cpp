#include "wire/histogram.h"

#include <algorithm>
#include <cmath>

namespace limpet::bench {

std::uint64_t Histogram::percentile(double share) const {
  const auto wanted = static_cast<std::uint64_t>(std::ceil(share * static_cast<double>(total_)));
  std::uint64_t seen = 0;
  for (std::size_t bucket = 0; bucket < counts_.size(); ++bucket) {
    seen += counts_[bucket];
    if (seen >= wanted && seen > 0) return std::min(upper_bound(bucket), max_);
  }
  return 0;
}

}  // namespace limpet::bench
