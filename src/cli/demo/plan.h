#pragma once

#include <cstdint>
#include <expected>
#include <string>
#include <string_view>
#include <vector>

#include "cli/call.h"

/// `limpet demo`: a Limpet that scales a service on this machine, with simulated users if asked.
namespace limpet::cli {

/// The session cookie of the demo's service.
inline constexpr std::string_view kCookieName = "ws-session";

/// What is to be shown.
struct DemoPlan {
  std::string command;       ///< of a server
  std::string ready_path;    ///< empty: a TCP connection is enough
  std::string target = "/";  ///< of simulated users: path and query
  bool is_chat = false;      ///< the servers are those built with Limpet
  std::uint16_t port = 8000;
  std::uint16_t admin_port = 8080;
  std::uint16_t first_server_port = 3001;
  std::uint32_t min = 1, max = 6;
  std::uint32_t capacity = 0;
  std::uint32_t users = 0;  ///< simulated, at the most
  std::uint32_t pace = 1;   ///< how many times as fast the waves come
};

/// The plan that the command's options ask for, on ports that are free now. Fails with a sentence.
[[nodiscard]] std::expected<DemoPlan, std::string> demo_plan_of(const Call& call);

/// The dynamic configuration, as a YAML file's text.
[[nodiscard]] std::string demo_configuration_of(const DemoPlan& plan);

/// The flags of the static configuration. The log goes to a file, since the show has the screen.
[[nodiscard]] std::vector<std::string> demo_flags_of(const DemoPlan& plan, const std::string& dynamic_file,
                                                     const std::string& log_file);

}  // namespace limpet::cli
