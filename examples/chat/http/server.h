#pragma once

#include <boost/asio/awaitable.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/core/tcp_stream.hpp>
#include <boost/beast/http/message.hpp>
#include <boost/beast/http/parser.hpp>
#include <boost/beast/http/string_body.hpp>
#include <cstddef>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <string_view>

namespace chat::http {

using Request = boost::beast::http::request<boost::beast::http::string_body>;
using Response = boost::beast::http::response<boost::beast::http::string_body>;

/// The request target up to the question mark.
[[nodiscard]] std::string_view path_of(const Request& request);

/// The value of a query parameter as it stands in the target, not decoded; empty if it is not there.
[[nodiscard]] std::string_view query_value(const Request& request, std::string_view key);

/// A header field's value, empty if it is not there.
[[nodiscard]] std::string_view field_value(const Request& request, boost::beast::http::field field);

/// An answer with a body and its length; further fields are the caller's to add.
[[nodiscard]] Response make_response(boost::beast::http::status status, std::string_view content_type,
                                     std::string body);

/// Says no to a request for an upgrade; the connection ends with it.
[[nodiscard]] boost::asio::awaitable<void> refuse_upgrade(boost::beast::tcp_stream stream, Response response);

/// One request whose head has been read and whose body may still be on its way. Lives in the coroutine of
/// its connection.
class Exchange {
 public:
  Exchange(boost::beast::tcp_stream& stream, boost::beast::flat_buffer& buffer, std::size_t max_body);

  /// The request; its body is empty before read_body.
  [[nodiscard]] const Request& request() const { return parser_.get(); }
  /// The address the client connected to.
  [[nodiscard]] boost::asio::ip::tcp::endpoint local() const;

  /// Reads the body (at most 30 s). Returns the status to answer with when that fails: 413 or 400.
  [[nodiscard]] boost::asio::awaitable<std::optional<boost::beast::http::status>> read_body();
  /// Returns when the client has sent something or gone away; true means gone away. Bytes of a next request
  /// that came early do not count.
  [[nodiscard]] boost::asio::awaitable<bool> peer_gone();

 private:
  friend class Server;

  boost::beast::tcp_stream& stream_;
  boost::beast::flat_buffer& buffer_;
  boost::beast::http::request_parser<boost::beast::http::string_body> parser_;
};

/// Answers the requests that a Server reads.
class Handler {
 public:
  virtual ~Handler() = default;
  /// The answer to a request; nothing if the connection is to be dropped without one.
  [[nodiscard]] virtual boost::asio::awaitable<std::optional<Response>> handle(Exchange& exchange) = 0;
  /// Takes over the connection of a WebSocket upgrade.
  [[nodiscard]] virtual boost::asio::awaitable<void> upgrade(boost::beast::tcp_stream stream,
                                                             Request request) = 0;
};

/// Accepts connections and reads HTTP/1 requests from them, one after the other. Single-threaded.
class Server {
 public:
  /// Binds and listens; throws boost::system::system_error if the address cannot be had.
  Server(boost::asio::io_context& io, const boost::asio::ip::tcp::endpoint& address, Handler& handler,
         std::size_t max_body);

  /// Starts accepting.
  void start();
  /// Stops accepting and closes the connections that wait for their next request.
  void stop();
  /// The address in use, with the real port.
  [[nodiscard]] boost::asio::ip::tcp::endpoint address() const { return acceptor_.local_endpoint(); }

 private:
  /// Connections between requests. Shared with the coroutines, which may be the last to go.
  struct Idle {
    std::set<boost::beast::tcp_stream*> streams;
    bool stopping = false;
  };

  [[nodiscard]] boost::asio::awaitable<void> accept_loop();
  [[nodiscard]] boost::asio::awaitable<void> serve(boost::asio::ip::tcp::socket socket);

  boost::asio::ip::tcp::acceptor acceptor_;
  Handler& handler_;
  const std::size_t max_body_;
  const std::shared_ptr<Idle> idle_ = std::make_shared<Idle>();
};

}  // namespace chat::http
