/// What it costs to find a request's router, and to build a snapshot, by the number of routers.

#include <benchmark/benchmark.h>
#include <fmt/format.h>

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "balancing/server_state.h"
#include "routing/snapshot_builder.h"

namespace limpet::routing {
namespace {

/// A table with its routes.
class Table {
 public:
  void add(const std::string& rule) {
    Rule parsed = Rule::parse(rule).value();
    const std::int64_t priority = parsed.default_priority();
    routes_.push_back(
        std::make_unique<Route>(Route{.router = rule, .rule = std::move(parsed), .priority = priority}));
  }
  void finish() {
    std::vector<RouterTable::Entry> entries;
    for (const auto& route : routes_) entries.push_back({&route->rule, route.get(), route->priority});
    table_ = RouterTable(std::move(entries));
  }
  [[nodiscard]] const Route* find(const Subject& subject) const { return table_.find(subject); }

 private:
  std::vector<std::unique_ptr<Route>> routes_;
  RouterTable table_;
};

/// Looks up host and path of each router in turn, so that no one router stays in the cache.
template <typename RuleOf, typename HostOf, typename PathOf>
void look_up(benchmark::State& state, const RuleOf& rule_of, const HostOf& host_of, const PathOf& path_of) {
  const auto count = static_cast<std::size_t>(state.range(0));
  Table table;
  std::vector<std::string> hosts;
  std::vector<std::string> paths;
  for (std::size_t i = 0; i < count; ++i) {
    table.add(rule_of(i));
    hosts.push_back(host_of(i));
    paths.push_back(path_of(i));
  }
  table.finish();
  http::RequestHead head;
  head.method_text = "GET";
  head.fields = {{"User-Agent", "bench", http::FieldId::kUserAgent},
                 {"Cookie", "a=b", http::FieldId::kCookie}};
  std::size_t i = 0;
  for (auto _ : state) {
    const Route* route = table.find({.head = &head, .host = hosts[i], .path = paths[i], .client = {}});
    if (route == nullptr) state.SkipWithError("not found");
    benchmark::DoNotOptimize(route);
    i = i + 1 == count ? 0 : i + 1;
  }
}

void by_host(benchmark::State& state) {
  look_up(
      state, [](std::size_t i) { return fmt::format("Host(`app{}.example.com`)", i); },
      [](std::size_t i) { return fmt::format("app{}.example.com", i); },
      [](std::size_t) { return "/index.html"; });
}
void by_wildcard_host(benchmark::State& state) {
  look_up(
      state, [](std::size_t i) { return fmt::format("Host(`*.app{}.example.com`)", i); },
      [](std::size_t i) { return fmt::format("www.app{}.example.com", i); },
      [](std::size_t) { return "/index.html"; });
}
void by_path_prefix(benchmark::State& state) {
  look_up(
      state, [](std::size_t i) { return fmt::format("PathPrefix(`/tenants/{}/`)", i); },
      [](std::size_t) { return "example.com"; },
      [](std::size_t i) { return fmt::format("/tenants/{}/socket.io/", i); });
}
void by_host_and_path(benchmark::State& state) {
  look_up(
      state,
      [](std::size_t i) {
        return fmt::format("Host(`app{}.example.com`) && (PathPrefix(`/api/v{}`) || Path(`/ws`))", i / 10,
                           i % 10);
      },
      [](std::size_t i) { return fmt::format("app{}.example.com", i / 10); },
      [](std::size_t i) { return fmt::format("/api/v{}/users", i % 10); });
}
void by_path_regexp(benchmark::State& state) {
  look_up(
      state, [](std::size_t i) { return fmt::format("PathRegexp(`^/tenants/{}/[a-z]+`)", i); },
      [](std::size_t) { return "example.com"; },
      [](std::size_t i) { return fmt::format("/tenants/{}/socket.io/", i); });
}
BENCHMARK(by_host)->Arg(10)->Arg(1'000)->Arg(10'000);
BENCHMARK(by_wildcard_host)->Arg(10)->Arg(1'000)->Arg(10'000);
BENCHMARK(by_path_prefix)->Arg(10)->Arg(1'000)->Arg(10'000);
BENCHMARK(by_host_and_path)->Arg(10)->Arg(1'000)->Arg(10'000);
BENCHMARK(by_path_regexp)->Arg(10)->Arg(1'000)->Arg(10'000);

/// Five servers and one sticky service for each router, built anew beside the snapshot before.
void build(benchmark::State& state) {
  balancing::ServerRegistry registry(2);
  BuildInput input;
  input.registry = &registry;
  input.entry_points = {{"web", {}}};
  for (std::int64_t i = 0; i < state.range(0); ++i) {
    const config::QualifiedName name{fmt::format("app{}", i), "file"};
    config::LoadBalancer balancer;
    balancer.sticky = config::Sticky{.cookie = config::StickyCookie{}};
    for (int k = 1; k <= 5; ++k) {
      balancer.servers.push_back({.url = fmt::format("http://10.{}.{}.{}:3000", i / 250, i % 250, k)});
    }
    input.services[name].kind = std::move(balancer);
    input.routers[name] = {.rule = fmt::format("Host(`app{}.example.com`) && PathPrefix(`/`)", i),
                           .service = name.name};
  }
  std::shared_ptr<const Snapshot> last;
  for (auto _ : state) {
    input.previous = last.get();
    last = build_snapshot(input).snapshot;
  }
}
BENCHMARK(build)->Arg(10)->Arg(1'000)->Unit(benchmark::kMillisecond);

}  // namespace
}  // namespace limpet::routing
