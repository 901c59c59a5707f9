#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <functional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "load/connection.h"
#include "load/options.h"
#include "load/recorder.h"
#include "load/workload.h"
#include "wire/descriptor.h"

namespace limpet::bench {

/// The clients and their event loop. It connects from many source addresses, upgrades, keeps partial output
/// and input, checks each message against the pattern, and hands the rest to the workload.
class Fleet {
 public:
  /// Throws std::system_error when the kernel refuses an epoll set. `options` and `recorder` must outlive the
  /// fleet.
  Fleet(const Options& options, Recorder& recorder);

  /// Must be called once, before anything else.
  void attach(Workload& workload) { workload_ = &workload; }

  [[nodiscard]] std::span<Connection> connections() { return connections_; }
  [[nodiscard]] std::size_t open_count() const { return open_; }
  /// Clients whose connect or handshake failed.
  [[nodiscard]] std::size_t failed_count() const { return failed_; }

  /// Begins a connection, or queues it while options.open_parallel are in flight.
  void connect(Connection& connection);
  /// Sends the bytes, keeping what the socket does not take.
  void send(Connection& connection, std::string_view bytes);
  void close(Connection& connection);

  /// Runs the loop until `done` or until the deadline (CLOCK_MONOTONIC); says whether `done` was reached.
  bool run_until(std::int64_t deadline, const std::function<bool()>& done);

  /// Makes run_until notice input on this descriptor; false when it cannot be watched (a file, /dev/null).
  bool watch_input(int fd);
  /// Whether that descriptor has had input since the last call.
  bool take_input_ready();

 private:
  class FrameCheck;

  void begin_connect(Connection& connection);
  void connect_waiting();
  void handle(Connection& connection, std::uint32_t events);
  void connected(Connection& connection);
  void readable(Connection& connection);
  void received(Connection& connection, std::span<char> data, std::int64_t now);
  void response_received(Connection& connection, std::span<char> data, std::int64_t now);
  void frames_received(Connection& connection, std::span<char> data, std::int64_t now);
  /// Returns how many bytes the response head took: 0 while it is incomplete or when it was refused.
  std::size_t finish_upgrade(Connection& connection, std::string_view bytes);
  void flush(Connection& connection);
  void watch_output(Connection& connection, bool wanted);
  void opened(Connection& connection);
  void give_up(Connection& connection, Failure kind, std::string_view text);
  void lost(Connection& connection, std::string_view text);

  const Options& options_;
  Recorder& recorder_;
  Workload* workload_ = nullptr;
  Descriptor epoll_;
  std::vector<Connection> connections_;
  std::deque<std::uint32_t> waiting_;
  std::vector<char> input_;
  std::size_t in_flight_ = 0;
  std::size_t open_ = 0;
  std::size_t failed_ = 0;
  std::uint64_t next_key_seed_ = 1;
  bool input_ready_ = false;
};

}  // namespace limpet::bench
