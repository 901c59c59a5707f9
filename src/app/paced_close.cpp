#include "app/paced_close.h"

#include <chrono>
#include <string>
#include <string_view>

#include "scaling/policy.h"

namespace limpet::app {
namespace {

constexpr std::uint16_t kServiceRestart = 1012;  // IANA's WebSocket Close Code Number Registry
constexpr std::string_view kReason = "service restart";
constexpr base::Duration kPatience = std::chrono::seconds(5);

}  // namespace

void PacedClose::begin(const std::shared_ptr<balancing::ServerState>& server, base::Duration window,
                       std::uint64_t seed) {
  server->set_admin(balancing::AdminState::kClosing);
  close(server, window, seed);
}

void PacedClose::begin_all(base::Duration window, std::uint64_t seed) {
  close(nullptr, window, seed);
}

void PacedClose::all_at_once(base::Duration patience) {
  for (const auto& worker : workers_) worker->close_tunnels(kServiceRestart, std::string(kReason), patience);
}

void PacedClose::close(const std::shared_ptr<const balancing::ServerState>& server, base::Duration window,
                       std::uint64_t seed) {
  for (const auto& worker : workers_) {
    worker->close_slowly({.server = server,
                          .code = kServiceRestart,
                          .reason = std::string(kReason),
                          .patience = kPatience,
                          .offsets = [window, own_seed = seed + worker->index()](std::uint32_t count) {
                            return scaling::close_offsets(count, window, own_seed);
                          }});
  }
}

void PacedClose::cancel(const std::shared_ptr<balancing::ServerState>& server) {
  if (server->admin() == balancing::AdminState::kClosing) server->set_admin(balancing::AdminState::kDraining);
  for (const auto& worker : workers_) worker->cancel_closing(server);
}

}  // namespace limpet::app
