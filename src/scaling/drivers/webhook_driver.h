#pragma once

#include <cstdint>
#include <set>
#include <string>
#include <vector>

#include "apis/http_client.h"
#include "config/model/dynamic.h"
#include "net/reactor.h"
#include "net/timer.h"
#include "scaling/drivers/driver.h"

namespace limpet::scaling {

/// Somebody else starts and stops servers, and is told with each change what should be:
///
///     POST <path>   {"service": "app@file", "wanted": 3,
///                    "servers": [{"url": "http://10.0.0.7:80", "state": "draining"}, {..., "state":
///                    "stop"}]}
///
/// `wanted` servers should take users; those in the list don't count, they are draining, or to be stopped. An
/// answer other than 2xx, or none, has the newest state sent again after 1 s, 2 s, and so on up to a minute.
/// Servers are discovered as any others are; one that is not within `startTimeout` counts as a failed launch.
class WebhookDriver final : public Driver {
 public:
  /// `settings` are valid. `events` and the reactor outlive it.
  WebhookDriver(net::Reactor& reactor, std::string service, const config::WebhookDriver& settings,
                DriverEvents& events);
  /// Nothing is under way: await stop() first.
  ~WebhookDriver() override;

  [[nodiscard]] std::string_view name() const noexcept override { return "webhook"; }
  void carry_out(const Order& order) override;
  [[nodiscard]] std::vector<DrivenServer> servers() const override;
  [[nodiscard]] bool publishes() const noexcept override { return false; }
  [[nodiscard]] bool reconfigure(const config::Scaling& settings) override;
  void discovered(const std::vector<std::string>& urls) override;
  /// Servers live on: they are not ours.
  [[nodiscard]] net::Task<void> stop() override;

 private:
  struct Pending {
    std::string name;
    base::TimePoint since;
  };
  [[nodiscard]] std::string body_for(const Order& order) const;
  void send(std::string body);
  [[nodiscard]] net::Task<void> send_until_taken();
  [[nodiscard]] net::Task<std::string> post(std::string body);
  void expire();
  void arm();

  net::Reactor& reactor_;
  std::string service_;
  config::WebhookDriver settings_;
  DriverEvents& events_;
  std::vector<Pending> pending_;  // asked for, not discovered yet; the oldest first
  std::uint32_t asked_ = 0;       // ever
  std::set<std::string> known_;   // URLs
  std::set<std::string> stopped_;
  bool discovered_once_ = false;
  std::string last_;      // body
  bool unsent_ = false;   // last_ is news
  bool sending_ = false;  // a coroutine is at it
  bool stopping_ = false;
  apis::HttpExchange* exchange_ = nullptr;  // under way
  net::Timer expiry_;
};

}  // namespace limpet::scaling
