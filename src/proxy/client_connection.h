#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "http/head.h"
#include "net/buffer.h"
#include "net/socket.h"
#include "net/task.h"
#include "proxy/entry_point.h"
#include "proxy/worker.h"

namespace limpet::proxy {

class SeatWait;

/// A client's connection from accept to its end, or to the hand-over of its socket to the relay engine. Lives
/// in the frame of serve(); its memory is gone once the connection is a tunnel.
class ClientConnection {
 public:
  /// Serves requests one after the other until the connection ends.
  [[nodiscard]] static net::Task<void> serve(Worker& worker, const EntryPoint& entry_point, net::Fd fd,
                                             net::SocketAddress peer);

  ClientConnection(Worker& worker, const EntryPoint& entry_point, net::Fd fd, const net::SocketAddress& peer);
  ClientConnection(const ClientConnection&) = delete;
  ClientConnection& operator=(const ClientConnection&) = delete;
  ~ClientConnection();

  [[nodiscard]] Worker& worker() noexcept { return worker_; }
  [[nodiscard]] const EntryPoint& entry_point() const noexcept { return entry_point_; }
  [[nodiscard]] net::Socket& socket() noexcept { return socket_; }
  [[nodiscard]] net::ReadBuffer& buffer() noexcept { return buffer_; }
  [[nodiscard]] const http::RequestHead& head() const noexcept { return head_; }
  /// The client's address: the peer's, or what a trusted PROXY header says.
  [[nodiscard]] const net::SocketAddress& client() const noexcept { return client_; }
  /// Scratch text of this connection, for heads to be written.
  [[nodiscard]] std::string& scratch() noexcept { return scratch_; }

  /// Whether another request may follow the one under way, as far as we are concerned.
  [[nodiscard]] bool may_continue() const noexcept;

  /// Closes the connection if it is between requests. For shutdown.
  void close_if_idle() noexcept;
  /// Closes the connection if it is between requests, or has long had time for its first one. For want of
  /// descriptors.
  void close_if_spare() noexcept;
  /// The request waits for a seat, or (null) does no more.
  void set_waiting(SeatWait* wait) noexcept { waiting_ = wait; }
  /// Ends a wait for a seat.
  void stop_waiting() noexcept;
  /// Breaks off whatever it is doing.
  void abort() noexcept { socket_.cancel(); }

 private:
  friend class Worker;
  enum class HeadResult : std::uint8_t { kReady, kClosed, kRefused };

  [[nodiscard]] net::Task<void> run();
  [[nodiscard]] net::Task<bool> read_proxy_header();
  [[nodiscard]] net::Task<HeadResult> read_head();
  [[nodiscard]] net::Task<void> refuse(http::HeadError error);
  [[nodiscard]] net::Task<void> linger();
  void keep_head(std::size_t size);

  Worker& worker_;
  const EntryPoint& entry_point_;
  net::SocketAddress client_;
  net::Socket socket_;
  net::ReadBuffer buffer_;
  http::RequestHead head_;
  std::string head_bytes_;  // what head_ points into: the buffer moves on while a body is read
  std::string scratch_;
  base::TimePoint opened_;
  std::uint32_t requests_ = 0;
  bool idle_ = true;
  SeatWait* waiting_ = nullptr;
  ClientConnection* previous_ = nullptr;  // the worker's list
  ClientConnection* next_ = nullptr;
};

}  // namespace limpet::proxy
