#include "apis/docker/types.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <csignal>
#include <optional>
#include <system_error>
#include <utility>

#include "apis/docker/json_access.h"
#include "base/signals.h"
#include "base/text.h"

namespace limpet::apis::docker {
namespace {

std::optional<std::uint16_t> port_number(std::string_view text) {
  std::uint16_t number = 0;
  const auto [stop, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc{} || stop != text.data() + text.size() || number == 0) return std::nullopt;
  return number;
}

Health health_of(const Json& state) {
  const std::string status = text_at(at(state, "Health"), "Status");
  if (status == "starting") return Health::kStarting;
  if (status == "healthy") return Health::kHealthy;
  if (status == "unhealthy") return Health::kUnhealthy;
  return Health::kNone;
}

void add_ports(const Json& ports, std::vector<Port>& out) {
  if (!ports.is_object()) return;
  for (const auto& [name, bindings] : ports.items()) {
    const std::string_view text = name;
    const std::size_t slash = text.find('/');
    if (slash != std::string_view::npos && text.substr(slash) != "/tcp") continue;
    const auto number = port_number(text.substr(0, slash));
    if (!number) continue;
    Port port{.number = *number, .bindings = {}};
    if (bindings.is_array()) {
      for (const Json& binding : bindings) {
        if (const auto host_port = port_number(text_at(binding, "HostPort"))) {
          port.bindings.push_back({.host_ip = text_at(binding, "HostIp"), .host_port = *host_port});
        }
      }
    }
    out.push_back(std::move(port));
  }
}

}  // namespace

std::expected<Container, std::string> parse_container(std::string_view json) {
  const Json tree = parse_json(json);
  Container container;
  container.id = text_at(tree, "Id");
  container.name = without_slash(text_at(tree, "Name"));
  if (container.id.empty() || container.name.empty()) {
    return std::unexpected(std::string("expected a container with Id and Name"));
  }
  const Json& config = at(tree, "Config");
  const Json& state = at(tree, "State");
  const Json& network = at(tree, "NetworkSettings");
  container.labels = texts_at(config, "Labels");
  container.running = flag_at(state, "Running") && !flag_at(state, "Restarting") && !flag_at(state, "Dead");
  container.paused = flag_at(state, "Paused");
  container.started_at = text_at(state, "StartedAt");
  container.health = health_of(state);
  container.network_mode = text_at(at(tree, "HostConfig"), "NetworkMode");
  if (const Json& networks = at(network, "Networks"); networks.is_object()) {
    for (const auto& [name, settings] : networks.items()) {
      container.networks.push_back({.name = name,
                                    .ipv4 = text_at(settings, "IPAddress"),
                                    .ipv6 = text_at(settings, "GlobalIPv6Address")});
    }
  }
  add_ports(at(network, "Ports"), container.ports);
  // In the host's network, or another container's, only the image says what is exposed.
  if (container.ports.empty()) add_ports(at(config, "ExposedPorts"), container.ports);
  std::ranges::sort(container.ports, {}, &Port::number);
  if (const int signal = signal_number(text_at(config, "StopSignal")); signal != 0) {
    container.stop_signal = signal;
  }
  return container;
}

std::expected<std::vector<Listed>, std::string> parse_list(std::string_view json) {
  const Json tree = parse_json(json);
  if (!tree.is_array()) return std::unexpected(std::string("expected a list of containers"));
  std::vector<Listed> list;
  for (const Json& row : tree) {
    Listed listed{.id = text_at(row, "Id"), .running = false, .labels = texts_at(row, "Labels")};
    const std::string state = text_at(row, "State");
    listed.running = state == "running" || state == "paused";
    if (listed.id.empty()) return std::unexpected(std::string("expected containers with Id"));
    list.push_back(std::move(listed));
  }
  return list;
}

std::expected<Event, std::string> parse_event(std::string_view json) {
  const Json tree = parse_json(json);
  if (!tree.is_object()) return std::unexpected(std::string("expected an event"));
  const std::string type = text_at(tree, "Type");
  const Json& actor = at(tree, "Actor");
  const Json& attributes = at(actor, "Attributes");
  Event event{.container = {}, .action = text_at(tree, "Action"), .signal = 0, .exit_code = 0};
  if (type == "container") event.container = text_at(actor, "ID");
  if (type == "network") event.container = text_at(attributes, "container");
  event.signal = signal_number(text_at(attributes, "signal"));
  const std::string code = text_at(attributes, "exitCode");
  std::from_chars(code.data(), code.data() + code.size(), event.exit_code);
  return event;
}

std::string parse_message(std::string_view json) {
  const std::string message = text_at(parse_json(json), "message");
  std::string text;
  base::append_escaped(text, message.empty() ? json.substr(0, 200) : std::string_view(message));
  return text;
}

bool ends(int signal, const Container& container) noexcept {
  return signal == SIGKILL || signal == SIGTERM || signal == SIGINT || signal == SIGQUIT ||
         signal == container.stop_signal;
}

int signal_number(std::string_view name) noexcept {
  int number = 0;
  const auto [stop, error] = std::from_chars(name.data(), name.data() + name.size(), number);
  if (error == std::errc{} && stop == name.data() + name.size()) return number > 0 ? number : 0;
  constexpr std::string_view kRealTime = "RTMIN+";
  const std::string_view bare = base::iequals(name.substr(0, 3), "SIG") ? name.substr(3) : name;
  if (base::iequals(bare.substr(0, kRealTime.size()), kRealTime)) {
    const std::string_view digits = bare.substr(kRealTime.size());
    const auto [end, problem] = std::from_chars(digits.data(), digits.data() + digits.size(), number);
    return problem == std::errc{} && number >= 0 && number < 31 ? SIGRTMIN + number : 0;
  }
  return base::signal_by_name(name).value_or(0);
}

}  // namespace limpet::apis::docker
