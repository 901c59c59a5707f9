#pragma once

#include <array>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "net/fd.h"
#include "net/listener.h"
#include "net/reactor.h"
#include "net/socket.h"
#include "net/task.h"

namespace limpet::apis {

/// A server on a port of its own that answers each request with a text of the test's choice. Lives in the
/// test's reactor, which is turned until `connections()` is 0 before the end.
class CannedServer {
 public:
  /// The whole answer to a request, or nothing to stay silent until the client goes away.
  using Answer = std::function<std::optional<std::string>(std::string_view request)>;

  CannedServer(net::Reactor& reactor, Answer answer,
               const net::SocketAddress& where = {*net::IpAddress::parse("127.0.0.1"), 0})
      : reactor_(reactor),
        answer_(std::move(answer)),
        fd_(net::listen_on(where, false).value()),
        listener_(reactor, fd_.get(),
                  [this](net::Fd fd, const net::SocketAddress&) { net::spawn(serve(std::move(fd))); }) {}

  [[nodiscard]] net::SocketAddress address() const { return net::local_address(fd_.get()); }
  [[nodiscard]] std::string authority() const { return address().text(); }
  [[nodiscard]] std::string url() const { return "http://" + authority(); }
  /// What was received so far: heads, each with its body.
  [[nodiscard]] const std::vector<std::string>& requests() const { return requests_; }
  [[nodiscard]] int connections() const { return connections_; }
  [[nodiscard]] int most_connections() const { return most_connections_; }

 private:
  net::Task<void> serve(net::Fd fd) {
    ++connections_;
    most_connections_ = std::max(most_connections_, connections_);
    {
      net::Socket socket(reactor_, std::move(fd), base::Side::kClient);
      std::string request;
      std::array<char, 4096> buffer{};
      bool open = true;
      while (open && !is_whole(request)) {
        const auto count = co_await socket.read(buffer);
        open = count.value_or(0) > 0;
        if (open) request.append(buffer.data(), *count);
      }
      if (open) {
        requests_.push_back(request);
        const std::optional<std::string> answer = answer_(request);
        if (answer) {
          (void)co_await socket.write(*answer);
        } else {
          (void)co_await socket.read(buffer);
        }
      }
    }
    --connections_;
  }

  /// Bodies have a Content-Length.
  static bool is_whole(std::string_view request) {
    constexpr std::string_view kLength = "\r\nContent-Length: ";
    const std::size_t end = request.find("\r\n\r\n");
    if (end == std::string_view::npos) return false;
    const std::size_t field = request.find(kLength);
    const std::size_t length =
        field > end ? 0 : std::stoul(std::string(request.substr(field + kLength.size(), 10)));
    return request.size() >= end + 4 + length;
  }

  net::Reactor& reactor_;
  Answer answer_;
  net::Fd fd_;
  net::Listener listener_;
  std::vector<std::string> requests_;
  int connections_ = 0;
  int most_connections_ = 0;
};

/// Turns the reactor until `condition()` holds; false if that takes longer than ten seconds.
inline bool turn_until(net::Reactor& reactor, const std::function<bool()>& condition) {
  const base::TimePoint deadline = base::Clock::now() + std::chrono::seconds(10);
  while (!condition()) {
    if (base::Clock::now() > deadline) return false;
    reactor.run_once(std::chrono::milliseconds(50));
  }
  return true;
}

}  // namespace limpet::apis
