#pragma once

#include <cstddef>
#include <cstdint>
#include <expected>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/clock.h"
#include "http/chunked.h"
#include "http/head.h"
#include "net/address.h"
#include "net/reactor.h"
#include "net/socket.h"
#include "net/task.h"

/// Clients of the services that the control plane talks to. Control thread only.
namespace limpet::apis {

/// A request to be sent. Method, target, host and fields are checked by whoever made them from something
/// foreign (see http::HeadWriter).
struct HttpRequest {
  std::string method = "GET";
  std::string target;                                       ///< path and query
  std::string host;                                         ///< for the Host field
  std::vector<std::pair<std::string, std::string>> fields;  ///< others; Connection and framing are added
  std::string body;
};

/// The head of an answer.
struct HttpAnswer {
  std::uint16_t status = 0;
  std::string location;  ///< of a redirect
};

/// One request on a connection of its own, and its answer: open(), then read() until it gives an empty text,
/// or the end of the object, which closes the connection. One coroutine uses it at a time; cancel() may come
/// in between.
class HttpExchange {
 public:
  /// Failures are sentences.
  template <class T>
  using Result = std::expected<T, std::string>;

  explicit HttpExchange(net::Reactor& reactor) : reactor_(reactor) {}
  HttpExchange(const HttpExchange&) = delete;
  HttpExchange& operator=(const HttpExchange&) = delete;

  /// Connects to the first of `addresses` that takes the connection, sends the request and reads the head of
  /// the answer, all that before `deadline`, which holds for read() too. Once.
  [[nodiscard]] net::Task<Result<HttpAnswer>> open(std::vector<net::SocketAddress> addresses,
                                                   HttpRequest request, base::TimePoint deadline);
  /// The next piece of the body; empty at its end. Valid until the next call.
  [[nodiscard]] net::Task<Result<std::string_view>> read();
  /// All of the body that is left. Fails if it is longer than `limit` bytes.
  [[nodiscard]] net::Task<Result<std::string>> read_all(std::size_t limit);

  /// read() may take as long as it takes from now on: for streams.
  void clear_deadline() noexcept;
  /// Makes what waits, and everything after it, fail soon.
  void cancel() noexcept;

 private:
  [[nodiscard]] net::Task<Result<HttpAnswer>> ask(std::string text, http::Method method);
  [[nodiscard]] net::Task<Result<std::size_t>> receive();
  [[nodiscard]] Result<std::string_view> take_piece(std::string_view input);

  net::Reactor& reactor_;
  std::unique_ptr<net::Socket> socket_;
  std::vector<char> buffer_;
  std::size_t begin_ = 0;  // of what was received and is not used up
  std::size_t end_ = 0;
  http::Framing framing_;
  std::uint64_t left_ = 0;  // of a body of known length
  http::ChunkedDecoder chunks_;
  bool cancelled_ = false;
};

}  // namespace limpet::apis
