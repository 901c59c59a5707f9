#include "proxy/exchange.h"

#include <algorithm>
#include <utility>

#include "base/text.h"
#include "base/timestamp.h"
#include "http/url.h"
#include "proxy/answers.h"
#include "proxy/reply_awaiter.h"
#include "proxy/seat_wait.h"
#include "proxy/server_try.h"
#include "routing/rule.h"

namespace limpet::proxy {
namespace {

constexpr std::size_t kMaxInternalBody = 1024 * 1024;
constexpr std::size_t kMaxDiscardedBody = 256 * 1024;
constexpr base::Duration kServerPoll = std::chrono::milliseconds(200);
constexpr std::uint32_t kMaxTries = 4;

// Lower case, without port and trailing dot; brackets of an IPv6 address stay.
void normalise_host(std::string_view host, std::string& out) {
  const std::size_t bracket = host.rfind(']');
  const std::size_t colon = host.rfind(':');
  if (colon != std::string_view::npos && (bracket == std::string_view::npos || colon > bracket)) {
    host = host.substr(0, colon);
  }
  if (host.ends_with('.')) host.remove_suffix(1);
  out.assign(host);
  std::ranges::transform(out, out.begin(), [](char c) { return base::to_lower(c); });
}

}  // namespace

Exchange::Exchange(ClientConnection& connection)
    : connection_(connection), worker_(connection.worker()), snapshot_(worker_.snapshot()) {
  const http::RequestHead& head = connection_.head();
  report_.entry_point = &connection_.entry_point();
  report_.client = connection_.client();
  report_.started = worker_.reactor().now();
  report_.started_at = base::WallClock::now();
  report_.method = head.method_text;
  report_.host = head.host;
  report_.target = head.target;
  report_.referer = head.find(http::FieldId::kReferer).value_or("");
  report_.user_agent = head.find(http::FieldId::kUserAgent).value_or("");
  report_.minor_version = head.minor_version;
  report_.websocket = head.websocket;
}

Exchange::~Exchange() = default;

bool Exchange::set_up_context(http::HeadError& error) {
  const http::RequestHead& head = connection_.head();
  const EntryPoint& entry_point = connection_.entry_point();
  context_.head = &head;
  context_.client = connection_.client().ip();
  context_.now = worker_.reactor().now();
  trusted_ = entry_point.forwarded_insecure ||
             net::contains(entry_point.forwarded_trusted, connection_.client().ip());
  if (trusted_) {
    context_.forwarded_for = head.find(http::FieldId::kXForwardedFor).value_or("");
    context_.forwarded_proto = head.find(http::FieldId::kXForwardedProto).value_or("");
    report_.client_host = context_.forwarded_for;
  }
  normalise_host(head.host, host_);
  context_.host = host_;
  if (head.target == "*") {
    context_.path = head.target;
    return true;
  }
  if (!http::encoded_characters(head.path).is_within(http::EncodedSet::usual())) {
    error = {.status = 400, .reason = "the path holds %00"};
    return false;
  }
  const auto canonical = http::canonical_path(head.path, true, canonical_);
  if (!canonical) {
    error = canonical.error();
    return false;
  }
  context_.path = *canonical;
  return true;
}

net::Task<Outcome> Exchange::run() {
  Outcome outcome = co_await route();
  if (outcome != Outcome::kHandedOver) {
    report_.duration = base::Clock::now() - report_.started;
    worker_.reporter().finished(report_);
  }
  co_return outcome;
}

net::Task<Outcome> Exchange::route() {
  http::HeadError error;
  if (!set_up_context(error)) {
    const Outcome outcome = co_await answer(status_answer(error.status));
    co_return outcome;
  }
  const EntryPoint& entry_point = connection_.entry_point();
  const routing::Route* found = nullptr;
  const auto table = snapshot_->tables.find(entry_point.name);
  if (table != snapshot_->tables.end()) {
    const routing::Subject subject{.head = context_.head,
                                   .host = context_.host,
                                   .path = http::routing_path(context_.path, routing_),
                                   .client = context_.client};
    found = table->second.find(subject);
  }
  if (found == nullptr) {
    const Outcome outcome = co_await answer(status_answer(404));
    co_return outcome;
  }
  report_.router = found->router;

  const auto own_chain = snapshot_->entry_point_chains.find(entry_point.name);
  if (own_chain != snapshot_->entry_point_chains.end()) {
    auto refused = co_await pass_chain(own_chain->second.get());
    if (refused) {
      const Outcome outcome = co_await answer(std::move(*refused));
      co_return outcome;
    }
  }
  auto refused = co_await pass_chain(found->chain.get());
  if (refused) {
    const Outcome outcome = co_await answer(std::move(*refused));
    co_return outcome;
  }

  const routing::ServiceNode* leaf =
      found->service == nullptr
          ? nullptr
          : routing::resolve_leaf(*found->service, connection_.head(), context_.now, cookies_);
  if (leaf == nullptr) {
    const Outcome outcome = co_await answer(status_answer(503));
    co_return outcome;
  }
  report_.service = leaf->name;
  if (const auto* internal = std::get_if<routing::InternalService>(&leaf->kind)) {
    const Outcome outcome = co_await serve_internally(*internal);
    co_return outcome;
  }
  const Outcome outcome = co_await forward(*std::get<std::unique_ptr<balancing::Service>>(leaf->kind));
  co_return outcome;
}

net::Task<std::optional<Answer>> Exchange::pass_chain(const routing::Chain* chain) {
  if (chain == nullptr) co_return std::nullopt;
  // The builder is given no other kind of chain than ours.
  const auto& steps = static_cast<const MiddlewareChain*>(chain)->steps();
  for (const std::shared_ptr<Middleware>& step : steps) {
    Verdict verdict = step->on_request(context_);
    if (auto* made = std::get_if<Answer>(&verdict)) co_return std::move(*made);
    if (auto* work = std::get_if<BlockingWork>(&verdict)) {
      OnPool<std::optional<Answer>> job(*worker_.shared().blocking, worker_.reactor(), std::move(*work));
      std::optional<Answer> made = co_await job;
      if (made) co_return made;
    }
  }
  report_.user = context_.user;
  co_return std::nullopt;
}

net::Task<BodySinkResult> Exchange::drain_request_body(std::string* keep, std::size_t limit) {
  if (body_broken_) co_return BodySinkResult::kFailed;
  const http::RequestHead& head = connection_.head();
  if (std::exchange(body_read_, true) || head.framing.kind == http::BodyKind::kNone) {
    co_return BodySinkResult::kComplete;
  }
  // A client that waits for "100 Continue" has not sent its body.
  const bool not_sent = head.expect_continue && keep == nullptr && connection_.buffer().empty();
  BodySinkResult result = BodySinkResult::kFailed;
  if (!not_sent) {
    result = co_await read_body(connection_.socket(), connection_.buffer(), head.framing, keep, limit,
                                connection_.entry_point().settings.transport.read_timeout);
  }
  body_broken_ = result != BodySinkResult::kComplete;
  co_return result;
}

net::Task<Outcome> Exchange::answer(Answer answer) {
  const BodySinkResult drained = co_await drain_request_body(nullptr, kMaxDiscardedBody);
  const http::RequestHead& head = connection_.head();
  const bool close = drained != BodySinkResult::kComplete || !head.keep_alive || !connection_.may_continue();
  for (const std::string& cookie : cookies_) answer.fields.emplace_back("Set-Cookie", cookie);
  apply_edits(answer, context_.response_edits);
  std::string& out = connection_.scratch();
  out.clear();
  write_answer(out, answer, {.close = close, .body = head.method != http::Method::kHead});
  report_.status = answer.status;
  report_.response_bytes = answer.body.size();
  connection_.socket().set_deadline(connection_.entry_point().settings.transport.write_timeout);
  const auto sent = co_await connection_.socket().write(out);
  if (!sent) co_return Outcome::kAbort;
  co_return close ? Outcome::kClose : Outcome::kKeepAlive;
}

net::Task<Outcome> Exchange::serve_internally(routing::InternalService service) {
  const http::RequestHead& head = connection_.head();
  routing::InternalRequest request;
  request.service = service;
  request.entry_point = connection_.entry_point().name;
  request.method = head.method_text;
  request.path = context_.path;
  request.query = head.query;
  request.host = host_;
  for (const http::Field& field : head.fields) request.fields.emplace_back(field.name, field.value);
  if (head.expect_continue && head.framing.kind != http::BodyKind::kNone) {
    const auto sent = co_await connection_.socket().write("HTTP/1.1 100 Continue\r\n\r\n");
    if (!sent) co_return Outcome::kAbort;
  }
  const BodySinkResult body = co_await drain_request_body(&request.body, kMaxInternalBody);
  if (body != BodySinkResult::kComplete) {
    const Outcome refused = co_await answer(status_answer(body == BodySinkResult::kTooLong ? 413 : 400));
    co_return refused;
  }

  ReplyAwaiter<routing::InternalAnswer> waiting(
      connection_.socket(), [this, &request](routing::InternalHandler::Reply send) {
        worker_.shared().internal->handle(std::move(request), std::move(send));
      });
  std::optional<routing::InternalAnswer> made = co_await waiting;
  if (!made) co_return Outcome::kAbort;
  Answer reply;
  reply.status = made->status;
  reply.body = std::move(made->body);
  for (auto& field : made->fields) {
    if (base::iequals(field.first, "Content-Type")) {
      reply.content_type = std::move(field.second);
    } else {
      reply.fields.push_back(std::move(field));
    }
  }
  const Outcome outcome = co_await answer(std::move(reply));
  co_return outcome;
}

net::Task<std::expected<balancing::Selected, balancing::Refused>> Exchange::choose(
    const balancing::Service*& service, balancing::Choice choice, std::vector<std::uint32_t>& tried,
    base::TimePoint& deadline) {
  choice.head = context_.head;
  choice.client = context_.client;
  choice.tried = &tried;
  while (true) {
    choice.now = worker_.reactor().now();
    auto selected = service->choose(choice);
    const bool is_new = selected ? !selected->by_sticky : balancing::waits_as_new(selected.error());
    if (is_new && !std::exchange(arrived_, true)) service->state().note_arrival(worker_.index());
    if (selected || selected.error().reason != balancing::Refusal::kWait) co_return selected;
    const balancing::Refused refused = selected.error();
    if (deadline == base::TimePoint::max()) deadline = choice.now + refused.wait_timeout;
    if (choice.now >= deadline) co_return std::unexpected(balancing::Refused{.reason = refused.after_wait});
    // Whether a server that could not be reached is back is only seen by trying it again.
    if (!tried.empty() && refused.after_wait == balancing::Refusal::kBoundDown) {
      if (connection_.socket().hung_up() || worker_.stopping()) {
        co_return std::unexpected(balancing::Refused{.reason = refused.after_wait});
      }
      net::Sleep pause(worker_.reactor(), kServerPoll);
      co_await pause;
      tried.clear();
      continue;
    }
    SeatWait wait(connection_, shared(*service), choice, refused, deadline);
    auto turn = co_await wait;
    if (!turn) co_return std::unexpected(balancing::Refused{.reason = turn.error()});
    if (turn->service.get() != service) {
      waited_for_ = std::move(turn->service);
      service = waited_for_.get();
      tried.clear();
    }
    co_return std::move(turn->selected);
  }
}

std::shared_ptr<const balancing::Service> Exchange::shared(const balancing::Service& service) const {
  if (waited_for_.get() == &service) return waited_for_;
  return {snapshot_, &service};
}

// Reads the body of a request that a server may send on; others are passed on as they come.
net::Task<std::optional<Answer>> Exchange::keep_body(const balancing::Service& service) {
  const http::Framing& framing = connection_.head().framing;
  const config::Replay& replay = service.settings().replay;
  const bool too_long = framing.kind == http::BodyKind::kLength && framing.length > replay.max_body_bytes;
  if (!replay.enabled || framing.kind == http::BodyKind::kNone || too_long) co_return std::nullopt;
  if (connection_.head().expect_continue) {
    const auto sent = co_await connection_.socket().write("HTTP/1.1 100 Continue\r\n\r\n");
    if (!sent) co_return status_answer(400);
    told_to_continue_ = true;
  }
  KeptBody body;
  const KeepResult result = co_await proxy::keep_body(connection_, replay.max_body_bytes, body);
  body_read_ = result == KeepResult::kKept;
  body_broken_ = result == KeepResult::kBroken;
  if (result == KeepResult::kBroken) co_return status_answer(400);
  if (result == KeepResult::kKept) kept_body_ = std::move(body);
  co_return std::nullopt;
}

// Makes the next choice follow a server's order. Gives the answer if it can't be followed.
net::Task<std::optional<Answer>> Exchange::send_on(const balancing::Service& service,
                                                   const ReplayOrder& order, std::uint32_t from,
                                                   balancing::Choice& choice,
                                                   std::vector<std::uint32_t>& tried) {
  if (++replays_ > kMaxReplays) co_return replay_answer("replay-loop");
  if (connection_.head().framing.kind != http::BodyKind::kNone && !kept_body_) {
    co_return replay_answer("replay-body-too-long");
  }
  choice.anew = order.elsewhere;
  choice.directed = nullptr;
  choice.placement = 0;
  if (order.elsewhere) {
    tried.push_back(from);
    co_return std::nullopt;
  }
  tried.clear();
  if (!order.server.empty()) {
    const auto server = service.find_server(order.server);
    if (!server) co_return replay_answer("replay-to-unknown-server");
    choice.directed = service.servers()[*server].state.get();
    if (order.key.empty()) co_return std::nullopt;
  }
  const std::string url = choice.directed == nullptr ? std::string{} : choice.directed->url();
  ReplyAwaiter<routing::KeyAnswer> waiting(connection_.socket(), [&](routing::KeyPlacer::Reply send) {
    worker_.shared().keys->place_key({.service = service.name(), .key = order.key, .url = url},
                                     std::move(send));
  });
  const std::optional<routing::KeyAnswer> place = co_await waiting;
  if (!place) co_return replay_answer("client-gone");
  if (place->placement == 0) {
    Answer answer = status_answer(place->status);
    answer.fields.emplace_back("Limpet-Reason", "replay-without-place");
    co_return answer;
  }
  choice.directed = nullptr;
  choice.placement = place->placement;
  co_return std::nullopt;
}

// Spends a ticket that lets one user in. Gives the answer if it has let one in already, or its use can't be
// stored.
net::Task<std::optional<Answer>> Exchange::use_ticket(const balancing::Service& service,
                                                      const balancing::Admission& admission) {
  if (!service.accept(admission, base::unix_ms()))
    co_return ticket_answer(balancing::TicketVerdict::kReplayed);
  if (!admission.spend || !service.admissions()->keep_spent) co_return std::nullopt;
  const balancing::SpentTicket spent{.nonce = admission.ticket->nonce,
                                     .expires_ms = admission.ticket->expires_ms};
  ReplyAwaiter<bool> waiting(connection_.socket(), [&](ReplyAwaiter<bool>::Send send) {
    service.admissions()->keep_spent(spent, std::move(send));
  });
  const std::optional<bool> stored = co_await waiting;
  if (stored == true) co_return std::nullopt;
  // Of a client that is gone we don't know; its ticket stays spent.
  if (stored == false) service.admissions()->spent.take_back(spent.nonce);
  Answer answer = status_answer(503);
  answer.fields.emplace_back("Limpet-Reason", "ticket-not-stored");
  co_return answer;
}

net::Task<Outcome> Exchange::forward(const balancing::Service& first) {
  const balancing::Service* service = &first;
  auto admission = service->admit(connection_.head(), worker_.reactor().now(), base::unix_ms());
  if (!admission) {
    const Outcome outcome = co_await answer(ticket_answer(admission.error()));
    co_return outcome;
  }
  if (auto refused = co_await keep_body(*service)) {
    const Outcome outcome = co_await answer(std::move(*refused));
    co_return outcome;
  }
  balancing::Choice choice;
  if (admission->ticket) choice.ticket = &*admission->ticket;
  std::vector<std::uint32_t> tried;
  base::TimePoint deadline = base::TimePoint::max();
  bool fresh = false;
  bool accepted = false;
  for (std::uint32_t tries = 0;; ++tries) {
    auto selected = co_await choose(service, choice, tried, deadline);
    if (!selected) {
      const Outcome outcome = co_await answer(refusal_answer(selected.error().reason));
      co_return outcome;
    }
    if (!std::exchange(accepted, true)) {
      if (auto refused = co_await use_ticket(*service, *admission)) {
        selected = std::unexpected(balancing::Refused{});
        const Outcome outcome = co_await answer(std::move(*refused));
        co_return outcome;
      }
    }
    ServerTry attempt(*this, *service, *selected);
    const ServerTry::Result result = co_await attempt.run(fresh);
    if (!kept_body_) {
      body_read_ = attempt.body() == ServerTry::Body::kTaken;
      body_broken_ = attempt.body() == ServerTry::Body::kBroken;
    }
    if (result == ServerTry::Result::kReplay) {
      auto refused = co_await send_on(*service, *attempt.replay(), selected->index, choice, tried);
      if (refused) {
        const Outcome outcome = co_await answer(std::move(*refused));
        co_return outcome;
      }
      tries = 0;
      continue;
    }
    switch (result) {
      case ServerTry::Result::kKeepAlive:
        co_return Outcome::kKeepAlive;
      case ServerTry::Result::kClose:
        co_return Outcome::kClose;
      case ServerTry::Result::kAbort:
        co_return Outcome::kAbort;
      case ServerTry::Result::kHandedOver:
        co_return Outcome::kHandedOver;
      case ServerTry::Result::kOtherServer:
        tried.push_back(selected->index);
        break;
      case ServerTry::Result::kSameServer:
        fresh = true;
        break;
      case ServerTry::Result::kReplay:
      case ServerTry::Result::kFailed:
        break;
    }
    // Users who are bound and not to be moved are never out of servers: they wait for theirs, or are refused.
    const bool stays = result == ServerTry::Result::kOtherServer && selected->by_sticky &&
                       service->sticky().on_down != config::LostPolicy::kMove;
    if (result == ServerTry::Result::kFailed ||
        (!stays && (tries + 1 >= kMaxTries || (result == ServerTry::Result::kOtherServer &&
                                               tried.size() >= service->servers().size())))) {
      const Outcome outcome = co_await answer(failure_answer(attempt.failure()));
      co_return outcome;
    }
    ++report_.retries;
  }
}

}  // namespace limpet::proxy
