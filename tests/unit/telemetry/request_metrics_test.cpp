#include "telemetry/request_metrics.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <optional>
#include <string>
#include <thread>
#include <vector>

namespace limpet::telemetry {
namespace {

using namespace std::chrono_literals;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::Not;

using Labels = std::vector<Label>;

RequestMetrics::Settings all_levels(std::uint32_t threads = 1) {
  return {.threads = threads, .buckets = {0.1, 1}, .entry_points = true, .routers = true, .services = true};
}

RequestRecord request() {
  return {.entry_point = "web",
          .router = "r@file",
          .service = "s@file",
          .method = "GET",
          .tls_version = {},
          .tls_cipher = {},
          .code = 200,
          .protocol = RequestProtocol::kHttp,
          .retries = 0,
          .duration = 50ms,
          .request_bytes = 10,
          .response_bytes = 100};
}

std::optional<double> value_of(const RequestMetrics& metrics, std::string_view name, const Labels& labels) {
  for (const MetricFamily& family : metrics.collect()) {
    if (family.name != name) continue;
    for (const Sample& sample : family.samples) {
      if (sample.labels == labels) return sample.value;
    }
  }
  return std::nullopt;
}

Labels entry_point_labels(std::string code = "200", std::string method = "GET",
                          std::string protocol = "http") {
  return {{"code", std::move(code)},
          {"method", std::move(method)},
          {"protocol", std::move(protocol)},
          {"entrypoint", "web"}};
}

Labels service_labels() {
  return {{"code", "200"}, {"method", "GET"}, {"protocol", "http"}, {"service", "s@file"}};
}

Labels router_labels() {
  return {
      {"code", "200"}, {"method", "GET"}, {"protocol", "http"}, {"router", "r@file"}, {"service", "s@file"}};
}

TEST(RequestMetrics, GivesTraefiksText) {
  RequestMetrics metrics(all_levels());
  metrics.local(0).connection_opened("web");
  metrics.local(0).record(request());
  RequestRecord slow = request();
  slow.duration = 2s;
  slow.retries = 2;
  metrics.local(0).record(slow);

  const std::string text = prometheus_text(metrics.collect());
  const std::string names = R"(code="200",method="GET",protocol="http",)";
  EXPECT_THAT(text, HasSubstr("traefik_open_connections{entrypoint=\"web\",protocol=\"TCP\"} 1\n"));
  EXPECT_THAT(text,
              HasSubstr("# HELP traefik_entrypoint_requests_total How many HTTP requests processed on an "
                        "entrypoint, partitioned by status code, protocol, and method.\n"
                        "# TYPE traefik_entrypoint_requests_total counter\n"
                        "traefik_entrypoint_requests_total{" +
                        names + "entrypoint=\"web\"} 2\n"));
  EXPECT_THAT(text,
              HasSubstr("traefik_entrypoint_requests_bytes_total{" + names + "entrypoint=\"web\"} 20\n"));
  EXPECT_THAT(text,
              HasSubstr("traefik_entrypoint_responses_bytes_total{" + names + "entrypoint=\"web\"} 200\n"));
  const std::string duration = "traefik_service_request_duration_seconds";
  EXPECT_THAT(text, HasSubstr("# TYPE " + duration + " histogram\n" + duration + "_count{" + names +
                              "service=\"s@file\"} 2\n"));
  EXPECT_THAT(text, HasSubstr(duration + "_bucket{" + names + "service=\"s@file\",le=\"0.1\"} 1\n"));
  EXPECT_THAT(text, HasSubstr(duration + "_bucket{" + names + "service=\"s@file\",le=\"1\"} 1\n"));
  EXPECT_THAT(text, HasSubstr(duration + "_bucket{" + names + "service=\"s@file\",le=\"+Inf\"} 2\n"));
  EXPECT_THAT(text, HasSubstr("traefik_router_requests_total{" + names +
                              "router=\"r@file\",service=\"s@file\"} 2\n"));
  EXPECT_THAT(text, HasSubstr("traefik_service_retries_total{service=\"s@file\"} 2\n"));
  EXPECT_THAT(text, Not(HasSubstr("requests_tls_total")));
}

TEST(RequestMetrics, TellsLabelsApart) {
  RequestMetrics metrics(all_levels());
  RequestRecord record = request();
  record.code = 404;
  metrics.local(0).record(record);
  record = request();
  record.method = "POST";
  metrics.local(0).record(record);
  record = request();
  record.protocol = RequestProtocol::kWebsocket;
  metrics.local(0).record(record);
  metrics.local(0).record(record);
  const auto count = [&](const Labels& labels) {
    return value_of(metrics, "traefik_entrypoint_requests_total", labels);
  };
  EXPECT_EQ(count(entry_point_labels("404")), 1);
  EXPECT_EQ(count(entry_point_labels("200", "POST")), 1);
  EXPECT_EQ(count(entry_point_labels("200", "GET", "websocket")), 2);
  EXPECT_EQ(count(entry_point_labels()), std::nullopt);
}

TEST(RequestMetrics, CountsUnknownMethodsTogether) {
  EXPECT_EQ(method_label("GET"), "GET");
  EXPECT_EQ(method_label("PATCH"), "PATCH");
  EXPECT_EQ(method_label("get"), "EXTENSION_METHOD");
  EXPECT_EQ(method_label(""), "EXTENSION_METHOD");
  RequestMetrics metrics(all_levels());
  for (const std::string_view method : {"PROPFIND", "X1", "X2"}) {
    RequestRecord record = request();
    record.method = method;
    metrics.local(0).record(record);
  }
  EXPECT_EQ(
      value_of(metrics, "traefik_entrypoint_requests_total", entry_point_labels("200", "EXTENSION_METHOD")),
      3);
}

TEST(RequestMetrics, NamesEveryProtocol) {
  EXPECT_EQ(protocol_label(RequestProtocol::kHttp), "http");
  EXPECT_EQ(protocol_label(RequestProtocol::kSse), "sse");
  EXPECT_EQ(protocol_label(RequestProtocol::kWebsocket), "websocket");
  EXPECT_EQ(protocol_label(RequestProtocol::kGrpc), "grpc");
  EXPECT_EQ(protocol_label(RequestProtocol::kGrpcWeb), "grpc-web");
}

TEST(RequestMetrics, CountsRequestsWithoutARouterAtTheEntryPoint) {
  RequestMetrics metrics(all_levels());
  RequestRecord record = request();
  record.router = {};
  record.service = {};
  record.code = 404;
  metrics.local(0).record(record);
  EXPECT_EQ(value_of(metrics, "traefik_entrypoint_requests_total", entry_point_labels("404")), 1);
  const std::string text = prometheus_text(metrics.collect());
  EXPECT_THAT(text, Not(HasSubstr("traefik_router_")));
  EXPECT_THAT(text, Not(HasSubstr("traefik_service_")));
}

TEST(RequestMetrics, CountsTlsByVersionAndCipher) {
  RequestMetrics metrics(all_levels());
  RequestRecord record = request();
  record.tls_version = "1.3";
  record.tls_cipher = "TLS_AES_128_GCM_SHA256";
  metrics.local(0).record(record);
  metrics.local(0).record(request());
  const Labels tls = {
      {"tls_version", "1.3"}, {"tls_cipher", "TLS_AES_128_GCM_SHA256"}, {"entrypoint", "web"}};
  EXPECT_EQ(value_of(metrics, "traefik_entrypoint_requests_tls_total", tls), 1);
  EXPECT_EQ(value_of(metrics, "traefik_entrypoint_requests_total", entry_point_labels()), 2);
}

TEST(RequestMetrics, LeavesOutLevelsThatAreOff) {
  RequestMetrics metrics(
      {.threads = 1, .buckets = {}, .entry_points = false, .routers = false, .services = false});
  metrics.local(0).record(request());
  metrics.local(0).connection_opened("web");
  EXPECT_THAT(prometheus_text(metrics.collect()), testing::StartsWith("# HELP traefik_open_connections"));
  EXPECT_EQ(metrics.collect().size(), 1U);
}

TEST(RequestMetrics, SortsTheBuckets) {
  RequestMetrics metrics(
      {.threads = 1, .buckets = {5, 0.1, 5}, .entry_points = true, .routers = false, .services = false});
  metrics.local(0).record(request());
  const auto families = metrics.collect();
  const auto durations =
      std::ranges::find(families, "traefik_entrypoint_request_duration_seconds", &MetricFamily::name);
  ASSERT_NE(durations, families.end());
  EXPECT_THAT(durations->bounds, ElementsAre(0.1, 5));
  EXPECT_THAT(durations->samples.at(0).histogram.counts, ElementsAre(1, 0, 0));
}

TEST(RequestMetrics, SumsOverThreads) {
  RequestMetrics metrics(all_levels(2));
  metrics.local(0).record(request());
  metrics.local(1).record(request());
  metrics.local(0).connection_opened("web");
  metrics.local(1).connection_opened("web");
  metrics.local(1).connection_opened("web");
  metrics.local(1).connection_closed("web");
  metrics.local(1).connection_opened("web", "UDP");
  EXPECT_EQ(value_of(metrics, "traefik_entrypoint_requests_total", entry_point_labels()), 2);
  EXPECT_EQ(value_of(metrics, "traefik_open_connections", {{"entrypoint", "web"}, {"protocol", "TCP"}}), 2);
  EXPECT_EQ(value_of(metrics, "traefik_open_connections", {{"entrypoint", "web"}, {"protocol", "UDP"}}), 1);
}

TEST(RequestMetrics, ForgetsVanishedRoutersAndKeepsTheRest) {
  RequestMetrics metrics(all_levels());
  metrics.local(0).record(request());
  metrics.forget_vanished({.routers = {}, .services = {"s@file"}});
  const auto expect_router_gone = [&](double requests) {
    EXPECT_EQ(value_of(metrics, "traefik_router_requests_total", router_labels()), std::nullopt);
    EXPECT_EQ(value_of(metrics, "traefik_service_requests_total", service_labels()), requests);
    EXPECT_EQ(value_of(metrics, "traefik_entrypoint_requests_total", entry_point_labels()), requests);
  };
  expect_router_gone(1);  // the thread has not swept yet

  RequestRecord record = request();
  record.router = {};
  metrics.local(0).record(record);
  expect_router_gone(2);
}

TEST(RequestMetrics, ForgetsVanishedServicesAndKeepsTheEntryPoint) {
  RequestMetrics metrics(all_levels());
  metrics.local(0).record(request());
  metrics.local(0).record(request());
  metrics.forget_vanished({.routers = {"r@file"}, .services = {}});
  RequestRecord other = request();
  other.service = {};
  other.router = {};
  metrics.local(0).record(other);
  EXPECT_EQ(value_of(metrics, "traefik_service_requests_total", service_labels()), std::nullopt);
  EXPECT_EQ(value_of(metrics, "traefik_router_requests_total", router_labels()), std::nullopt);
  EXPECT_EQ(value_of(metrics, "traefik_entrypoint_requests_total", entry_point_labels()), 3);
  EXPECT_EQ(value_of(metrics, "traefik_entrypoint_responses_bytes_total", entry_point_labels()), 300);
}

TEST(RequestMetrics, CountsAVanishedRoutersLateRequests) {
  RequestMetrics metrics(all_levels());
  metrics.forget_vanished({.routers = {}, .services = {}});
  metrics.local(0).record(request());
  EXPECT_EQ(value_of(metrics, "traefik_router_requests_total", router_labels()), 1);
}

TEST(RequestMetrics, IsCollectedWhileThreadsRecordAndSeriesComeAndGo) {
  constexpr std::uint32_t kThreads = 3;
  constexpr int kRequests = 3000;
  RequestMetrics metrics(all_levels(kThreads));
  std::atomic<std::uint32_t> running{kThreads};
  std::vector<std::jthread> threads;
  for (std::uint32_t t = 0; t < kThreads; ++t) {
    threads.emplace_back([&metrics, &running, t] {
      for (int i = 0; i < kRequests; ++i) {
        RequestRecord record = request();
        const std::string router = "r" + std::to_string(i % 40) + "@file";
        record.router = router;
        record.code = static_cast<std::uint16_t>(200 + i % 7);
        metrics.local(t).connection_opened("web");
        metrics.local(t).record(record);
        metrics.local(t).connection_closed("web");
      }
      running.fetch_sub(1);
    });
  }
  double last = 0;
  while (running.load() != 0) {
    double requests = 0;
    for (const MetricFamily& family : metrics.collect()) {
      if (family.name != "traefik_entrypoint_requests_total") continue;
      for (const Sample& sample : family.samples) requests += sample.value;
    }
    ASSERT_GE(requests, last);
    last = requests;
    metrics.forget_vanished({.routers = {"r1@file", "r2@file"}, .services = {"s@file"}});
  }
  threads.clear();
  double requests = 0;
  for (const MetricFamily& family : metrics.collect()) {
    if (family.name != "traefik_service_requests_total") continue;
    for (const Sample& sample : family.samples) requests += sample.value;
  }
  EXPECT_EQ(requests, kThreads * kRequests);
  EXPECT_EQ(value_of(metrics, "traefik_open_connections", {{"entrypoint", "web"}, {"protocol", "TCP"}}), 0);
}

}  // namespace
}  // namespace limpet::telemetry
