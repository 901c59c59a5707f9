#pragma once

#include <cstdint>
#include <expected>
#include <map>
#include <string>
#include <string_view>
#include <vector>

/// The Docker Engine's API: what it tells about containers, as values. Pure.
namespace limpet::apis::docker {

/// What the container's own health check (HEALTHCHECK) says.
enum class Health : std::uint8_t { kNone, kStarting, kHealthy, kUnhealthy };

/// The container's place in a network.
struct Network {
  std::string name;
  std::string ipv4;  ///< empty: none
  std::string ipv6;  ///< the global address; empty: none
  bool operator==(const Network&) const = default;
};

/// An address of the host that leads to a port.
struct Binding {
  std::string host_ip;
  std::uint16_t host_port = 0;
  bool operator==(const Binding&) const = default;
};

/// A TCP port that the container exposes.
struct Port {
  std::uint16_t number = 0;
  std::vector<Binding> bindings;
  bool operator==(const Port&) const = default;
};

/// A container as inspection shows it.
struct Container {
  std::string id;
  std::string name;  ///< without the slash before it
  std::map<std::string, std::string> labels;
  bool running = false;  ///< and neither restarting nor dead
  bool paused = false;
  std::string started_at;  ///< tells one run of the container from the next
  Health health = Health::kNone;
  std::string network_mode;       ///< "bridge", "host", "container:<id or name>", a network's name
  std::vector<Network> networks;  ///< sorted by name
  std::vector<Port> ports;        ///< sorted by number
  int stop_signal = 15;           ///< what a stop sends first
  bool operator==(const Container&) const = default;
};

/// A row of the list of containers.
struct Listed {
  std::string id;
  bool running = false;
  std::map<std::string, std::string> labels;
};

/// Something that happened to a container.
struct Event {
  std::string container;  ///< its id
  std::string action;     ///< "start", "die", "health_status: healthy"; of a network "connect", "disconnect"
  int signal = 0;         ///< of "kill"
  int exit_code = 0;      ///< of "die"
};

/// Reads an answer of the Engine; fails with a sentence about what is missing. Keys that are not asked for
/// may have any value.
[[nodiscard]] std::expected<Container, std::string> parse_container(std::string_view json);
[[nodiscard]] std::expected<std::vector<Listed>, std::string> parse_list(std::string_view json);
/// The same for a line of the event stream. An event that concerns no container has an empty id.
[[nodiscard]] std::expected<Event, std::string> parse_event(std::string_view json);
/// What the Engine says about a call that failed, or the answer itself.
[[nodiscard]] std::string parse_message(std::string_view json);

/// Whether a container that gets the signal is being stopped by that.
[[nodiscard]] bool ends(int signal, const Container& container) noexcept;

/// The number of a signal: "SIGTERM", "TERM", "15", "SIGRTMIN+3"; 0 if there is none.
[[nodiscard]] int signal_number(std::string_view name) noexcept;

}  // namespace limpet::apis::docker
