#include "routes.h"

#include <nlohmann/json.hpp>
#include <utility>

namespace chat {
namespace asio = boost::asio;
namespace beast = boost::beast;
using beast::http::field;
using beast::http::status;
using beast::http::verb;

namespace {

bool is_socket_path(std::string_view path) {
  return path == "/ws" || path == "/ws/";
}

}  // namespace

Routes::Routes(engineio::Server& engine, std::string name, std::string page)
    : engine_(engine), name_(std::move(name)), page_(std::move(page)) {}

asio::awaitable<std::optional<http::Response>> Routes::handle(http::Exchange& exchange) {
  if (is_socket_path(http::path_of(exchange.request()))) co_return co_await engine_.handle(exchange);
  const auto method = exchange.request().method();
  if (method == verb::get || method == verb::head) co_return document(exchange);
  auto response = http::make_response(status::method_not_allowed, "text/plain", "Only GET and HEAD\n");
  response.set(field::allow, "GET, HEAD");
  co_return response;
}

asio::awaitable<void> Routes::upgrade(beast::tcp_stream stream, http::Request request) {
  if (is_socket_path(http::path_of(request))) {
    co_await engine_.upgrade(std::move(stream), std::move(request));
    co_return;
  }
  auto response = http::make_response(status::not_found, "text/plain", "No WebSocket here; try /ws\n");
  co_await http::refuse_upgrade(std::move(stream), std::move(response));
}

http::Response Routes::document(const http::Exchange& exchange) const {
  const auto path = http::path_of(exchange.request());
  if (path == "/") {
    auto response = http::make_response(status::ok, "text/html; charset=utf-8", page_);
    response.set(field::cache_control, "no-cache");
    return response;
  }
  if (path == "/hostname") {
    const nlohmann::json identity = {{"ip", exchange.local().address().to_string()}, {"hostname", name_}};
    auto response = http::make_response(status::ok, "application/json; charset=utf-8", identity.dump());
    response.set(field::cache_control, "no-store");
    return response;
  }
  if (path == "/health") return http::make_response(status::ok, "text/plain", "ok");
  return http::make_response(status::not_found, "text/plain", "Not found\n");
}

}  // namespace chat
