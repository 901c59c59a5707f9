#include "telemetry/request_metrics.h"

#include <array>
#include <chrono>
#include <utility>

namespace limpet::telemetry {
namespace {

SeriesReading reading_of(const SeriesCounts& counts) {
  return {.requests = counts.requests.value(),
          .request_bytes = counts.request_bytes.value(),
          .response_bytes = counts.response_bytes.value(),
          .retries = counts.retries.value(),
          .durations = counts.durations.read()};
}

void add_to(SeriesCounts& counts, const SeriesReading& reading) {
  counts.requests.add(reading.requests);
  counts.request_bytes.add(reading.request_bytes);
  counts.response_bytes.add(reading.response_bytes);
  counts.retries.add(reading.retries);
  counts.durations.add(reading.durations);
}

/// Takes vanished names out of the labels, so that what is left still counts; true if there were any.
bool drop_vanished(SeriesLabels<std::string>& labels, const LiveNames& live) {
  const bool service_gone = !labels.service.empty() && !live.services.contains(labels.service);
  const bool router_gone = !labels.router.empty() && !live.routers.contains(labels.router);
  if (service_gone) labels.service.clear();
  // A router's series names the service too.
  if (router_gone || service_gone) labels.router.clear();
  return router_gone || service_gone;
}

}  // namespace

std::string_view protocol_label(RequestProtocol protocol) noexcept {
  switch (protocol) {
    case RequestProtocol::kHttp:
      return "http";
    case RequestProtocol::kSse:
      return "sse";
    case RequestProtocol::kWebsocket:
      return "websocket";
    case RequestProtocol::kGrpc:
      return "grpc";
    case RequestProtocol::kGrpcWeb:
      return "grpc-web";
  }
  return "http";
}

std::string_view method_label(std::string_view method) noexcept {
  static constexpr std::array<std::string_view, 10> kMethods = {
      "GET", "POST", "HEAD", "PUT", "DELETE", "OPTIONS", "PATCH", "CONNECT", "TRACE", "PRI"};
  for (const std::string_view known : kMethods) {
    if (method == known) return known;
  }
  return "EXTENSION_METHOD";
}

RequestMetrics::RequestMetrics(Settings settings) : settings_(std::move(settings)) {
  settings_.buckets = histogram_bounds(std::move(settings_.buckets));
  for (std::uint32_t i = 0; i < settings_.threads; ++i) {
    locals_.push_back(std::make_unique<Local>(settings_.buckets));
  }
}

RequestMetrics::~RequestMetrics() = default;

void RequestMetrics::forget_vanished(LiveNames live) {
  const auto shared = std::make_shared<const LiveNames>(std::move(live));
  for (const auto& local : locals_) local->ask_to_forget(shared);
}

void RequestMetrics::Local::record(const RequestRecord& record) {
  if (sweep_wanted_.load(std::memory_order_relaxed)) sweep();
  SeriesCounts& counts = counts_of({.entry_point = record.entry_point,
                                    .router = record.router,
                                    .service = record.service,
                                    .tls_version = record.tls_version,
                                    .tls_cipher = record.tls_cipher,
                                    .method = method_label(record.method),
                                    .code = record.code,
                                    .protocol = record.protocol});
  counts.requests.add();
  counts.request_bytes.add(record.request_bytes);
  counts.response_bytes.add(record.response_bytes);
  if (record.retries != 0) counts.retries.add(record.retries);
  counts.durations.observe(std::chrono::duration<double>(record.duration).count());
}

void RequestMetrics::Local::connection_opened(std::string_view entry_point, std::string_view protocol) {
  gauge_of(entry_point, protocol).add(1);
}

void RequestMetrics::Local::connection_closed(std::string_view entry_point, std::string_view protocol) {
  gauge_of(entry_point, protocol).add(-1);
}

SeriesCounts& RequestMetrics::Local::counts_of(const SeriesLabels<std::string_view>& labels) {
  if (const auto found = series_.find(labels); found != series_.end()) return found->second;
  const std::lock_guard lock(mutex_);
  return series_
      .try_emplace(Labels{.entry_point = std::string(labels.entry_point),
                          .router = std::string(labels.router),
                          .service = std::string(labels.service),
                          .tls_version = std::string(labels.tls_version),
                          .tls_cipher = std::string(labels.tls_cipher),
                          .method = labels.method,
                          .code = labels.code,
                          .protocol = labels.protocol},
                   bounds_)
      .first->second;
}

Gauge& RequestMetrics::Local::gauge_of(std::string_view entry_point, std::string_view protocol) {
  for (Connections& connections : connections_) {
    if (connections.labels.first == entry_point && connections.labels.second == protocol)
      return connections.open;
  }
  const std::lock_guard lock(mutex_);
  Connections& added = connections_.emplace_back();
  added.labels = ConnectionLabels(entry_point, protocol);
  return added.open;
}

void RequestMetrics::Local::sweep() {
  const std::lock_guard lock(mutex_);
  sweep_wanted_.store(false, std::memory_order_relaxed);
  std::vector<std::pair<Labels, SeriesReading>> remains;
  for (auto entry = series_.begin(); entry != series_.end();) {
    Labels labels = entry->first;
    if (!drop_vanished(labels, *live_)) {
      ++entry;
      continue;
    }
    remains.emplace_back(std::move(labels), reading_of(entry->second));
    entry = series_.erase(entry);
  }
  for (auto& [labels, reading] : remains) {
    add_to(series_.try_emplace(std::move(labels), bounds_).first->second, reading);
  }
  live_.reset();
}

std::vector<std::pair<RequestMetrics::Local::Labels, SeriesReading>> RequestMetrics::Local::read_series()
    const {
  std::vector<std::pair<Labels, SeriesReading>> readings;
  const std::lock_guard lock(mutex_);
  readings.reserve(series_.size());
  for (const auto& [labels, counts] : series_) {
    Labels& kept = readings.emplace_back(labels, reading_of(counts)).first;
    // A thread without requests has not swept yet.
    if (live_ != nullptr) drop_vanished(kept, *live_);
  }
  return readings;
}

void RequestMetrics::Local::add_connections_to(std::map<ConnectionLabels, std::int64_t>& open) const {
  const std::lock_guard lock(mutex_);
  for (const Connections& connections : connections_) open[connections.labels] += connections.open.value();
}

void RequestMetrics::Local::ask_to_forget(std::shared_ptr<const LiveNames> live) {
  const std::lock_guard lock(mutex_);
  live_ = std::move(live);
  sweep_wanted_.store(true, std::memory_order_relaxed);
}

}  // namespace limpet::telemetry
