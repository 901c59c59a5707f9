#pragma once

#include <netinet/in.h>

#include <cstdint>
#include <optional>
#include <string>

namespace limpet::bench {

/// What the clients do. README.md of the benchmark says what each is for.
enum class Mode : std::uint8_t {
  kWsSaturated,
  kWsPaced,
  kWsBurst,
  kWsFanOut,
  kWsSessions,
  kHttpKeepAlive,
  kHttpPollingMix,
  kBulk,
  kIdle,
};

/// The command line of limpet-load, with every default filled in.
struct Options {
  Mode mode = Mode::kWsSaturated;
  std::string mode_name;
  sockaddr_in target{};
  std::uint32_t clients = 100;
  std::uint64_t size = 64;   ///< Payload bytes per message.
  std::uint32_t burst = 1;   ///< Messages sent in one write.
  double rate = 0;           ///< Volleys per client and second (fan-out: rounds per second); 0 = no pacing.
  double seconds = 3;        ///< Length of the measurement.
  double warm_up = 0.5;      ///< Seconds of the same traffic before it.
  double interval = 0;       ///< When positive, percentiles are also given per interval of this many seconds.
  double open_timeout = 30;  ///< Seconds all clients together have to connect.
  std::uint32_t sources = 64;         ///< Distinct 127.x source addresses.
  std::uint32_t open_parallel = 128;  ///< Connects and handshakes in flight.
  unsigned limit = 300;               ///< Seconds after which the process kills itself; 0 = never.
  std::uint32_t hosts = 0;            ///< When positive, requests go to h0.bench.test … of so many hosts.
  bool sync = false;                  ///< Wait for a line on standard input at "begin" and "end".
};

/// Reads the command line. Nothing means: leave with `exit_code` (help or an error was printed).
[[nodiscard]] std::optional<Options> parse_options(int argc, char** argv, int& exit_code);

}  // namespace limpet::bench
