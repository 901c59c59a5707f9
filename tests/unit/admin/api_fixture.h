#pragma once

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <memory>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "admin/answers.h"
#include "admin/internal_services.h"
#include "admin/placement_json.h"
#include "balancing/server_state.h"
#include "config/effective.h"
#include "net/reactor.h"
#include "routing/snapshot_builder.h"
#include "scaling/controller.h"
#include "unit/scaling/fake_driver.h"

namespace limpet::admin {

/// A Limpet's control state, made of the published compose file's web application (two servers, sticky by
/// cookie ws-session) and some objects of a file, and the admin API over it. Requests come in by entry point
/// "admin".
class ApiFixture : public testing::Test {
 protected:
  ApiFixture() {
    state.settings.entry_points["web"].address = ":80";
    state.settings.api.emplace();
    state.settings.providers.file.emplace();
    state.settings.providers.docker.emplace();
    config::complete(state.settings);
    state.addresses = {{"web", "0.0.0.0:80"}, {kAdminEntryPoint, "127.0.0.1:8080"}};
    state.started_at = base::WallTime(std::chrono::seconds(1'700'000'000));

    auto& webapp = balancer({"webapp", "docker"}, {"http://172.20.0.2:3000", "http://172.20.0.3:3000"});
    webapp.sticky.emplace().cookie.emplace().name = "ws-session";
    router({"webapp", "docker"}, "Host(`localhost`)", "webapp");
    balancer({"other", "file"}, {"http://127.0.0.1:9/"}).capacity = 10;
    state.services[{"split", "file"}].kind = config::Weighted{
        .services = {{.name = "other", .weight = 3}, {.name = "webapp@docker", .weight = 1}}, .sticky = {}};
    state.services[{"safe", "file"}].kind = config::Failover{.service = "webapp@docker", .fallback = "other"};
    router({"files", "file"}, "PathPrefix(`/files`)", "split").middlewares = {"strip"};
    state.middlewares[{"strip", "file"}].kind = config::StripPrefix{.prefixes = {"/files"}};
    config::Router& broken = router({"broken", "file"}, "Host(`a`) &&", "other");
    broken.rule_place = {"dynamic.yml", 7, 13};
    config::Router& admin = router({"admin", "internal"}, "PathPrefix(`/`)", "api@internal");
    admin.entry_points = {kAdminEntryPoint};
    state.placements = &placements;
    state.placer = &placer;
    state.admissions = &admissions;
    state.providers["file"].last_success = base::WallTime(std::chrono::seconds(1'700'000'001));
    build();
    state.scaler = &scaler;
  }

  config::Router& router(config::QualifiedName name, std::string rule, std::string service) {
    config::Router& made = state.routers[std::move(name)];
    made.rule = std::move(rule);
    made.service = std::move(service);
    return made;
  }

  config::LoadBalancer& balancer(config::QualifiedName name, const std::vector<std::string>& urls) {
    config::Service& made = state.services[std::move(name)];
    auto& balancer = made.kind.emplace<config::LoadBalancer>();
    for (const std::string& url : urls) balancer.servers.emplace_back().url = url;
    return balancer;
  }

  void build() {
    using enum routing::InternalService;
    routing::BuildInput input;
    input.routers = state.routers;
    input.services = state.services;
    input.middlewares = state.middlewares;
    input.entry_points = {{"web", {.as_default = true}}, {kAdminEntryPoint, {}}};
    input.internal_services = {kApi, kDashboard, kPing, kPrometheus};
    input.registry = &registry;
    input.admissions = &admissions;
    input.resolve = [](const std::string& host) -> std::expected<std::vector<net::IpAddress>, std::string> {
      return std::unexpected("no such host: " + host);
    };
    input.make_chain = [](const auto&, const auto*) { return std::make_shared<routing::Chain>(); };
    state.built = routing::build_snapshot(input);
    ++state.reloads;
    state.last_reload = base::WallTime(std::chrono::seconds(1'700'000'002));
  }

  /// A request as it comes in by entry point "admin" under the name "127.0.0.1:8080".
  static routing::InternalRequest request(std::string method, std::string target) {
    routing::InternalRequest made;
    made.entry_point = kAdminEntryPoint;
    made.method = std::move(method);
    const std::size_t mark = target.find('?');
    made.path = target.substr(0, mark);
    if (mark != std::string::npos) made.query = target.substr(mark + 1);
    made.host = "127.0.0.1";
    made.fields = {{"Host", "127.0.0.1:8080"}};
    return made;
  }

  /// The answer to a request; without a journal everything is answered at once.
  routing::InternalAnswer answered(const routing::InternalRequest& made) {
    std::optional<routing::InternalAnswer> answer;
    services.answer(made, [&](routing::InternalAnswer given) { answer = std::move(given); });
    return answer.value();
  }
  routing::InternalAnswer ask(std::string method, std::string target) {
    return answered(request(std::move(method), std::move(target)));
  }

  /// The JSON of a request that must succeed.
  Json get(std::string target) {
    const routing::InternalAnswer answer = ask("GET", target);
    EXPECT_EQ(answer.status, 200) << target;
    EXPECT_EQ(field(answer, "Content-Type"), "application/json") << target;
    return Json::parse(answer.body);
  }

  /// An answer's field, or "none".
  static std::string field(const routing::InternalAnswer& answer, std::string_view name) {
    for (const auto& [key, value] : answer.fields) {
      if (key == name) return value;
    }
    return "none";
  }

  /// The `name`s of a list.
  std::vector<std::string> names(std::string target) {
    std::vector<std::string> found;
    for (const Json& object : get(std::move(target))) found.push_back(object.at("name"));
    return found;
  }

  balancing::ServerState& server(std::string_view service, std::string_view url) {
    return *registry.find_or_add(service, url);
  }
  std::string id(std::string_view service, std::string_view url) { return server(service, url).id(); }

  /// Has a service "chat@file" scaled from now on: one server of it is ready, another starts.
  void scale_chat() {
    config::LoadBalancer settings;
    settings.capacity = 10;
    settings.scaling.emplace().process.emplace().command = "chat {port}";
    const balancing::Service chat("chat@file", settings, {});
    scaler.update({&chat});
    while (driver->all.empty()) reactor.run_once(std::chrono::milliseconds(20));
    driver->make_ready("s1");
    driver->carry_out({.launch = 1});
  }

  balancing::ServerRegistry registry{2};
  balancing::Admissions admissions;
  ControlState state;
  placement::Ledger placements{admissions, nullptr,
                               [this](std::string_view name) { return find_leaf(state, name); }, 0};
  net::Reactor reactor;
  placement::Placer placer{placements, [this](placement::WebhookCall call) {
                             return placement::ask_webhook(
                                 reactor, [](const std::string&) { return std::unexpected(std::string()); },
                                 std::move(call));
                           }};
  scaling::FakeHost host;
  scaling::FakeDriver* driver = nullptr;  // of the last service scaled
  scaling::Controller scaler{
      reactor, host, [this](const std::string&, const config::Scaling&, scaling::DriverEvents& events) {
        auto made = std::make_unique<scaling::FakeDriver>(events);
        driver = made.get();
        return made;
      }};
  InternalServices services{reactor, state};
};

}  // namespace limpet::admin
