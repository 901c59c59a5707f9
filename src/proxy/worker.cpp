#include "proxy/worker.h"

#include <pthread.h>
#include <sched.h>
#include <sys/sysinfo.h>

#include <algorithm>
#include <unordered_set>
#include <utility>

#include "proxy/client_connection.h"

namespace limpet::proxy {
namespace {

constexpr base::Duration kLongestStop = std::chrono::seconds(2);

}  // namespace

Worker::Worker(std::uint32_t index, const WorkerShared& shared, std::unique_ptr<Reporter> reporter)
    : index_(index),
      shared_(shared),
      reporter_(std::move(reporter)),
      engine_(relay::make_engine(shared.engine, reactor_, shared.batch_delay)),
      closer_(reactor_, *engine_),
      servers_(reactor_, shared.max_idle_per_server),
      snapshot_(std::make_shared<const routing::Snapshot>()),
      last_call_([](void* worker) noexcept { static_cast<Worker*>(worker)->reactor_.stop(); }, this) {}

Worker::~Worker() = default;

void Worker::listen(const EntryPoint& entry_point, int fd) {
  listeners_.push_back(std::make_unique<net::Listener>(
      reactor_, fd,
      [this, &entry_point](net::Fd accepted_fd, const net::SocketAddress& peer) {
        accepted(entry_point, std::move(accepted_fd), peer);
      },
      [this] {
        for (Worker* peer : peers_) peer->reactor_.post([peer] { peer->shed(); });
      }));
}

void Worker::shed() {
  servers_.prune([](const balancing::ServerState&) { return false; });
  for (ClientConnection* connection = connections_; connection != nullptr; connection = connection->next_) {
    connection->close_if_spare();
  }
}

void Worker::run() {
  if (shared_.pin_threads) {
    cpu_set_t cpus;
    CPU_ZERO(&cpus);
    CPU_SET(index_ % static_cast<unsigned>(std::max(1, ::get_nprocs())), &cpus);
    ::pthread_setaffinity_np(::pthread_self(), sizeof cpus, &cpus);
  }
  reactor_.run();
}

void Worker::accepted(const EntryPoint& entry_point, net::Fd fd, const net::SocketAddress& peer) {
  Worker* lightest = this;
  for (Worker* peer_worker : peers_) {
    if (peer_worker->load() < lightest->load()) lightest = peer_worker;
  }
  // A hand-over costs a wake-up of another thread, so a small lead is let be.
  constexpr std::uint32_t kLead = 4;
  if (lightest == this || load() <= lightest->load() + kLead + lightest->load() / 8) {
    serve(entry_point, std::move(fd), peer);
    return;
  }
  lightest->load_.fetch_add(1, std::memory_order_relaxed);
  lightest->reactor_.post([lightest, &entry_point, fd = std::move(fd), peer]() mutable {
    lightest->load_.fetch_sub(1, std::memory_order_relaxed);
    lightest->serve(entry_point, std::move(fd), peer);
  });
}

void Worker::serve(const EntryPoint& entry_point, net::Fd fd, const net::SocketAddress& peer) {
  if (draining_out_) return;
  net::spawn(ClientConnection::serve(*this, entry_point, std::move(fd), peer));
}

void Worker::use_snapshot(std::shared_ptr<const routing::Snapshot> snapshot) {
  reactor_.post([this, snapshot = std::move(snapshot)]() mutable {
    // A control block of this thread's own, so that requests of several threads don't share a count.
    auto holder = std::make_shared<const std::shared_ptr<const routing::Snapshot>>(std::move(snapshot));
    const routing::Snapshot* raw = holder->get();
    snapshot_ = std::shared_ptr<const routing::Snapshot>(std::move(holder), raw);
    std::unordered_set<const balancing::ServerState*> live;
    for (const auto& [name, node] : raw->services) {
      if (const auto* service = std::get_if<std::unique_ptr<balancing::Service>>(&node->kind)) {
        for (const balancing::Server& server : (*service)->servers()) live.insert(server.state.get());
      }
    }
    servers_.prune([&](const balancing::ServerState& server) { return live.contains(&server); });
    reporter_->forget_unused_names();
  });
}

void Worker::stop_accepting(std::function<void()> done) {
  reactor_.post([this, done = std::move(done)] {
    stopping_ = true;
    listeners_.clear();
    done();
    for (ClientConnection* connection = connections_; connection != nullptr; connection = connection->next_) {
      connection->close_if_idle();
      connection->stop_waiting();
    }
  });
}

void Worker::close_tunnels(std::uint16_t code, std::string reason, base::Duration patience) {
  reactor_.post(
      [this, code, reason = std::move(reason), patience] { engine_->close({}, code, reason, patience); });
}

void Worker::close_slowly(ClosePlan plan) {
  reactor_.post([this, plan = std::move(plan)]() mutable { closer_.begin(std::move(plan)); });
}

void Worker::cancel_closing(std::shared_ptr<const balancing::ServerState> server) {
  reactor_.post([this, server = std::move(server)] { closer_.cancel(server.get()); });
}

void Worker::stop() {
  reactor_.post([this] {
    stopping_ = true;
    draining_out_ = true;
    listeners_.clear();
    for (ClientConnection* connection = connections_; connection != nullptr; connection = connection->next_) {
      connection->abort();
    }
    if (connections_ == nullptr) {
      reactor_.stop();
    } else {
      reactor_.arm(last_call_, kLongestStop);
    }
  });
}

void Worker::add(ClientConnection& connection) {
  connection.next_ = connections_;
  if (connections_ != nullptr) connections_->previous_ = &connection;
  connections_ = &connection;
  load_.fetch_add(1, std::memory_order_relaxed);
  reporter_->connection_opened(connection.entry_point());
}

void Worker::remove(ClientConnection& connection) noexcept {
  if (connection.previous_ != nullptr) {
    connection.previous_->next_ = connection.next_;
  } else {
    connections_ = connection.next_;
  }
  if (connection.next_ != nullptr) connection.next_->previous_ = connection.previous_;
  load_.fetch_sub(1, std::memory_order_relaxed);
  reporter_->connection_closed(connection.entry_point());
  if (draining_out_ && connections_ == nullptr) reactor_.stop();
}

}  // namespace limpet::proxy
