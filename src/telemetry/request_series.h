#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <span>
#include <string>
#include <string_view>

#include "telemetry/counter.h"
#include "telemetry/histogram.h"

/// The series that RequestMetrics keeps per thread. Only request_metrics.* uses this.
namespace limpet::telemetry {

/// What a request speaks, as its headers ask: the label `protocol`.
enum class RequestProtocol : std::uint8_t { kHttp, kSse, kWebsocket, kGrpc, kGrpcWeb };

/// What tells series apart: of views to look a series up, of strings to keep it.
template <class Text>
struct SeriesLabels {
  Text entry_point;
  Text router;
  Text service;
  Text tls_version;
  Text tls_cipher;
  std::string_view method;  ///< static text of `method_label`
  std::uint16_t code = 0;
  RequestProtocol protocol = RequestProtocol::kHttp;
};

struct SeriesHash {
  using is_transparent = void;
  template <class Text>
  [[nodiscard]] std::size_t operator()(const SeriesLabels<Text>& labels) const noexcept {
    std::size_t hash =
        (static_cast<std::size_t>(labels.code) << 8U) | static_cast<std::size_t>(labels.protocol);
    for (const std::string_view text : {std::string_view(labels.entry_point), std::string_view(labels.router),
                                        std::string_view(labels.service), labels.method}) {
      hash = (hash ^ std::hash<std::string_view>{}(text)) * 0x9e3779b97f4a7c15U;
    }
    return hash;
  }
};

struct SeriesEqual {
  using is_transparent = void;
  template <class A, class B>
  [[nodiscard]] bool operator()(const SeriesLabels<A>& a, const SeriesLabels<B>& b) const noexcept {
    return a.code == b.code && a.protocol == b.protocol && a.method == b.method && a.router == b.router &&
           a.service == b.service && a.entry_point == b.entry_point && a.tls_version == b.tls_version &&
           a.tls_cipher == b.tls_cipher;
  }
};

/// What is counted for one set of labels.
struct SeriesCounts {
  explicit SeriesCounts(std::span<const double> bounds) : durations(bounds) {}

  Counter requests;
  Counter request_bytes;
  Counter response_bytes;
  Counter retries;
  Histogram durations;  ///< seconds
};

/// The same, read.
struct SeriesReading {
  std::uint64_t requests = 0;
  std::uint64_t request_bytes = 0;
  std::uint64_t response_bytes = 0;
  std::uint64_t retries = 0;
  HistogramReading durations;

  void add(const SeriesReading& other) {
    requests += other.requests;
    request_bytes += other.request_bytes;
    response_bytes += other.response_bytes;
    retries += other.retries;
    durations.add(other.durations);
  }
};

}  // namespace limpet::telemetry
