#include "cli/demo/plan.h"

#include <fmt/format.h>
#include <sys/socket.h>

#include <algorithm>
#include <charconv>
#include <filesystem>
#include <optional>
#include <system_error>

#include "base/json_text.h"
#include "net/address.h"
#include "net/fd.h"

namespace limpet::cli {
namespace {

constexpr std::uint32_t kUsualCapacity = 20;
constexpr std::uint32_t kMostUsers = 20'000;
constexpr std::uint32_t kMostServers = 100;
constexpr std::uint32_t kMostSeats = 1'000'000;
constexpr std::uint32_t kFastest = 20;
constexpr std::uint16_t kLastPort = 65'000;
constexpr int kServerPorts = 1000;
constexpr std::uint32_t kLoopback = 0x7F000001;

bool is_free(std::uint16_t port) {
  const net::SocketAddress address(net::IpAddress::from_v4(kLoopback), port);
  const net::Fd fd(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
  const int on = 1;
  ::setsockopt(fd.get(), SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
  return ::bind(fd.get(), address.native(), address.native_length()) == 0;
}

std::uint16_t free_port(std::uint16_t from) {
  while (!is_free(from) && from < kLastPort) ++from;
  return from;
}

std::expected<std::uint32_t, std::string> number(const Call& call, std::string_view name,
                                                 std::uint32_t fallback, std::uint32_t most) {
  const auto text = call.arguments.value(name);
  if (!text) return fallback;
  std::uint32_t value = 0;
  const char* end = text->data() + text->size();
  const auto [stop, error] = std::from_chars(text->data(), end, value);
  if (error != std::errc{} || stop != end || value == 0 || value > most) {
    return std::unexpected(
        fmt::format("--{}: expected a number from 1 to {}, got \"{}\"", name, most, *text));
  }
  return value;
}

/// The chat that is built with Limpet, as a command. Its page follows Limpet's own list of servers.
std::optional<std::string> chat_command() {
  std::error_code problem;
  const auto chat = std::filesystem::read_symlink("/proc/self/exe", problem).parent_path() / "limpet-chat";
  if (problem || !std::filesystem::exists(chat, problem)) return std::nullopt;
  return fmt::format(
      "sh -c 'exec \"$0\" --port {{port}} --name \"$LIMPET_SERVER\" --servers /api/servers' \"{}\"",
      chat.string());
}

}  // namespace

std::expected<DemoPlan, std::string> demo_plan_of(const Call& call) {
  DemoPlan plan;
  if (const auto command = call.arguments.value("exec")) {
    plan.command = *command;
  } else if (const auto chat = chat_command()) {
    plan.command = *chat;
    plan.is_chat = true;
    plan.ready_path = "/health";
    plan.target = "/ws/?EIO=4&transport=websocket";
  } else {
    return std::unexpected("limpet-chat is not beside this program; give --exec with a server's command");
  }
  const auto users = number(call, "load", 0, kMostUsers);
  const auto min = number(call, "min", plan.min, kMostServers);
  const auto max = number(call, "max", std::max(plan.max, min.value_or(0)), kMostServers);
  const auto port = number(call, "port", plan.port, kLastPort);
  const auto fitting = std::max(kUsualCapacity, users.value_or(0) / 4);
  const auto capacity = number(call, "capacity", fitting, kMostSeats);
  const auto pace = number(call, "pace", plan.pace, kFastest);
  for (const auto* each : {&users, &min, &max, &port, &capacity, &pace}) {
    if (!*each) return std::unexpected(each->error());
  }
  if (*max < *min) return std::unexpected(fmt::format("--max {} is less than --min {}", *max, *min));
  if (const auto target = call.arguments.value("path")) plan.target = *target;
  if (!plan.target.starts_with('/')) {
    return std::unexpected(fmt::format("--path: expected a path such as /ws, got \"{}\"", plan.target));
  }
  plan.users = *users;
  plan.pace = *pace;
  plan.min = *min;
  plan.max = *max;
  plan.capacity = *capacity;
  plan.port = free_port(static_cast<std::uint16_t>(*port));
  plan.admin_port = free_port(plan.admin_port);
  if (plan.admin_port == plan.port) plan.admin_port = free_port(static_cast<std::uint16_t>(plan.port + 1));
  return plan;
}

std::string demo_configuration_of(const DemoPlan& plan) {
  std::string command;
  base::append_json_string(command, plan.command);
  // The chat's page asks its own origin for the servers that there are.
  const std::string_view list = plan.is_chat ? R"yaml(
    servers: {rule: "Path(`/api/servers`) && Method(`GET`)", service: api@internal})yaml"
                                             : "";
  return fmt::format(R"yaml(http:
  routers:
    chat: {{rule: "PathPrefix(`/`)", service: chat}}{}
  services:
    chat:
      loadBalancer:
        sticky: {{cookie: {{name: {}}}}}
        capacity: {}
        scaling:
          min: {}
          max: {}
          interval: 1s
          stabilisation: 15s
          process:
            command: {}
            ports: {}-{}
            readyPath: "{}"
)yaml",
                     list, kCookieName, plan.capacity, plan.min, plan.max, command, plan.first_server_port,
                     plan.first_server_port + kServerPorts - 1, plan.ready_path);
}

std::vector<std::string> demo_flags_of(const DemoPlan& plan, const std::string& dynamic_file,
                                       const std::string& log_file) {
  return {fmt::format("--entryPoints.web.address=127.0.0.1:{}", plan.port),
          fmt::format("--api.address=127.0.0.1:{}", plan.admin_port),
          "--api.dashboard=true",
          "--shutdown.tunnelGrace=2s",
          "--shutdown.closeWindow=0s",
          fmt::format("--providers.file.filename={}", dynamic_file),
          fmt::format("--log.filePath={}", log_file)};
}

}  // namespace limpet::cli
