#include "proxy/server_try.h"

#include <unistd.h>
#include <climits>

#include <algorithm>
#include <array>
#include <charconv>
#include <utility>

#include "base/log.h"
#include "base/text.h"
#include "base/units.h"
#include "http/cookie.h"
#include "proxy/exchange.h"
#include "proxy/heads.h"
#include "proxy/tunnel_owner.h"

namespace limpet::proxy {
namespace {

constexpr base::Duration kIdleServerConnection = std::chrono::seconds(60);
constexpr base::Duration kWaitForContinue = std::chrono::seconds(1);
constexpr std::uint32_t kMaxInterim = 16;
constexpr std::uint16_t kClientClosedRequest = 499;  // for the log only
constexpr http::HeadLimits kResponseLimits{.max_bytes = 256 * 1024, .max_fields = 200};

// How long a server keeps an idle connection, less a second: "Keep-Alive: timeout=5".
base::Duration server_keep_alive(const http::ResponseHead& head) {
  const auto value = head.find(http::FieldId::kKeepAlive);
  if (!value) return kIdleServerConnection;
  for (const std::string_view part : base::split_list(*value, ',')) {
    constexpr std::string_view kTimeout = "timeout=";
    if (!part.starts_with(kTimeout)) continue;
    int seconds = 0;
    const auto [end, error] =
        std::from_chars(part.data() + kTimeout.size(), part.data() + part.size(), seconds);
    if (error != std::errc{} || seconds <= 1) return base::Duration(0);
    return std::min(kIdleServerConnection, base::Duration(std::chrono::seconds(seconds - 1)));
  }
  return kIdleServerConnection;
}

// This machine's name, for X-Forwarded-Server.
const std::string& host_name() {
  static const std::string name = [] {
    std::array<char, HOST_NAME_MAX + 1> text{};
    return ::gethostname(text.data(), text.size() - 1) == 0 ? std::string(text.data()) : std::string{};
  }();
  return name;
}

bool is_idempotent(http::Method method) noexcept {
  using enum http::Method;
  return method == kGet || method == kHead || method == kPut || method == kDelete || method == kOptions ||
         method == kTrace;
}

// An Engine.IO handshake by polling: its answer names the session.
bool is_polling_handshake(const http::RequestHead& head) noexcept {
  return http::find_query(head.query, "EIO") && !http::find_query(head.query, "sid") &&
         http::find_query(head.query, "transport") == "polling";
}

}  // namespace

ServerTry::ServerTry(Exchange& exchange, const balancing::Service& service,
                     balancing::Selected& selected) noexcept
    : exchange_(exchange),
      service_(service),
      selected_(selected),
      server_(service.servers()[selected.index]) {
  body_.framing = exchange.head().framing;
  told_to_continue_ = exchange.told_to_continue();
}

ServerTry::~ServerTry() = default;

bool ServerTry::may_repeat() const noexcept {
  const http::RequestHead& head = exchange_.head();
  return is_idempotent(head.method) && head.framing.kind == http::BodyKind::kNone;
}

ServerTry::Body ServerTry::body() const noexcept {
  if (!body_begun_) return Body::kUntouched;
  return body_sent_ ? Body::kTaken : Body::kBroken;
}

bool ServerTry::body_is_here() const noexcept {
  const http::Framing& framing = exchange_.head().framing;
  if (framing.kind == http::BodyKind::kNone || exchange_.kept_body()) return true;
  return framing.kind == http::BodyKind::kLength && !exchange_.head().expect_continue &&
         framing.length <= exchange_.connection().buffer().view().size();
}

net::Task<ServerTry::Result> ServerTry::run(bool fresh) {
  Worker& worker = exchange_.connection().worker();
  Report& report = exchange_.report();
  report.server_url = server_.url;
  report.server_addr = server_.host;
  const base::TimePoint began = base::Clock::now();
  telemetry::TrafficCounters::add(server_.state->traffic(worker.index()).requests, 1);
  if (!fresh) connection_ = worker.servers().take(server_.state);
  net::Socket& client = exchange_.connection().socket();
  Result result = Result::kOtherServer;
  // A server has every address of its name: where one can't be reached, the next is tried.
  do {
    if (connection_ == nullptr && !connect()) co_return failed(failure_);
    written_before_ = connection_->socket.bytes_written();
    compose_request();
    using enum net::Socket::HangUpKind;
    client.on_hang_up(&ServerTry::client_hung_up, this, body_is_here() ? kHalf : kBroken);
    result = co_await exchange_messages();
    client.on_hang_up(nullptr, nullptr);
    if (result == Result::kOtherServer) connection_.reset();
  } while (result == Result::kOtherServer && next_address_ < server_.addresses.size());
  report.server_duration = base::Clock::now() - began;
  if (!client_gone_ || result == Result::kHandedOver) co_return result;
  if (report.status == 0) report.status = kClientClosedRequest;
  co_return Result::kAbort;
}

bool ServerTry::connect() {
  Worker& worker = exchange_.connection().worker();
  failure_ = {.kind = base::FailureKind::kUnreachable, .side = base::Side::kServer};
  while (next_address_ < server_.addresses.size()) {
    auto fd = net::Socket::start_connect(server_.addresses[next_address_++]);
    if (!fd) {
      failure_ = fd.error();
      continue;
    }
    connection_ = std::make_unique<ServerConnection>(worker.reactor(), worker.buffers(), std::move(*fd));
    if (connection_->socket.valid()) return true;
    failure_ = {.kind = base::FailureKind::kNoDescriptors, .side = base::Side::kOwn};
    connection_.reset();
  }
  if (failure_.kind == base::FailureKind::kNoDescriptors) worker.shed();
  return false;
}

void ServerTry::compose_request() {
  const http::RequestHead& head = exchange_.head();
  RequestContext& context = exchange_.context();
  // Cleartext HTTP/2 must not be smuggled past us by an upgrade.
  if (head.upgrade) {
    upgrade_ = head.find(http::FieldId::kUpgrade).value_or("");
    if (base::iequals(upgrade_, "h2c")) upgrade_ = {};
  }
  const std::string client =
      exchange_.connection().client().is_unix() ? std::string{} : context.client.text();
  ServerRequest request;
  request.context = &context;
  request.forwarded.client_ip = client;
  request.forwarded.server_name = host_name();
  request.forwarded.tls = context.tls;
  request.forwarded.trusted = exchange_.trusted();
  // An HTTP/1.0 client may name no host, and servers refuse an empty one.
  const bool pass_host = service_.settings().pass_host_header && !head.host.empty();
  request.host = pass_host ? head.host : std::string_view(server_.host);
  request.path_prefix = server_.path_prefix;
  request.upgrade = upgrade_;
  head_.clear();
  compose_request_head(head_, request);
}

ServerTry::Result ServerTry::failed(base::Failure failure) {
  failure_ = body_failure_.value_or(failure);
  if (client_gone_) return Result::kAbort;
  if (body_failure_) return Result::kFailed;
  Worker& worker = exchange_.connection().worker();
  const bool untouched = connection_ == nullptr || connection_->socket.bytes_written() == written_before_;
  const bool reused = connection_ != nullptr && connection_->reused;
  const bool silent = failure.kind == base::FailureKind::kClosed || failure.kind == base::FailureKind::kReset;
  if (reused && silent && !body_begun_ && (may_repeat() || untouched)) return Result::kSameServer;
  if (failure.side == base::Side::kOwn) return Result::kFailed;
  if (untouched && !body_begun_ && next_address_ < server_.addresses.size()) return Result::kOtherServer;
  telemetry::TrafficCounters::add(server_.state->traffic(worker.index()).failures, 1);
  note_failure();
  return untouched && !body_begun_ ? Result::kOtherServer : Result::kFailed;
}

void ServerTry::note_failure() {
  const auto& passive = service_.settings().passive_health_check;
  if (!passive) return;
  const base::TimePoint now = exchange_.connection().worker().reactor().now();
  if (server_.state->note_failure(now, passive->failure_window, passive->max_failed_attempts)) {
    base::log_warn("service {}: server {} failed {} times within {} and gets no requests for as long",
                   service_.name(), server_.url, passive->max_failed_attempts,
                   base::format_duration(passive->failure_window));
  }
}

void ServerTry::client_hung_up(void* self) noexcept {
  auto* attempt = static_cast<ServerTry*>(self);
  attempt->client_gone_ = true;
  attempt->connection_->socket.cancel();
}

net::Task<ServerTry::Result> ServerTry::exchange_messages() {
  net::Socket& server = connection_->socket;
  ClientConnection& client = exchange_.connection();
  server.set_deadline(service_.settings().connect_timeout);
  if (body_is_here()) {
    const auto& kept = exchange_.kept_body();
    const std::string_view body =
        kept ? std::string_view(kept->bytes) : client.buffer().view().substr(0, body_.framing.length);
    net::Pieces pieces(head_);
    if (kept) pieces.add(kept->before);
    pieces.add(body);
    if (kept) pieces.add(kept->after);
    if (service_.counts_sessions()) session_ends_ = balancing::closes_session(body);
    const auto sent = co_await server.write(pieces);
    if (!sent) co_return failed(sent.error());
    if (!kept) {
      client.buffer().consume(body.size());
      client.buffer().shrink();
    }
    body_.moved = body.size();
    body_begun_ = !body.empty();
    body_sent_ = true;
    const Result result = co_await receive();
    co_return result;
  }

  const auto sent = co_await server.write(head_);
  if (!sent) co_return failed(sent.error());
  server.clear_deadline();
  if (exchange_.head().expect_continue && client.buffer().empty()) {
    const std::optional<Result> refused = co_await wait_for_continue();
    if (refused) co_return *refused;
  }
  net::Fork sender(send_body());
  Result result = co_await receive();
  if (!sender.done()) {
    // Answered before the body was wanted whole: what is left of it can't be told from a next request.
    server.cancel();
    client.socket().interrupt_read();
    co_await sender.join();
  }
  if (!body_sent_ && result == Result::kKeepAlive) result = Result::kClose;
  co_return result;
}

net::Task<void> ServerTry::send_body() {
  ClientConnection& client = exchange_.connection();
  body_.from = &client.socket();
  body_.buffer = &client.buffer();
  body_.to = &connection_->socket;
  body_.coding = body_.framing.kind == http::BodyKind::kChunked ? BodyCoding::kChunked : BodyCoding::kRaw;
  body_.read_timeout = client.entry_point().settings.transport.read_timeout;
  // The time to answer begins when the body is there, but a server must not stop reading for as long either.
  body_.write_timeout = service_.settings().response_timeout;
  body_begun_ = true;
  const auto moved = co_await move_body(body_);
  if (moved) {
    body_sent_ = true;
    if (awaiting_head_) connection_->socket.set_deadline(service_.settings().response_timeout);
    client.socket().on_hang_up(&ServerTry::client_hung_up, this);
    co_return;
  }
  using enum base::FailureKind;
  const base::FailureKind kind = moved.error().kind;
  if (moved.error().side != base::Side::kClient || kind == kCancelled) co_return;
  if (kind == kProtocol || kind == kTimeout) {
    body_failure_ = moved.error();
  } else {
    client_gone_ = true;
  }
  connection_->socket.cancel();
}

// The server says whether it wants the body; one that does not know the expectation gets it after a second.
// Gives the end of the try if it does not want it.
net::Task<std::optional<ServerTry::Result>> ServerTry::wait_for_continue() {
  while (true) {
    const auto size = co_await read_head(kWaitForContinue);
    if (!size && size.error().kind != base::FailureKind::kTimeout) co_return failed(size.error());
    if (!size) {
      connection_->socket.clear_deadline();
      if (!told_to_continue_) {
        const auto sent = co_await exchange_.connection().socket().write("HTTP/1.1 100 Continue\r\n\r\n");
        if (!sent) co_return Result::kAbort;
      }
      told_to_continue_ = true;
      co_return std::nullopt;
    }
    if (!is_interim()) {
      const Result result = co_await finish(*size);
      co_return result == Result::kKeepAlive ? Result::kClose : result;
    }
    const bool go_on = response_.status == 100;
    const std::optional<Result> ended = co_await pass_interim(*size);
    if (ended || go_on) co_return ended;
  }
}

net::Task<std::expected<std::size_t, base::Failure>> ServerTry::read_head(base::Duration timeout) {
  net::Socket& server = connection_->socket;
  net::ReadBuffer& buffer = connection_->buffer;
  server.set_deadline(timeout);
  std::size_t seen = 0;  // bytes of a head that is not complete yet
  while (true) {
    if (!buffer.empty() && http::worth_parsing_again(buffer.view(), seen, kResponseLimits)) {
      const auto size =
          http::parse_response_head(buffer.view(), kResponseLimits, exchange_.head().method, response_);
      if (!size) {
        co_return std::unexpected(
            base::Failure{.kind = base::FailureKind::kProtocol, .side = base::Side::kServer});
      }
      if (*size > 0) {
        server.clear_deadline();
        co_return *size;
      }
    }
    seen = buffer.view().size();
    if (seen == 0) {
      const auto readable = co_await server.wait_readable();
      if (!readable) co_return std::unexpected(readable.error());
    }
    const auto got = co_await server.read(buffer.room(kResponseLimits.max_bytes + net::Block::kSize));
    if (!got) co_return std::unexpected(got.error());
    if (*got == 0) {
      co_return std::unexpected(
          base::Failure{.kind = base::FailureKind::kClosed, .side = base::Side::kServer});
    }
    buffer.filled(*got);
  }
}

bool ServerTry::is_interim() const noexcept {
  return response_.status < 200 && response_.status != 101;
}

net::Task<ServerTry::Result> ServerTry::receive() {
  while (true) {
    awaiting_head_ = true;
    const auto size =
        co_await read_head(body_sent_ ? service_.settings().response_timeout : base::Duration{});
    awaiting_head_ = false;
    if (!size) co_return failed(size.error());
    if (!is_interim()) {
      const Result result = co_await finish(*size);
      co_return result;
    }
    const std::optional<Result> ended = co_await pass_interim(*size);
    if (ended) co_return *ended;
  }
}

// Goes on with the answer that is not an interim one.
net::Task<ServerTry::Result> ServerTry::finish(std::size_t head_size) {
  // Its connection is not kept: the answer may have a body.
  replay_ = find_replay(service_, server_, response_);
  if (replay_) co_return Result::kReplay;
  if (response_.status != 101) {
    const Result result = co_await pass_response(head_size);
    co_return result;
  }
  const bool asked = response_.upgrade && !upgrade_.empty() &&
                     base::iequals(response_.find(http::FieldId::kUpgrade).value_or(""), upgrade_);
  if (!asked) co_return failed({.kind = base::FailureKind::kProtocol, .side = base::Side::kServer});
  const Result result = co_await hand_over(head_size);
  co_return result;
}

// Gives the end of the try if there can be no other head after this one.
net::Task<std::optional<ServerTry::Result>> ServerTry::pass_interim(std::size_t head_size) {
  if (++interim_ > kMaxInterim) {
    co_return failed({.kind = base::FailureKind::kProtocol, .side = base::Side::kServer});
  }
  const bool known = response_.status == 100 && told_to_continue_;
  if (exchange_.head().minor_version >= 1 && !known) {
    std::string out;
    compose_response_head(out, {.head = &response_});
    const auto sent = co_await exchange_.connection().socket().write(out);
    if (!sent) co_return Result::kAbort;
  }
  connection_->buffer.consume(head_size);
  co_return std::nullopt;
}

void ServerTry::add_sticky_cookie() {
  if (selected_.write_cookie) exchange_.cookies().push_back(service_.set_cookie(selected_.index));
}

void ServerTry::learn_sid(std::string_view first_bytes) {
  const auto sid = balancing::find_handshake_sid(first_bytes);
  if (!sid) return;
  // From now on the seat and the presence are the session's, not this request's.
  balancing::SessionHold hold;
  if (service_.counts_sessions()) {
    hold.seat = selected_.claim.has_seat() ? selected_.claim.take_seat(balancing::SeatKind::kRequest)
                                           : std::move(selected_.seat);
    hold.claim = std::move(selected_.claim);
  }
  service_.sids().learn(*sid, server_.state, exchange_.connection().worker().reactor().now(),
                        std::move(hold));
}

net::Task<ServerTry::Result> ServerTry::pass_response(std::size_t head_size) {
  ClientConnection& client = exchange_.connection();
  const http::RequestHead& request = exchange_.head();
  Report& report = exchange_.report();
  report.status = report.server_status = response_.status;
  const bool old_client = request.minor_version == 0;
  const bool chunk = response_.framing.kind == http::BodyKind::kChunked ||
                     response_.framing.kind == http::BodyKind::kUntilClose;
  const bool close = !request.keep_alive || !client.may_continue() || !body_sent_ || (chunk && old_client);
  add_sticky_cookie();

  ClientResponse shape;
  shape.head = &response_;
  shape.edits = &exchange_.context().response_edits;
  shape.cookies = &exchange_.cookies();
  shape.framing = response_.framing;
  if (chunk) shape.framing.kind = old_client ? http::BodyKind::kUntilClose : http::BodyKind::kChunked;
  shape.close = close;
  shape.keep_alive_1_0 = old_client && !close;
  shape.keep_length = response_.framing.kind == http::BodyKind::kNone && response_.status != 204;
  const auto type = response_.find(http::FieldId::kContentType);
  report.event_stream = type && type->starts_with("text/event-stream");
  std::string& out = client.scratch();
  out.clear();
  compose_response_head(out, shape);
  const base::Duration keep = server_keep_alive(response_);
  const bool server_keeps = response_.keep_alive && keep.count() > 0;
  connection_->buffer.consume(head_size);

  BodyTransfer body;
  body.from = &connection_->socket;
  body.buffer = &connection_->buffer;
  body.framing = response_.framing;
  body.to = &client.socket();
  body.coding = chunk && !old_client ? BodyCoding::kChunked : BodyCoding::kRaw;
  body.prefix = out;
  body.write_timeout = client.entry_point().settings.transport.write_timeout;
  if (service_.learns_sid() && response_.status == 200 && is_polling_handshake(request)) {
    body.first_bytes = [this](std::string_view first) { learn_sid(first); };
  }
  const auto moved = co_await move_body(body);
  report.response_bytes = body.moved;
  report.request_bytes = body_.moved;
  auto& traffic = server_.state->traffic(client.worker().index());
  telemetry::TrafficCounters::add(traffic.bytes_to_server, body_.moved);
  telemetry::TrafficCounters::add(traffic.bytes_to_client, body.moved);
  if (response_.status >= 500) note_failure();
  const auto sid = session_ends_ ? http::find_query(request.query, "sid") : std::nullopt;
  if (sid) service_.sids().end(*sid);
  if (!moved) co_return Result::kAbort;
  if (server_keeps && body_sent_ && response_.framing.kind != http::BodyKind::kUntilClose) {
    client.worker().servers().give_back(server_.state, std::move(connection_), keep);
  }
  co_return close ? Result::kClose : Result::kKeepAlive;
}

net::Task<ServerTry::Result> ServerTry::hand_over(std::size_t head_size) {
  ClientConnection& client = exchange_.connection();
  Worker& worker = client.worker();
  Report& report = exchange_.report();
  report.status = report.server_status = 101;
  add_sticky_cookie();
  ClientResponse shape;
  shape.head = &response_;
  shape.edits = &exchange_.context().response_edits;
  shape.cookies = &exchange_.cookies();
  shape.upgrade = upgrade_;

  relay::Tunnel tunnel;
  compose_response_head(tunnel.early_to_client, shape);
  tunnel.uncounted_to_client = tunnel.early_to_client.size();
  tunnel.early_to_client += connection_->buffer.view().substr(head_size);
  tunnel.early_to_server = client.buffer().view();
  tunnel.websocket = exchange_.head().websocket;
  tunnel.idle_timeout = service_.settings().tunnel_idle_timeout;
  tunnel.traffic = &server_.state->traffic(worker.index());
  selected_.become_tunnel();
  std::optional<CarriedSession> session = carry_session(service_, exchange_.head());
  if (session && session->hold.claim) selected_.claim.release();
  if (selected_.claim) {
    exchange_.context().holds.push_back(std::make_unique<PlacementHold>(std::move(selected_.claim)));
  }
  tunnel.owner = std::make_unique<ProxiedTunnel>(worker, server_.state, std::move(selected_.seat),
                                                 std::move(exchange_.context().holds),
                                                 worker.reporter().tunnel_opened(report), std::move(session));
  tunnel.client_may_have_input = client.socket().may_have_input();
  tunnel.server_may_have_input = connection_->socket.may_have_input();
  tunnel.client = client.socket().release();
  tunnel.server = connection_->socket.release();
  worker.tunnel_began();
  worker.engine().adopt(std::move(tunnel));
  co_return Result::kHandedOver;
}

}  // namespace limpet::proxy
