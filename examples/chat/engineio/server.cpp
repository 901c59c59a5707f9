#include "engineio/server.h"

#include <boost/asio/experimental/awaitable_operators.hpp>
#include <nlohmann/json.hpp>
#include <span>
#include <utility>
#include <vector>

#include "engineio/base64.h"
#include "engineio/websocket.h"

namespace chat::engineio {
namespace asio = boost::asio;
namespace beast = boost::beast;
using beast::http::field;
using beast::http::status;
using beast::http::verb;

namespace {

/// The errors of Engine.IO, with their codes on the wire.
enum class Refusal {
  kUnknownTransport = 0,
  kUnknownSession = 1,
  kBadHandshakeMethod = 2,
  kBadRequest = 3,
  kUnsupportedProtocol = 5,
};

std::string_view message(Refusal refusal) {
  switch (refusal) {
    case Refusal::kUnknownTransport:
      return "Transport unknown";
    case Refusal::kUnknownSession:
      return "Session ID unknown";
    case Refusal::kBadHandshakeMethod:
      return "Bad handshake method";
    case Refusal::kUnsupportedProtocol:
      return "Unsupported protocol version";
    case Refusal::kBadRequest:
      break;
  }
  return "Bad request";
}

http::Response refuse(Refusal refusal) {
  const nlohmann::json body = {{"code", std::to_underlying(refusal)}, {"message", message(refusal)}};
  return http::make_response(status::bad_request, "application/json", body.dump());
}

/// What is wrong with a request, if anything; `session` is the one its sid names, or null.
std::optional<Refusal> check(const http::Request& request, bool is_upgrade, const Session* session) {
  const auto transport = http::query_value(request, "transport");
  const bool is_websocket = transport == "websocket";
  if (!is_websocket && transport != "polling") return Refusal::kUnknownTransport;
  const bool protocol_4 = http::query_value(request, "EIO") == "4";
  if (!http::query_value(request, "sid").empty()) {
    if (session == nullptr) return Refusal::kUnknownSession;
    const bool fits =
        is_upgrade ? is_websocket : is_websocket == (session->transport() == Transport::kWebSocket);
    if (!fits || !protocol_4) return Refusal::kBadRequest;
    return std::nullopt;
  }
  if (request.method() != verb::get) return Refusal::kBadHandshakeMethod;
  if (is_websocket != is_upgrade) return Refusal::kBadRequest;
  if (!protocol_4) return Refusal::kUnsupportedProtocol;
  return std::nullopt;
}

/// Lets pages of every origin in, with their cookies: who may use this server is not decided by origin.
void allow_origin(const http::Request& request, http::Response& response) {
  const auto origin = request[field::origin];
  response.set(field::vary, "Origin");
  if (origin.empty()) return;
  response.set(field::access_control_allow_origin, origin);
  response.set(field::access_control_allow_credentials, "true");
}

http::Response preflight(const http::Request& request) {
  http::Response response;
  response.result(status::no_content);
  response.set(field::access_control_allow_methods, "GET,POST");
  if (const auto wanted = request[field::access_control_request_headers]; !wanted.empty()) {
    response.set(field::access_control_allow_headers, wanted);
  }
  return response;
}

http::Response poll_answer(std::span<const Packet> packets) {
  return http::make_response(status::ok, "text/plain; charset=UTF-8", encode_payload(packets));
}

/// Clears a session's mark of a request under way, whichever way the request ends.
class [[nodiscard]] Mark {
 public:
  Mark(Session& session, void (Session::*clear)()) : session_(session), clear_(clear) {}
  Mark(const Mark&) = delete;
  Mark& operator=(const Mark&) = delete;
  ~Mark() { (session_.*clear_)(); }

 private:
  Session& session_;
  void (Session::*clear_)();
};

}  // namespace

Server::Server(asio::any_io_executor executor, Settings settings, Application& application)
    : executor_(std::move(executor)), settings_(settings), application_(application) {}

asio::awaitable<std::optional<http::Response>> Server::handle(http::Exchange& exchange) {
  const auto& request = exchange.request();
  const auto session = find(http::query_value(request, "sid"));
  std::optional<http::Response> response;
  if (request.method() == verb::options) {
    response = preflight(request);
  } else if (const auto refusal = check(request, /*is_upgrade=*/false, session.get())) {
    response = refuse(*refusal);
  } else if (request.method() == verb::get) {
    response = co_await poll(exchange, session ? session : open(Transport::kPolling, exchange.local()));
  } else if (request.method() == verb::post) {
    response = co_await post(exchange, session);
  } else {
    response = refuse(Refusal::kBadRequest);
  }
  if (response) {
    response->set(field::cache_control, "no-store");
    allow_origin(request, *response);
  }
  co_return response;
}

asio::awaitable<std::optional<http::Response>> Server::poll(http::Exchange& exchange,
                                                            SessionPointer session) {
  using asio::experimental::awaitable_operators::operator||;
  if (!session->begin_poll()) {
    session->close(CloseReason::kTransportError);
    co_return refuse(Refusal::kBadRequest);
  }
  const Mark mark(*session, &Session::end_poll);
  const auto is_over = [&] {
    return !session->open() || session->poll_released() || session->transport() != Transport::kPolling;
  };
  bool watch_peer = true;
  while (!session->has_output() && !is_over()) {
    if (!watch_peer) {
      co_await session->next_change();
      continue;
    }
    const auto first = co_await (session->next_change() || exchange.peer_gone());
    if (const bool* gone = std::get_if<1>(&first)) {
      if (*gone) {
        session->close(CloseReason::kTransportError);
        co_return std::nullopt;
      }
      watch_peer = false;  // the client has sent its next request early; it is there
    }
  }
  std::vector<Packet> packets;
  if (session->transport() == Transport::kPolling) packets = session->take_output();
  if (!session->open()) {
    const bool by_client = session->close_reason() == CloseReason::kClient;
    packets.push_back({.type = by_client ? PacketType::kNoop : PacketType::kClose});
  }
  if (packets.empty()) packets.push_back({.type = PacketType::kNoop});
  co_return poll_answer(packets);
}

asio::awaitable<std::optional<http::Response>> Server::post(http::Exchange& exchange,
                                                            SessionPointer session) {
  const bool is_binary =
      http::field_value(exchange.request(), field::content_type) == "application/octet-stream";
  if (is_binary || !session->begin_post()) {
    session->close(CloseReason::kTransportError);
    co_return refuse(Refusal::kBadRequest);
  }
  const Mark mark(*session, &Session::end_post);
  if (const auto failure = co_await exchange.read_body()) {
    if (*failure == status::payload_too_large) co_return http::make_response(*failure, "text/plain", "");
    session->close(CloseReason::kTransportError);
    co_return std::nullopt;
  }
  std::string_view rest = exchange.request().body();
  for (bool more = true; more && session->open();) {
    const auto end = rest.find(kRecordSeparator);
    more = end != std::string_view::npos;
    auto packet = decode_payload_packet(rest.substr(0, end));
    if (!packet) {
      session->close(CloseReason::kParseError);
      co_return refuse(Refusal::kBadRequest);
    }
    session->receive(std::move(*packet));
    if (more) rest.remove_prefix(end + 1);
  }
  // text/html, since some browsers offer an answer of text/plain as a download
  co_return http::make_response(status::ok, "text/html", "ok");
}

asio::awaitable<void> Server::upgrade(beast::tcp_stream stream, http::Request request) {
  const auto sid = http::query_value(request, "sid");
  if (const auto refusal = check(request, /*is_upgrade=*/true, find(sid).get())) {
    co_await http::refuse_upgrade(std::move(stream), http::make_response(status::bad_request, "text/html",
                                                                         std::string(message(*refusal))));
    co_return;
  }
  beast::error_code ignored;
  const auto local = stream.socket().local_endpoint(ignored);
  const auto websocket = co_await accept_websocket(std::move(stream), request, settings_.max_payload);
  if (!websocket) co_return;
  if (sid.empty()) {
    co_await serve_websocket(websocket, open(Transport::kWebSocket, local));
  } else if (auto session = find(sid); session && session->begin_upgrade()) {
    co_await upgrade_to_websocket(websocket, std::move(session), settings_);
  } else {
    co_await close_websocket(websocket);
  }
}

void Server::close_all() {
  const auto sessions = sessions_;  // closing a session takes it out of the table
  for (const auto& [sid, session] : sessions) session->close(CloseReason::kServer);
}

void Server::on_message(Session& session, Packet message) {
  application_.on_message(session, std::move(message));
}

void Server::on_close(Session& session, CloseReason reason) {
  const auto keep = session.shared_from_this();
  sessions_.erase(session.id());
  application_.on_close(session, reason);
}

Server::SessionPointer Server::find(std::string_view sid) const {
  const auto found = sessions_.find(std::string(sid));
  return found == sessions_.end() ? nullptr : found->second;
}

Server::SessionPointer Server::open(Transport transport, const asio::ip::tcp::endpoint& local) {
  auto session = std::make_shared<Session>(executor_, random_id(), transport, local, settings_, *this);
  sessions_.emplace(session->id(), session);
  session->start();
  application_.on_open(*session);
  return session;
}

}  // namespace chat::engineio
