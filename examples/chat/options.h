#pragma once

#include <chrono>
#include <cstdint>
#include <expected>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace chat {

/// What the command line and the environment say.
struct Options {
  std::string host = "127.0.0.1";
  /// 0 lets the system choose a free port.
  std::uint16_t port = 3000;
  /// What users see as this server's name.
  std::string name;
  /// Servers the page offers as one-click choices: URLs, or LABEL=URL, or the path of a list of Limpet's.
  std::vector<std::string> servers;
  std::chrono::milliseconds ping_interval{25'000};
  std::chrono::milliseconds ping_timeout{20'000};
  bool help = false;
};

/// Reads the arguments after the program's name. The variable PORT counts where `--port` is not given, the
/// machine's host name where `--name` is not. The error is one sentence for the user.
[[nodiscard]] std::expected<Options, std::string> parse_options(std::span<char* const> arguments);

/// The text of `--help`.
[[nodiscard]] std::string_view help_text();

}  // namespace chat
