#pragma once

#include <cmath>
#include <cstdint>
#include <numbers>

#include "base/hash.h"

namespace limpet::scaling {

/// Random numbers that are the same with every compiler and library. One thread.
class Random {
 public:
  explicit Random(std::uint64_t seed) : seed_(seed) {}

  /// At least 0, below 1.
  [[nodiscard]] double uniform() {
    return static_cast<double>(base::mix_64(seed_, ++draws_) >> 11U) * 0x1p-53;
  }
  [[nodiscard]] double uniform(double least, double most) { return least + (most - least) * uniform(); }
  [[nodiscard]] double exponential(double rate) { return -std::log1p(-uniform()) / rate; }
  [[nodiscard]] double normal() {
    const double radius = std::sqrt(-2 * std::log1p(-uniform()));
    return radius * std::cos(2 * std::numbers::pi * uniform());
  }

 private:
  std::uint64_t seed_;
  std::uint64_t draws_ = 0;
};

}  // namespace limpet::scaling
