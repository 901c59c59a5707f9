#include "scaling/drivers/webhook_driver.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "apis/json_post.h"
#include "base/check.h"
#include "base/json_text.h"
#include "base/log.h"
#include "base/units.h"
#include "net/address.h"
#include "net/socket.h"

namespace limpet::scaling {
namespace {

constexpr base::Duration kFirstPause = std::chrono::seconds(1);
constexpr base::Duration kLongestPause = std::chrono::minutes(1);
constexpr base::Duration kPoll = std::chrono::milliseconds(10);

void append_servers(std::string& out, const std::vector<std::string>& urls, std::string_view state) {
  for (const std::string& url : urls) {
    if (out.back() != '[') out += ", ";
    out += R"({"url": )";
    base::append_json_string(out, url);
    out += fmt::format(R"(, "state": "{}"}})", state);
  }
}

}  // namespace

WebhookDriver::WebhookDriver(net::Reactor& reactor, std::string service,
                             const config::WebhookDriver& settings, DriverEvents& events)
    : reactor_(reactor),
      service_(std::move(service)),
      settings_(settings),
      events_(events),
      expiry_([](void* self) noexcept { static_cast<WebhookDriver*>(self)->expire(); }, this) {}

WebhookDriver::~WebhookDriver() {
  LIMPET_CHECK(!sending_);
}

std::string WebhookDriver::body_for(const Order& order) const {
  std::string body = R"({"service": )";
  base::append_json_string(body, service_);
  body += fmt::format(R"(, "wanted": {}, "servers": [)", order.wanted);
  append_servers(body, order.drain, "draining");
  append_servers(body, {stopped_.begin(), stopped_.end()}, "stop");
  return body + "]}";
}

void WebhookDriver::carry_out(const Order& order) {
  for (const std::string& url : order.stop) {
    if (known_.contains(url)) stopped_.insert(url);
  }
  for (std::uint32_t i = 0; i < order.launch; ++i) {
    pending_.push_back({.name = fmt::format("asked-{}", ++asked_), .since = reactor_.now()});
  }
  arm();
  std::string body = body_for(order);
  if (order.launch > 0 || body != last_) send(std::move(body));
}

std::vector<DrivenServer> WebhookDriver::servers() const {
  std::vector<DrivenServer> out;
  for (const Pending& each : pending_) out.push_back({.name = each.name, .started_at = each.since});
  return out;
}

bool WebhookDriver::reconfigure(const config::Scaling& settings) {
  if (!settings.webhook) return false;
  settings_ = *settings.webhook;
  arm();
  return true;
}

void WebhookDriver::discovered(const std::vector<std::string>& urls) {
  const std::set<std::string> now(urls.begin(), urls.end());
  const std::set<std::string> before = std::exchange(known_, now);
  const bool is_first = !std::exchange(discovered_once_, true);
  for (const std::string& url : now) {
    if (before.contains(url) || is_first || pending_.empty()) continue;
    const base::Duration took = reactor_.now() - pending_.front().since;
    pending_.erase(pending_.begin());
    events_.on_ready(url, took);
  }
  for (const std::string& url : before) {
    if (!now.contains(url)) events_.on_gone(url, stopped_.contains(url), "is discovered no more");
  }
  std::erase_if(stopped_, [&](const std::string& url) { return !now.contains(url); });
}

void WebhookDriver::arm() {
  if (pending_.empty()) return expiry_.disarm();
  reactor_.timers().arm(expiry_, pending_.front().since + settings_.start_timeout);
}

void WebhookDriver::expire() {
  const base::TimePoint limit = reactor_.now() - settings_.start_timeout;
  while (!pending_.empty() && pending_.front().since <= limit) {
    pending_.erase(pending_.begin());
    const std::string why = fmt::format("a server asked for was not discovered within {}",
                                        base::format_duration(settings_.start_timeout));
    base::log_error("scaling {}: {}", service_, why);
    events_.on_launch_failed(why);
  }
  arm();
}

void WebhookDriver::send(std::string body) {
  last_ = std::move(body);
  unsent_ = true;
  if (!std::exchange(sending_, true)) net::spawn(send_until_taken());
}

net::Task<void> WebhookDriver::send_until_taken() {
  base::Duration pause = kFirstPause;
  while (unsent_ && !stopping_) {
    unsent_ = false;
    const std::string problem = co_await post(last_);
    if (problem.empty()) {
      pause = kFirstPause;
      continue;
    }
    base::log_error("scaling {}: webhook {}: {}; again in {}", service_, settings_.url, problem,
                    base::format_duration(pause));
    unsent_ = true;
    const base::TimePoint until = reactor_.now() + pause;
    pause = std::min(pause * 2, kLongestPause);
    while (reactor_.now() < until && !stopping_) {
      net::Sleep sleep(reactor_, std::min<base::Duration>(until - reactor_.now(), kPoll * 10));
      co_await sleep;
    }
  }
  sending_ = false;
}

net::Task<std::string> WebhookDriver::post(std::string body) {
  auto post = apis::json_post(settings_.url, settings_.headers, std::move(body), net::resolve);
  if (!post) co_return std::move(post.error());
  apis::HttpExchange exchange(reactor_);
  exchange_ = &exchange;
  const auto answer = co_await exchange.open(std::move(post->addresses), std::move(post->request),
                                             reactor_.now() + settings_.timeout);
  exchange_ = nullptr;
  if (!answer) co_return answer.error();
  if (answer->status < 200 || answer->status > 299) co_return fmt::format("it answered {}", answer->status);
  co_return "";
}

net::Task<void> WebhookDriver::stop() {
  stopping_ = true;
  expiry_.disarm();
  if (exchange_ != nullptr) exchange_->cancel();
  while (sending_) {
    net::Sleep pause(reactor_, kPoll);
    co_await pause;
  }
  pending_.clear();
}

}  // namespace limpet::scaling
