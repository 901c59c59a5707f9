#pragma once

#include <cstdint>
#include <expected>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/units.h"

/// The small languages of `loadBalancer.scaling`. Pure.
namespace limpet::config {

/// The words of a command as a POSIX shell would split them: blanks part words, '...' and "..." keep them
/// together, a backslash takes the next character as it is (within double quotes only before \ and ").
/// Nothing is expanded. Fails on a quote that does not end, on a backslash at the end, on a NUL, and if there
/// is no word.
[[nodiscard]] std::expected<std::vector<std::string>, base::ParseError> split_command(std::string_view text);

/// Ports from `first` to `last`, both included.
struct PortRange {
  std::uint16_t first = 0;
  std::uint16_t last = 0;

  [[nodiscard]] std::uint32_t size() const noexcept { return last - first + 1U; }
  bool operator==(const PortRange&) const = default;
};

/// Reads "20000-20999", or "3000" for one port. Ports are 1 to 65535, the last not below the first.
[[nodiscard]] std::optional<PortRange> parse_port_range(std::string_view text);

/// The number of "TERM", "INT", "QUIT", "HUP", "USR1", "USR2" or "KILL", in any case and also as "SIGTERM".
[[nodiscard]] std::optional<int> parse_signal(std::string_view text);

/// `text` with every "{port}" replaced.
[[nodiscard]] std::string with_port(std::string_view text, std::uint16_t port);

}  // namespace limpet::config
