#include "scaling/settings.h"

#include <fmt/format.h>

namespace limpet::scaling {

std::expected<void, std::string> check(const Settings& settings) {
  const auto is_share = [](double value) { return value > 0 && value <= 1; };
  if (settings.capacity == 0) return std::unexpected("capacity is 0, it must be at least 1 seat");
  if (settings.max == 0) return std::unexpected("max is 0, it must be at least 1 server");
  if (settings.min > settings.max) {
    return std::unexpected(fmt::format("min {} is above max {}", settings.min, settings.max));
  }
  if (!is_share(settings.target)) {
    return std::unexpected(fmt::format("target {} is not above 0 and at most 1", settings.target));
  }
  if (!is_share(settings.soft)) {
    return std::unexpected(fmt::format("soft {} is not above 0 and at most 1", settings.soft));
  }
  if (!(settings.tolerance >= 0 && settings.tolerance < 1)) {
    return std::unexpected(fmt::format("tolerance {} is not at least 0 and below 1", settings.tolerance));
  }
  if (settings.interval <= base::Duration::zero()) {
    return std::unexpected("interval is 0, it must be longer");
  }
  if (settings.out.at_least == 0 && settings.out.share <= 0) {
    return std::unexpected("out allows no launch at all");
  }
  return {};
}

}  // namespace limpet::scaling
