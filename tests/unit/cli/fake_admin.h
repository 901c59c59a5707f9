#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <mutex>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

#include "net/fd.h"

namespace limpet::cli {

/// A server on a port of 127.0.0.1 of its own that gives each request a fixed kind of answer and remembers
/// it. One connection at a time, one request each.
class FakeAdmin {
 public:
  /// Gives the raw bytes of the answer to a request's head. Called on the server's thread.
  using Answer = std::function<std::string(std::string_view request)>;

  explicit FakeAdmin(Answer answer);
  FakeAdmin(const FakeAdmin&) = delete;
  FakeAdmin& operator=(const FakeAdmin&) = delete;
  ~FakeAdmin();

  [[nodiscard]] std::string address() const;
  [[nodiscard]] std::uint16_t port() const noexcept { return port_; }
  /// The heads of all requests so far.
  [[nodiscard]] std::vector<std::string> requests() const;

 private:
  void serve();

  Answer answer_;
  net::Fd listener_;
  std::uint16_t port_ = 0;
  std::atomic<bool> stopping_{false};
  mutable std::mutex mutex_;
  std::vector<std::string> requests_;
  std::jthread thread_;
};

/// A 200 answer with a JSON body.
[[nodiscard]] std::string json_answer(std::string_view body, std::string_view status = "200 OK");

/// One server as GET /api/servers tells.
[[nodiscard]] std::string server_json(std::string_view id, std::string_view service, std::string_view url,
                                      std::string_view status, int connections, std::string_view capacity);

}  // namespace limpet::cli
