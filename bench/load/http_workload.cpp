#include "load/http_workload.h"

#include <arpa/inet.h>
#include <fmt/format.h>

#include <algorithm>

#include "wire/http_head.h"
#include "wire/sockets.h"

namespace limpet::bench {
namespace {

constexpr std::string_view kFields =
    "User-Agent: Mozilla/5.0 (X11; Linux x86_64) limpet-load\r\nAccept: */*\r\nAccept-Language: en\r\n";

std::string get(std::string_view target, std::string_view host, std::string_view cookie) {
  return fmt::format("GET {} HTTP/1.1\r\nHost: {}\r\n{}{}\r\n", target, host, kFields, cookie);
}

std::string post(std::string_view target, std::string_view host, std::string_view cookie,
                 std::string_view body) {
  return fmt::format(
      "POST {} HTTP/1.1\r\nHost: {}\r\n{}{}Content-Type: "
      "text/plain;charset=UTF-8\r\nContent-Length: {}\r\n\r\n{}",
      target, host, kFields, cookie, body.size(), body);
}

/// One Socket.IO polling session in small: its handshake, then seven times an event posted and two polls
/// answered.
std::vector<HttpWorkload::Request> polling_script(std::string_view host) {
  constexpr std::string_view kNew = "/socket.io/?EIO=4&transport=polling&t=PqR0a1";
  constexpr std::string_view kKnown = "/socket.io/?EIO=4&transport=polling&t=PqR0b2&sid=lv_VI97HAXpY6yYWAAAC";
  constexpr std::string_view kCookie = "Cookie: io=lv_VI97HAXpY6yYWAAAC; ws-session=a3d52f0267943dcc\r\n";
  constexpr std::string_view kEvent = R"(42["message",{"to":1742,"text":"a short line of chat"}])";
  std::vector<HttpWorkload::Request> script;
  script.push_back({get(kNew, host, ""), "0{"});
  for (int i = 0; i < 7; ++i) {
    script.push_back({post(kKnown, host, kCookie, kEvent), "ok"});
    script.push_back({get(kKnown, host, kCookie), "42["});
    script.push_back({get(kKnown, host, kCookie), "42["});
  }
  return script;
}

/// One request for each of at most kHostsAsked hosts, spread evenly over all: routing has to find each of
/// them, while the proxy needs no more than a few connections to their servers.
std::vector<HttpWorkload::Request> hosts_script(std::uint32_t hosts) {
  constexpr std::uint32_t kHostsAsked = 100;
  const auto asked = std::min(hosts, kHostsAsked);
  std::vector<HttpWorkload::Request> script;
  for (std::uint32_t i = 0; i < asked; ++i)
    script.push_back(
        {get("/", fmt::format("h{}.bench.test", std::uint64_t{i} * hosts / asked), ""), "hello"});
  return script;
}

}  // namespace

HttpWorkload::HttpWorkload(const Options& options, Fleet& fleet, Recorder& recorder)
    : fleet_(fleet), recorder_(recorder) {
  const auto host = fmt::format("127.0.0.1:{}", ntohs(options.target.sin_port));
  if (options.mode == Mode::kHttpPollingMix)
    script_ = polling_script(host);
  else if (options.hosts > 0)
    script_ = hosts_script(options.hosts);
  else
    script_.push_back({get("/", host, ""), "hello"});
}

void HttpWorkload::start(std::int64_t now) {
  running_ = true;
  for (auto& connection : fleet_.connections()) {
    connection.step = connection.index;
    if (connection.state == Connection::State::kOpen) ask(connection, now);
  }
}

void HttpWorkload::opened(Connection& connection) {
  if (running_) ask(connection, now_ns());
}

void HttpWorkload::ask(Connection& connection, std::int64_t now) {
  connection.asked_ns = now;
  connection.outstanding = 1;
  ++outstanding_;
  fleet_.send(connection, script_[connection.step % script_.size()].bytes);
}

std::size_t HttpWorkload::response(Connection& connection, std::string_view bytes, std::int64_t now) {
  const auto head = complete_head(bytes);
  if (!head) return 0;
  const auto length = content_length(*head);
  if (!length) {
    refuse(connection, fmt::format("an answer without Content-Length: {}", head->substr(0, 200)));
    return bytes.size();
  }
  const auto size = head->size() + static_cast<std::size_t>(*length);
  if (bytes.size() < size) return 0;
  answered(connection, *head, bytes.substr(head->size(), static_cast<std::size_t>(*length)), now);
  return size;
}

void HttpWorkload::answered(Connection& connection, std::string_view head, std::string_view body,
                            std::int64_t now) {
  const auto& request = script_[connection.step % script_.size()];
  if (status_of(head) != 200 || !body.starts_with(request.expected))
    return refuse(connection, fmt::format("an unexpected answer: {}", head.substr(0, 200)));
  connection.outstanding = 0;
  --outstanding_;
  ++connection.step;
  recorder_.finished(connection.asked_ns, now, body.size());
  if (has_token(head, "connection", "close")) {
    recorder_.reopened();
    fleet_.close(connection);
    if (running_) fleet_.connect(connection);
  } else if (running_) {
    ask(connection, now_ns());
  }
}

void HttpWorkload::refuse(Connection& connection, std::string_view text) {
  recorder_.failed(Failure::kMismatch, text);
  outstanding_ -= connection.outstanding;
  connection.outstanding = 0;
  fleet_.close(connection);
}

bool HttpWorkload::closed(Connection& connection, std::int64_t) {
  recorder_.failed(Failure::kLost, "closed instead of an answer", connection.outstanding);
  outstanding_ -= connection.outstanding;
  connection.outstanding = 0;
  return false;
}

}  // namespace limpet::bench
