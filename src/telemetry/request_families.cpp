// How the threads' series become Traefik's metric families.
#include <fmt/format.h>

#include <algorithm>
#include <tuple>

#include "telemetry/request_metrics.h"

namespace limpet::telemetry {
namespace {

/// Entry points, routers or services: what the level's families are called and which labels name it.
struct Level {
  std::string_view prefix;    ///< of the metrics' names
  std::string_view requests;  ///< help texts
  std::string_view tls;
  std::string_view durations;
  std::string_view request_bytes;
  std::string_view response_bytes;
};

constexpr Level kEntryPoints = {
    .prefix = "traefik_entrypoint_",
    .requests =
        "How many HTTP requests processed on an entrypoint, partitioned by status code, protocol, and "
        "method.",
    .tls =
        "How many HTTP requests with TLS processed on an entrypoint, partitioned by TLS Version and TLS "
        "cipher Used.",
    .durations =
        "How long it took to process the request on an entrypoint, partitioned by status code, protocol, "
        "and method.",
    .request_bytes =
        "The total size of requests in bytes handled by an entrypoint, partitioned by status code, "
        "protocol, and method.",
    .response_bytes =
        "The total size of responses in bytes handled by an entrypoint, partitioned by status code, "
        "protocol, and method.",
};
constexpr Level kRouters = {
    .prefix = "traefik_router_",
    .requests =
        "How many HTTP requests are processed on a router, partitioned by service, status code, protocol, "
        "and method.",
    .tls =
        "How many HTTP requests with TLS are processed on a router, partitioned by service, TLS Version, and "
        "TLS "
        "cipher Used.",
    .durations =
        "How long it took to process the request on a router, partitioned by service, status code, "
        "protocol, and method.",
    .request_bytes =
        "The total size of requests in bytes handled by a router, partitioned by service, status code, "
        "protocol, and method.",
    .response_bytes =
        "The total size of responses in bytes handled by a router, partitioned by service, status "
        "code, protocol, and method.",
};
constexpr Level kServices = {
    .prefix = "traefik_service_",
    .requests =
        "How many HTTP requests processed on a service, partitioned by status code, protocol, and method.",
    .tls =
        "How many HTTP requests with TLS processed on a service, partitioned by TLS version and TLS cipher.",
    .durations =
        "How long it took to process the request on a service, partitioned by status code, protocol, and "
        "method.",
    .request_bytes =
        "The total size of requests in bytes received by a service, partitioned by status code, "
        "protocol, and method.",
    .response_bytes =
        "The total size of responses in bytes returned by a service, partitioned by status code, "
        "protocol, and method.",
};

/// The sums of one level. Ordered, so that two scrapes list the series alike.
struct Sums {
  std::map<std::vector<Label>, SeriesReading> requests;
  std::map<std::vector<Label>, std::uint64_t> tls;
};

void add_to(Sums& sums, const std::vector<Label>& names, const SeriesLabels<std::string>& labels,
            const SeriesReading& reading) {
  std::vector<Label> key = {{"code", fmt::to_string(labels.code)},
                            {"method", std::string(labels.method)},
                            {"protocol", std::string(protocol_label(labels.protocol))}};
  key.insert(key.end(), names.begin(), names.end());
  sums.requests[std::move(key)].add(reading);
  if (labels.tls_version.empty()) return;
  std::vector<Label> tls_key = {{"tls_version", labels.tls_version}, {"tls_cipher", labels.tls_cipher}};
  tls_key.insert(tls_key.end(), names.begin(), names.end());
  sums.tls[std::move(tls_key)] += reading.requests;
}

MetricFamily family_of(const Level& level, std::string_view name, std::string_view help, MetricType type) {
  return {.name = fmt::format("{}{}", level.prefix, name),
          .help = std::string(help),
          .type = type,
          .samples = {},
          .bounds = {}};
}

void add_value(MetricFamily& family, const std::vector<Label>& labels, double value) {
  family.samples.push_back({.labels = labels, .value = value, .histogram = {}});
}

void append_families(std::vector<MetricFamily>& families, const Level& level, const Sums& sums,
                     const std::vector<double>& bounds) {
  auto requests = family_of(level, "requests_total", level.requests, MetricType::kCounter);
  auto tls = family_of(level, "requests_tls_total", level.tls, MetricType::kCounter);
  auto durations = family_of(level, "request_duration_seconds", level.durations, MetricType::kHistogram);
  auto request_bytes = family_of(level, "requests_bytes_total", level.request_bytes, MetricType::kCounter);
  auto response_bytes = family_of(level, "responses_bytes_total", level.response_bytes, MetricType::kCounter);
  durations.bounds = bounds;
  for (const auto& [labels, reading] : sums.requests) {
    add_value(requests, labels, static_cast<double>(reading.requests));
    add_value(request_bytes, labels, static_cast<double>(reading.request_bytes));
    add_value(response_bytes, labels, static_cast<double>(reading.response_bytes));
    durations.samples.push_back({.labels = labels, .value = 0, .histogram = reading.durations});
  }
  for (const auto& [labels, count] : sums.tls) add_value(tls, labels, static_cast<double>(count));
  for (MetricFamily* family : {&requests, &tls, &durations, &request_bytes, &response_bytes}) {
    families.push_back(std::move(*family));
  }
}

}  // namespace

std::vector<MetricFamily> RequestMetrics::collect() const {
  Sums entry_points;
  Sums routers;
  Sums services;
  std::map<std::string, std::uint64_t> retries;
  std::map<Local::ConnectionLabels, std::int64_t> open;
  for (const auto& local : locals_) {
    local->add_connections_to(open);
    for (const auto& [labels, reading] : local->read_series()) {
      if (settings_.entry_points) {
        add_to(entry_points, {{"entrypoint", labels.entry_point}}, labels, reading);
      }
      if (settings_.routers && !labels.router.empty()) {
        add_to(routers, {{"router", labels.router}, {"service", labels.service}}, labels, reading);
      }
      if (settings_.services && !labels.service.empty()) {
        add_to(services, {{"service", labels.service}}, labels, reading);
        if (reading.retries != 0) retries[labels.service] += reading.retries;
      }
    }
  }

  std::vector<MetricFamily> families;
  MetricFamily connections{.name = "traefik_open_connections",
                           .help = "How many open connections exist, by entryPoint and protocol",
                           .type = MetricType::kGauge,
                           .samples = {},
                           .bounds = {}};
  for (const auto& [labels, count] : open) {
    add_value(connections, {{"entrypoint", labels.first}, {"protocol", labels.second}},
              static_cast<double>(count));
  }
  families.push_back(std::move(connections));
  if (settings_.entry_points) append_families(families, kEntryPoints, entry_points, settings_.buckets);
  if (settings_.routers) append_families(families, kRouters, routers, settings_.buckets);
  if (settings_.services) {
    append_families(families, kServices, services, settings_.buckets);
    auto retried = family_of(kServices, "retries_total", "How many request retries happened on a service.",
                             MetricType::kCounter);
    for (const auto& [service, count] : retries) {
      add_value(retried, {{"service", service}}, static_cast<double>(count));
    }
    families.push_back(std::move(retried));
  }
  return families;
}

}  // namespace limpet::telemetry
