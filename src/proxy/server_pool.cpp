#include "proxy/server_pool.h"

#include <algorithm>
#include <utility>

namespace limpet::proxy {

ServerPool::~ServerPool() = default;

std::unique_ptr<ServerConnection> ServerPool::take(const std::shared_ptr<balancing::ServerState>& server) {
  const auto found = entries_.find(server.get());
  if (found == entries_.end()) return nullptr;
  auto& idle = found->second.idle;
  while (!idle.empty()) {
    const std::unique_ptr<Idle> last = std::move(idle.back());
    idle.pop_back();
    last->connection->socket.on_hang_up(nullptr, nullptr);
    // Bytes that nobody asked for would be taken for the next answer.
    if (last->connection->socket.hung_up() || last->connection->socket.has_input()) continue;
    last->connection->reused = true;
    return std::move(last->connection);
  }
  return nullptr;
}

void ServerPool::give_back(const std::shared_ptr<balancing::ServerState>& server,
                           std::unique_ptr<ServerConnection> connection, base::Duration idle_timeout) {
  if (max_idle_per_server_ == 0 || connection->socket.hung_up() || !connection->buffer.empty()) return;
  Entry& entry = entries_[server.get()];
  entry.server = server;
  if (entry.idle.size() >= max_idle_per_server_) return;
  connection->buffer.shrink();
  connection->socket.clear_deadline();
  auto& idle = *entry.idle.emplace_back(std::make_unique<Idle>(*this, *server, std::move(connection)));
  reactor_.arm(idle.timer, idle_timeout);
  idle.connection->socket.on_hang_up(&Idle::leave, &idle);
}

void ServerPool::Idle::leave(void* self) noexcept {
  auto* idle = static_cast<Idle*>(self);
  idle->pool.remove(*idle);
}

void ServerPool::remove(Idle& idle) noexcept {
  const auto found = entries_.find(&idle.server);
  if (found == entries_.end()) return;
  std::erase_if(found->second.idle, [&](const auto& item) { return item.get() == &idle; });
  if (found->second.idle.empty()) entries_.erase(found);
}

void ServerPool::prune(const std::function<bool(const balancing::ServerState&)>& keep) {
  std::erase_if(entries_, [&](const auto& item) { return !keep(*item.first); });
}

}  // namespace limpet::proxy
