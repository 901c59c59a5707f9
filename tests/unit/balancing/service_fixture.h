#pragma once

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <array>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <expected>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "balancing/service.h"

namespace limpet::balancing {

inline constexpr base::TimePoint kNow{std::chrono::seconds(1000)};
inline constexpr std::array<std::string_view, 3> kUrls = {"http://172.20.0.2:3000", "http://172.20.0.4:3000",
                                                          "http://172.20.0.5:3000"};
inline constexpr std::array<std::string_view, 3> kValues = {"a3d52f0267943dcc", "b0b778ca5c8e3c2a",
                                                            "02924b402664a5b7"};

/// A request head built field by field.
class Request {
 public:
  Request() = default;
  Request(const Request&) = delete;
  Request& operator=(const Request&) = delete;
  Request& path(std::string_view path) {
    head_.path = path;
    return *this;
  }
  Request& query(std::string_view query) {
    head_.query = query;
    return *this;
  }
  Request& field(std::string_view name, std::string value) {
    texts_.push_back(std::move(value));
    head_.fields.push_back({.name = name, .value = texts_.back(), .id = http::field_id(name)});
    return *this;
  }
  Request& cookie(std::string_view value) { return field("Cookie", fmt::format("ws-session={}", value)); }
  [[nodiscard]] const http::RequestHead& head() const { return head_; }

 private:
  std::deque<std::string> texts_;
  http::RequestHead head_;
};

/// A service of three servers, sticky by the cookie "ws-session".
class ServiceTest : public testing::Test {
 protected:
  ServiceTest() {
    settings.sticky.emplace();
    settings.sticky->cookie.emplace();
    settings.sticky->cookie->name = "ws-session";
    for (const std::string_view url : kUrls) {
      Server server;
      server.state = registry.find_or_add("webapp@docker", url);
      server.url = url;
      server.addresses = {net::SocketAddress(net::IpAddress::from_v4(0x7f000001), 3000)};
      servers.push_back(std::move(server));
    }
  }

  Service& service() {
    if (!service_) service_ = std::make_unique<Service>("webapp@docker", settings, servers);
    return *service_;
  }
  std::expected<Selected, Refused> choose(const Request& request,
                                          const std::vector<std::uint32_t>* tried = nullptr) {
    return service().choose({.head = &request.head(),
                             .client = net::IpAddress::from_v4(0x7f000001),
                             .now = kNow,
                             .seat = SeatKind::kRequest,
                             .tried = tried});
  }
  ServerState& state(std::size_t i) { return *servers[i].state; }
  void fill(std::size_t i) {
    servers[i].capacity = 1;
    ASSERT_TRUE(state(i).try_take_seat(SeatKind::kTunnel, 1));
  }

  ServerRegistry registry{1};
  config::LoadBalancer settings;
  std::vector<Server> servers;

 private:
  std::unique_ptr<Service> service_;
};

}  // namespace limpet::balancing
