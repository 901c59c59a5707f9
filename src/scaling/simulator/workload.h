#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string_view>
#include <vector>

#include "base/clock.h"

/// Who comes when and stays how long: the same users for every policy that is compared.
namespace limpet::scaling {

/// How users arrive.
enum class Shape : std::uint8_t {
  kDay,     ///< 24 h, 300 users at night, 4,000 by day, a crowd of 1,500 within 5 min at 06:00
  kSteady,  ///< 6 h of 2,000 users
  kRamp,    ///< 6 h: 300 users, within an hour 4,000, an hour later back to 300 within an hour
  kFlash,   ///< 4 h of 500 users, a crowd of 1,500 within 5 min after an hour
  kStorm,   ///< 4 h of 2,000 users, all of whom lose their connection after an hour
};

struct ShapeInfo {
  Shape shape;
  std::string_view name;
  std::string_view doc;
};
[[nodiscard]] std::span<const ShapeInfo> shapes() noexcept;
[[nodiscard]] std::optional<Shape> shape_from_name(std::string_view name) noexcept;

/// One user's visit.
struct Session {
  base::Duration at{};      ///< since the start
  base::Duration length{};  ///< if nobody cuts it
};

struct Workload {
  base::Duration length{};
  std::vector<Session> sessions;        ///< by time; those at 0 are there already
  std::optional<base::Duration> storm;  ///< when everybody loses the connection and comes back
};

/// Sessions are log-normal with a mean of 20 minutes and sigma 1, arrivals a Poisson process. The same seed,
/// the same users.
[[nodiscard]] Workload make_workload(Shape shape, std::uint64_t seed);

}  // namespace limpet::scaling
