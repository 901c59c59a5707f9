#pragma once

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <map>
#include <string>
#include <utility>
#include <vector>

#include "balancing/server_state.h"
#include "request.h"
#include "routing/snapshot_builder.h"

namespace limpet::routing {

/// A chain that knows what it was made of.
class TestChain final : public Chain {
 public:
  explicit TestChain(std::vector<std::string> made_of) : links(std::move(made_of)) {}
  std::vector<std::string> links;
};

/// Builds snapshots from a configuration put together piece by piece. All names are "name@provider".
class BuildFixture : public testing::Test {
 protected:
  BuildFixture() {
    input.registry = &registry;
    input.entry_points = {{"web", {}}, {"ws", {}}, {"traefik", {}}};
    input.resolve =
        [this](const std::string& host) -> std::expected<std::vector<net::IpAddress>, std::string> {
      resolved.push_back(host);
      if (host == "app")
        return std::vector{net::IpAddress::from_v4(0x0a000001), net::IpAddress::from_v4(0x0a000002)};
      if (host == "empty") return std::vector<net::IpAddress>{};
      return std::unexpected("no such host: " + host);
    };
    input.make_chain = [this](
                           const std::vector<ChainLink>& links,
                           const BuiltChain* previous) -> std::expected<std::shared_ptr<Chain>, ChainError> {
      chains_with_previous += previous != nullptr ? 1 : 0;
      std::vector<std::string> names;
      for (const ChainLink& link : links) {
        const auto* prefix = std::get_if<config::AddPrefix>(&link.settings.kind);
        if (prefix != nullptr && !prefix->prefix.starts_with('/')) {
          return std::unexpected(ChainError{link.name, "expected a prefix that begins with \"/\""});
        }
        names.push_back(link.name.text());
      }
      ++chains_made;
      return std::make_shared<TestChain>(std::move(names));
    };
  }

  static config::QualifiedName name(std::string_view text) { return qualified_name(text, "file"); }

  config::Router& router(std::string_view at, std::string rule, std::string service) {
    config::Router& made = input.routers[name(at)];
    made.rule = std::move(rule);
    made.service = std::move(service);
    made.place = {"dynamic.yml", 3, 5};
    return made;
  }
  config::LoadBalancer& balancer(std::string_view at, const std::vector<std::string>& urls) {
    config::Service& made = input.services[name(at)];
    made.kind = config::LoadBalancer{};
    auto& balancer = std::get<config::LoadBalancer>(made.kind);
    for (const std::string& url : urls) balancer.servers.push_back({.url = url});
    return balancer;
  }
  config::Weighted& weighted(std::string_view at, std::vector<config::WeightedChild> children) {
    config::Service& made = input.services[name(at)];
    made.kind = config::Weighted{.services = std::move(children), .sticky = {}};
    return std::get<config::Weighted>(made.kind);
  }
  void failover(std::string_view at, std::string main, std::string fallback) {
    input.services[name(at)].kind = config::Failover{std::move(main), std::move(fallback)};
  }
  template <typename Kind>
  void middleware(std::string_view at, Kind kind) {
    input.middlewares[name(at)].kind = std::move(kind);
  }

  BuildResult& build() {
    result = build_snapshot(input);
    return result;
  }
  /// Builds once more, after the snapshot built before.
  BuildResult& rebuild() {
    before = result.snapshot;
    input.previous = before.get();
    return build();
  }

  /// The router that a request reaches, or "none".
  std::string reached(TestRequest request, std::string_view entry_point = "web") {
    const auto table = result.snapshot->tables.find(entry_point);
    if (table == result.snapshot->tables.end()) return "no entry point";
    const Route* route = table->second.find(request.subject());
    return route == nullptr ? "none" : route->router;
  }
  const Route& route(std::string_view at) {
    for (const auto& each : result.snapshot->routes) {
      if (each->router == name(at).text()) return *each;
    }
    ADD_FAILURE() << "no route of " << at;
    return *result.snapshot->routes.front();
  }
  const balancing::Service& service(std::string_view at) {
    return *std::get<std::unique_ptr<balancing::Service>>(
        result.snapshot->services.at(name(at).text())->kind);
  }

  /// "status: message; message" of an object.
  static std::string verdict(const Reports& reports, std::string_view at) {
    const auto report = reports.find(name(at));
    if (report == reports.end()) return "no report";
    std::string text(report->second.status());
    std::string_view before_message = ": ";
    for (const base::Diagnostic& problem : report->second.problems()) {
      text += std::string(before_message) + problem.message;
      before_message = "; ";
    }
    return text;
  }
  std::string router_verdict(std::string_view at) { return verdict(result.routers, at); }
  std::string service_verdict(std::string_view at) { return verdict(result.services, at); }
  std::string middleware_verdict(std::string_view at) { return verdict(result.middlewares, at); }

  balancing::ServerRegistry registry{1};
  BuildInput input;
  BuildResult result;
  std::shared_ptr<const Snapshot> before;
  std::vector<std::string> resolved;
  int chains_made = 0;
  int chains_with_previous = 0;
};

}  // namespace limpet::routing
