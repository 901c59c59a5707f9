#include "http/server.h"

#include <array>
#include <boost/asio/as_tuple.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/asio/write.hpp>
#include <boost/beast/http/read.hpp>
#include <boost/beast/http/write.hpp>
#include <boost/beast/websocket/rfc6455.hpp>
#include <chrono>
#include <utility>

namespace chat::http {
namespace asio = boost::asio;
namespace beast = boost::beast;
using asio::ip::tcp;
using beast::http::status;

namespace {

constexpr auto kAsTuple = asio::as_tuple(asio::use_awaitable);
constexpr std::size_t kMaxHead = 16 * 1024;
constexpr auto kIdleTime = std::chrono::seconds(65);
constexpr auto kTransferTime = std::chrono::seconds(30);
constexpr auto kLingerTime = std::chrono::seconds(2);
constexpr auto kAcceptPause = std::chrono::milliseconds(100);

std::string_view to_view(beast::string_view text) {
  return {text.data(), text.size()};
}

/// The status that tells a client what is wrong with its head; nothing if there is no one to tell.
std::optional<status> refusal(const beast::error_code& code) {
  using beast::http::error;
  if (code == error::body_limit) return status::payload_too_large;
  if (code == error::header_limit) return status::request_header_fields_too_large;
  if (code == error::end_of_stream || code == error::partial_message) return std::nullopt;
  if (code.category() != make_error_code(error::bad_method).category()) return std::nullopt;
  return status::bad_request;
}

/// Writes a response; true if the connection can carry another request.
asio::awaitable<bool> write(beast::tcp_stream& stream, Response response) {
  stream.expires_after(kTransferTime);
  const bool keep_alive = response.keep_alive();
  const auto [error, bytes] = co_await beast::http::async_write(stream, response, kAsTuple);
  co_return keep_alive && !error;
}

/// Closes after an answer to a request that was not read to its end: the rest is read and thrown away, or the
/// system would reset the connection and the client might never see the answer.
asio::awaitable<void> linger(beast::tcp_stream& stream) {
  beast::error_code ignored;
  stream.socket().shutdown(tcp::socket::shutdown_send, ignored);
  stream.expires_after(kLingerTime);
  std::array<char, 16 * 1024> waste{};
  for (;;) {
    const auto [error, bytes] = co_await stream.async_read_some(asio::buffer(waste), kAsTuple);
    if (error) break;
  }
}

}  // namespace

std::string_view path_of(const Request& request) {
  const auto target = to_view(request.target());
  return target.substr(0, target.find('?'));
}

std::string_view query_value(const Request& request, std::string_view key) {
  auto rest = to_view(request.target());
  auto separator = rest.find('?');
  while (separator != std::string_view::npos) {
    rest.remove_prefix(separator + 1);
    separator = rest.find('&');
    const auto pair = rest.substr(0, separator);
    if (pair.starts_with(key) && pair.size() > key.size() && pair[key.size()] == '=') {
      return pair.substr(key.size() + 1);
    }
  }
  return {};
}

std::string_view field_value(const Request& request, beast::http::field field) {
  return to_view(request[field]);
}

Response make_response(status status, std::string_view content_type, std::string body) {
  Response response;
  response.result(status);
  response.set(beast::http::field::content_type,
               beast::string_view(content_type.data(), content_type.size()));
  response.body() = std::move(body);
  response.prepare_payload();
  return response;
}

asio::awaitable<void> refuse_upgrade(beast::tcp_stream stream, Response response) {
  response.keep_alive(false);
  co_await write(stream, std::move(response));
}

Exchange::Exchange(beast::tcp_stream& stream, beast::flat_buffer& buffer, std::size_t max_body)
    : stream_(stream), buffer_(buffer) {
  parser_.header_limit(kMaxHead);
  parser_.body_limit(max_body);
}

tcp::endpoint Exchange::local() const {
  beast::error_code ignored;
  return stream_.socket().local_endpoint(ignored);
}

asio::awaitable<std::optional<status>> Exchange::read_body() {
  if (parser_.is_done()) co_return std::nullopt;
  stream_.expires_after(kTransferTime);
  if (field_value(request(), beast::http::field::expect) == "100-continue") {
    static constexpr std::string_view kContinue = "HTTP/1.1 100 Continue\r\n\r\n";
    co_await asio::async_write(stream_, asio::buffer(kContinue), kAsTuple);
  }
  const auto [error, bytes] = co_await beast::http::async_read(stream_, buffer_, parser_, kAsTuple);
  if (!error) co_return std::nullopt;
  co_return error == beast::http::error::body_limit ? status::payload_too_large : status::bad_request;
}

asio::awaitable<bool> Exchange::peer_gone() {
  auto& socket = stream_.socket();
  stream_.expires_never();
  if (const auto [error] = co_await socket.async_wait(tcp::socket::wait_read, kAsTuple); error)
    co_return true;
  std::array<char, 1> byte{};
  beast::error_code error;
  const auto bytes = socket.receive(asio::buffer(byte), tcp::socket::message_peek, error);
  co_return error || bytes == 0;
}

Server::Server(asio::io_context& io, const tcp::endpoint& address, Handler& handler, std::size_t max_body)
    : acceptor_(io, address, /*reuse_addr=*/true), handler_(handler), max_body_(max_body) {}

void Server::start() {
  asio::co_spawn(acceptor_.get_executor(), accept_loop(), asio::detached);
}

void Server::stop() {
  acceptor_.close();
  idle_->stopping = true;
  for (auto* stream : idle_->streams) stream->close();
}

asio::awaitable<void> Server::accept_loop() {
  asio::steady_timer pause(acceptor_.get_executor());
  while (acceptor_.is_open()) {
    auto [error, socket] = co_await acceptor_.async_accept(kAsTuple);
    if (error) {  // out of descriptors, say: a moment's rest instead of a busy loop
      if (!acceptor_.is_open()) co_return;
      pause.expires_after(kAcceptPause);
      co_await pause.async_wait(kAsTuple);
      continue;
    }
    asio::co_spawn(acceptor_.get_executor(), serve(std::move(socket)), asio::detached);
  }
}

asio::awaitable<void> Server::serve(tcp::socket socket) {
  const auto idle = idle_;
  beast::error_code ignored;
  socket.set_option(tcp::no_delay(true), ignored);
  beast::tcp_stream stream(std::move(socket));
  beast::flat_buffer buffer;
  for (bool keep_alive = true; keep_alive && !idle->stopping;) {
    Exchange exchange(stream, buffer, max_body_);
    stream.expires_after(kIdleTime);
    idle->streams.insert(&stream);
    const auto [error, bytes] =
        co_await beast::http::async_read_header(stream, buffer, exchange.parser_, kAsTuple);
    idle->streams.erase(&stream);

    std::optional<Response> response;
    if (error) {
      const auto status = refusal(error);
      if (!status) co_return;
      response = make_response(*status, "text/plain", "");
    } else if (beast::websocket::is_upgrade(exchange.request())) {
      if (buffer.size() > 0) co_return;  // frames before the 101: no client of ours does that
      co_await handler_.upgrade(std::move(stream), exchange.parser_.release());
      co_return;
    } else {
      response = co_await handler_.handle(exchange);
      if (!response) co_return;
    }

    const bool read_to_end = !error && exchange.parser_.is_done();
    response->version(11);
    response->keep_alive(read_to_end && exchange.request().keep_alive() && !idle->stopping);
    if (exchange.request().method() == beast::http::verb::head) response->body().clear();
    keep_alive = co_await write(stream, std::move(*response));
    if (!read_to_end) co_await linger(stream);
  }
  stream.socket().shutdown(tcp::socket::shutdown_send, ignored);
}

}  // namespace chat::http
