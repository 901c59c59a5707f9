#pragma once

#include <gtest/gtest.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/time.h>

#include <algorithm>
#include <array>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <thread>
#include <utility>
#include <vector>

#include "net/listener.h"
#include "proxy/worker.h"
#include "routing/snapshot_builder.h"

namespace limpet::proxy {

/// One end of a connection, read and written by the test, which waits at most some seconds each time.
class Peer {
 public:
  Peer() = default;
  explicit Peer(net::Fd fd) : fd_(std::move(fd)) {
    const timeval longest{.tv_sec = 20, .tv_usec = 0};
    ::setsockopt(fd_.get(), SOL_SOCKET, SO_RCVTIMEO, &longest, sizeof longest);
    ::setsockopt(fd_.get(), SOL_SOCKET, SO_SNDTIMEO, &longest, sizeof longest);
  }

  /// Whether the kernel has taken all of it.
  bool send(std::string_view bytes) {
    while (!bytes.empty()) {
      const ssize_t count = ::send(fd_.get(), bytes.data(), bytes.size(), MSG_NOSIGNAL);
      if (count <= 0) return false;
      bytes.remove_prefix(static_cast<std::size_t>(count));
    }
    return true;
  }
  /// What comes up to and with `end`; less if the connection ends before.
  std::string read_through(std::string_view end) {
    while (true) {
      const std::size_t at = ahead_.find(end);
      if (at != std::string::npos) return take(at + end.size());
      if (!read_more()) return take(ahead_.size());
    }
  }
  std::string read_head() { return read_through("\r\n\r\n"); }
  std::string read_bytes(std::size_t count) {
    while (ahead_.size() < count && read_more()) continue;
    return take(std::min(count, ahead_.size()));
  }
  /// A whole answer, head and body, if it has a length or no body.
  std::string read_answer() {
    const std::string head = read_head();
    constexpr std::string_view kLength = "Content-Length: ";
    const std::size_t at = head.find(kLength);
    return at == std::string::npos ? head : head + read_bytes(std::stoul(head.substr(at + kLength.size())));
  }
  /// What comes up to the end of the connection.
  std::string read_to_end() {
    while (read_more()) continue;
    return take(ahead_.size());
  }
  /// Whether the peer has closed or reset the connection with nothing left to read; waits for it.
  [[nodiscard]] bool is_closed() { return ahead_.empty() && !read_more() && (ended_ || reset_); }
  [[nodiscard]] bool was_reset() const noexcept { return reset_; }
  /// Whether nothing comes within `longest`.
  [[nodiscard]] bool stays_silent(int longest_ms) const {
    pollfd ready{.fd = fd_.get(), .events = POLLIN, .revents = 0};
    return ahead_.empty() && ::poll(&ready, 1, longest_ms) == 0;
  }
  void close() { fd_.reset(); }
  void close_write() { ::shutdown(fd_.get(), SHUT_WR); }
  void reset() {
    const linger hard{.l_onoff = 1, .l_linger = 0};
    ::setsockopt(fd_.get(), SOL_SOCKET, SO_LINGER, &hard, sizeof hard);
    fd_.reset();
  }
  [[nodiscard]] explicit operator bool() const noexcept { return static_cast<bool>(fd_); }
  [[nodiscard]] int fd() const noexcept { return fd_.get(); }

 private:
  bool read_more() {
    std::array<char, 64 * 1024> bytes;  // NOLINT(*-member-init): filled in by the kernel
    const ssize_t count = ::recv(fd_.get(), bytes.data(), bytes.size(), 0);
    ended_ = count == 0;
    reset_ = count < 0 && errno == ECONNRESET;
    if (count <= 0) return false;
    ahead_.append(bytes.data(), static_cast<std::size_t>(count));
    return true;
  }
  std::string take(std::size_t count) {
    std::string bytes = ahead_.substr(0, count);
    ahead_.erase(0, count);
    return bytes;
  }

  net::Fd fd_;
  std::string ahead_;
  bool ended_ = false;
  bool reset_ = false;
};

/// A listening socket of the test's own.
class TestServer {
 public:
  TestServer()
      : fd_(net::listen_on(net::SocketAddress(net::IpAddress::from_v4(INADDR_LOOPBACK), 0), false).value()) {}
  [[nodiscard]] net::SocketAddress address() const { return net::local_address(fd_.get()); }
  [[nodiscard]] std::string url() const { return "http://" + address().text(); }
  /// The next connection; an invalid one if none comes.
  Peer accept() const {
    pollfd ready{.fd = fd_.get(), .events = POLLIN, .revents = 0};
    if (::poll(&ready, 1, 20'000) != 1) return {};
    return Peer(net::Fd(::accept4(fd_.get(), nullptr, nullptr, SOCK_CLOEXEC)));
  }
  [[nodiscard]] bool has_connection(int longest_ms) const {
    pollfd ready{.fd = fd_.get(), .events = POLLIN, .revents = 0};
    return ::poll(&ready, 1, longest_ms) == 1;
  }

 private:
  net::Fd fd_;
};

/// Keeps the requests for internal services; the test answers them, or does not.
class TestHandler final : public routing::InternalHandler {
 public:
  void handle(routing::InternalRequest request, Reply reply) override {
    const std::scoped_lock lock(mutex_);
    requests_.push_back(std::move(request));
    replies_.push_back(std::move(reply));
  }
  [[nodiscard]] std::size_t count() {
    const std::scoped_lock lock(mutex_);
    return replies_.size();
  }
  Reply take_reply() {
    const std::scoped_lock lock(mutex_);
    Reply reply = std::move(replies_.back());
    replies_.pop_back();
    return reply;
  }

 private:
  std::mutex mutex_;
  std::vector<routing::InternalRequest> requests_;
  std::vector<Reply> replies_;
};

/// Waits for something that another thread brings about.
template <class Done>
[[nodiscard]] bool comes_true(Done done, base::Duration longest = std::chrono::seconds(20)) {
  const base::TimePoint end = base::Clock::now() + longest;
  while (!done()) {
    if (base::Clock::now() > end) return false;
    std::this_thread::yield();
  }
  return true;
}

/// Workers (one, if the test does not say) in threads of their own, with one entry point each, and one
/// service with the test's server. Change the settings first, then start().
class WorkerFixture : public testing::Test {
 protected:
  WorkerFixture() { balancer.servers.push_back({.url = server.url()}); }
  ~WorkerFixture() override { stop(); }

  void start() {
    entry_point = std::make_unique<EntryPoint>(prepare_entry_point("web", settings).value());
    WorkerShared shared;
    shared.internal = &handler;
    shared.blocking = &blocking_;
    worker = start_worker(0, shared);
    if (with_second) second_worker = start_worker(1, shared);
    use_settings();
    threads_.emplace_back([this] { worker->run(); });
    if (with_second) threads_.emplace_back([this] { second_worker->run(); });
  }
  /// Puts the service's settings in force.
  void use_settings() {
    routing::BuildInput input;
    input.registry = &registry;
    input.entry_points = {{"web", {}}};
    input.internal_services = {routing::InternalService::kApi};
    config::Router& router = input.routers[routing::qualified_name("app", "file")];
    router.rule = "PathPrefix(`/`)";
    router.service = "app";
    config::Router& api = input.routers[routing::qualified_name("api", "file")];
    api.rule = "PathPrefix(`/api`)";
    api.service = "api@internal";
    input.services[routing::qualified_name("app", "file")].kind = balancer;
    input.resolve = [this](const std::string&) -> std::expected<std::vector<net::IpAddress>, std::string> {
      return resolved;
    };
    snapshot_ = routing::build_snapshot(input).snapshot;
    for (Worker* each : {worker.get(), second_worker.get()}) {
      if (each != nullptr) each->use_snapshot(snapshot_);
    }
    routing::offer_to_waiting(snapshot_, base::Clock::now());
  }
  /// Stops the worker as at the end of the process; returns how long it took.
  base::Duration stop() {
    const base::TimePoint began = base::Clock::now();
    if (worker) worker->stop();
    if (second_worker) second_worker->stop();
    for (std::thread& thread : threads_) {
      if (thread.joinable()) thread.join();
    }
    return base::Clock::now() - began;
  }

  Peer connect(std::size_t to = 0) {
    const net::SocketAddress address = net::local_address(listening_.at(to).get());
    net::Fd fd(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
    EXPECT_EQ(::connect(fd.get(), address.native(), address.native_length()), 0);
    return Peer(std::move(fd));
  }
  /// A client that has sent this.
  Peer connect_and_send(std::string_view bytes, std::size_t to = 0) {
    Peer client = connect(to);
    EXPECT_TRUE(client.send(bytes));
    return client;
  }

  TestServer server;
  TestHandler handler;
  config::EntryPoint settings;
  config::LoadBalancer balancer;
  std::vector<net::IpAddress> resolved;  // of every host name
  balancing::ServerRegistry registry{2};
  bool with_second = false;
  std::unique_ptr<EntryPoint> entry_point;
  std::unique_ptr<Worker> worker;
  std::unique_ptr<Worker> second_worker;  // if `with_second`

 private:
  std::unique_ptr<Worker> start_worker(std::uint32_t index, const WorkerShared& shared) {
    listening_.push_back(
        net::listen_on(net::SocketAddress(net::IpAddress::from_v4(INADDR_LOOPBACK), 0), false).value());
    auto made = std::make_unique<Worker>(index, shared, std::make_unique<Reporter>(nullptr, nullptr));
    made->listen(*entry_point, listening_.back().get());
    return made;
  }

  std::vector<net::Fd> listening_;  // by worker
  BlockingPool blocking_{1};
  std::shared_ptr<const routing::Snapshot> snapshot_;
  std::vector<std::thread> threads_;
};

inline constexpr std::string_view kGet = "GET / HTTP/1.1\r\nHost: a\r\n\r\n";

}  // namespace limpet::proxy
