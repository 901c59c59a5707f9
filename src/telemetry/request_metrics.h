#pragma once

#include <atomic>
#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <set>
#include <span>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <vector>

#include "base/clock.h"
#include "telemetry/counter.h"
#include "telemetry/exposition.h"
#include "telemetry/request_series.h"

/// Traefik's request metrics: entry points, routers and services by code, method and protocol.
namespace limpet::telemetry {

/// "http", "sse", "websocket", "grpc" or "grpc-web".
[[nodiscard]] std::string_view protocol_label(RequestProtocol protocol) noexcept;

/// The label `method`: the method itself if HTTP knows it, else EXTENSION_METHOD, so that clients cannot make
/// series. The text is static.
[[nodiscard]] std::string_view method_label(std::string_view method) noexcept;

/// One finished request (a WebSocket when it ends). The texts are views and only need to live during
/// `record`.
struct RequestRecord {
  std::string_view entry_point;
  std::string_view router;   ///< qualified name; empty if no router matched
  std::string_view service;  ///< qualified name of the leaf service; empty if none was reached
  std::string_view method;
  std::string_view tls_version;  ///< for example "1.3"; empty without TLS
  std::string_view tls_cipher;
  std::uint16_t code = 0;  ///< sent to the client
  RequestProtocol protocol = RequestProtocol::kHttp;
  std::uint32_t retries = 0;  ///< attempts beyond the first
  base::Duration duration{};
  std::uint64_t request_bytes = 0;   ///< of the body, or from client to server through a tunnel
  std::uint64_t response_bytes = 0;  ///< the other way
};

/// The names that the configuration in force has.
struct LiveNames {
  std::set<std::string, std::less<>> routers;
  std::set<std::string, std::less<>> services;
};

/// The request metrics of all data-plane threads. Each thread writes into its own Local; the control thread
/// collects. Outlives the threads that write.
class RequestMetrics {
 public:
  struct Settings {
    std::uint32_t threads = 1;
    std::vector<double> buckets = {0.1, 0.3, 1.2, 5.0};  ///< of durations, in seconds; in any order
    bool entry_points = true;                            ///< Traefik's addEntryPointsLabels
    bool routers = false;                                ///< addRoutersLabels
    bool services = true;                                ///< addServicesLabels
  };

  class Local;

  explicit RequestMetrics(Settings settings);
  RequestMetrics(const RequestMetrics&) = delete;
  RequestMetrics& operator=(const RequestMetrics&) = delete;
  ~RequestMetrics();

  /// The part of one data-plane thread, counted from 0.
  [[nodiscard]] Local& local(std::uint32_t thread) noexcept { return *locals_[thread]; }

  /// All families at this moment, summed over the threads. Control thread.
  [[nodiscard]] std::vector<MetricFamily> collect() const;

  /// After a reload: series of routers and services that `live` lacks are no longer collected, and each
  /// thread gives their memory back at its next request. What entry points and remaining services counted
  /// stays. Control thread.
  void forget_vanished(LiveNames live);

 private:
  Settings settings_;
  std::vector<std::unique_ptr<Local>> locals_;
};

/// The metrics that one data-plane thread writes; its public functions are for that thread only.
class alignas(64) RequestMetrics::Local {
 public:
  explicit Local(std::span<const double> bounds) : bounds_(bounds) {}

  /// Counts a finished request: one hash probe and plain stores; a short lock only for labels not seen
  /// before.
  void record(const RequestRecord& record);

  /// Counts a connection into and out of `traefik_open_connections`. Traefik's protocol is "TCP".
  void connection_opened(std::string_view entry_point, std::string_view protocol = "TCP");
  void connection_closed(std::string_view entry_point, std::string_view protocol = "TCP");

 private:
  friend class RequestMetrics;

  using Labels = SeriesLabels<std::string>;
  using Series = std::unordered_map<Labels, SeriesCounts, SeriesHash, SeriesEqual>;
  using ConnectionLabels = std::pair<std::string, std::string>;  // entry point and protocol
  struct Connections {
    ConnectionLabels labels;
    Gauge open;
  };

  [[nodiscard]] SeriesCounts& counts_of(const SeriesLabels<std::string_view>& labels);
  [[nodiscard]] Gauge& gauge_of(std::string_view entry_point, std::string_view protocol);
  void sweep();

  // What the control thread calls.
  [[nodiscard]] std::vector<std::pair<Labels, SeriesReading>> read_series() const;
  void add_connections_to(std::map<ConnectionLabels, std::int64_t>& open) const;
  void ask_to_forget(std::shared_ptr<const LiveNames> live);

  std::span<const double> bounds_;
  // The writer holds it while it changes the containers, the reader while it walks them. The writer looks
  // things up without it, since nobody else changes them.
  mutable std::mutex mutex_;
  Series series_;
  std::deque<Connections> connections_;
  std::atomic<bool> sweep_wanted_{false};
  std::shared_ptr<const LiveNames>
      live_;  // set while a sweep is wanted; shared: the last thread to sweep frees it
};

}  // namespace limpet::telemetry
