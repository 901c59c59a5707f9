#include "load/recorder.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <numeric>

namespace limpet::bench {
namespace {

constexpr std::array<std::string_view, kFailureKinds> kFailureNames = {"connect", "handshake", "closed",
                                                                       "mismatch", "lost"};

std::string times_json(const Histogram& times) {
  const auto microseconds = [](std::uint64_t value) { return static_cast<double>(value) / 1000; };
  return fmt::format(R"({{"count":{},"p50":{:.2f},"p99":{:.2f},"p999":{:.2f},"max":{:.2f}}})", times.count(),
                     microseconds(times.percentile(0.5)), microseconds(times.percentile(0.99)),
                     microseconds(times.percentile(0.999)), microseconds(times.max()));
}

}  // namespace

Recorder::Recorder(const Options& options) : options_(options) {
  if (options.interval > 0)
    intervals_.resize(static_cast<std::size_t>(std::ceil(options.seconds / options.interval)));
}

void Recorder::begin(std::int64_t now) {
  recording_ = true;
  begin_ = now;
  count_ = bytes_ = skipped_ = reopened_ = 0;
  times_.clear();
  for (auto& interval : intervals_) interval.clear();
}

void Recorder::end(std::int64_t now) {
  recording_ = false;
  end_ = now;
}

void Recorder::failed(Failure kind, std::string_view text, std::uint64_t count) {
  if (count == 0) return;
  failures_[static_cast<std::size_t>(kind)] += count;
  if (first_failure_.empty()) first_failure_ = text;
}

std::uint64_t Recorder::failures() const {
  return std::accumulate(failures_.begin(), failures_.end(), std::uint64_t{0});
}

void Recorder::record_time(std::int64_t sent, std::int64_t received) {
  times_.record(received - sent);
  if (intervals_.empty()) return;
  const auto place =
      static_cast<std::size_t>(static_cast<double>(received - begin_) / 1e9 / options_.interval);
  intervals_[std::min(place, intervals_.size() - 1)].record(received - sent);
}

std::string Recorder::result_json() const {
  const double seconds = static_cast<double>(end_ - begin_) / 1e9;
  std::string json = fmt::format(
      R"({{"event":"result","mode":"{}","clients":{},"size":{},"burst":{},"offered_rate":{},"seconds":{:.6f},)"
      R"("count":{},"bytes":{},"rate":{:.1f},"rtt_us":{},"skipped":{},"reopened":{},"failures":{{"total":{})",
      options_.mode_name, options_.clients, options_.size, options_.burst, options_.rate, seconds, count_,
      bytes_, seconds > 0 ? static_cast<double>(count_) / seconds : 0, times_json(times_), skipped_,
      reopened_, failures());
  for (std::size_t i = 0; i < kFailureKinds; ++i)
    json += fmt::format(R"(,"{}":{})", kFailureNames[i], failures_[i]);
  json += fmt::format(R"(}},"first_failure":{},"intervals":[)", json_string(first_failure_));
  for (std::size_t i = 0; i < intervals_.size(); ++i) json += (i > 0 ? "," : "") + times_json(intervals_[i]);
  return json + "]}";
}

std::string json_string(std::string_view text) {
  std::string json = "\"";
  for (const char c : text) {
    if (c == '"' || c == '\\') json += '\\';
    if (c == '\n')
      json += "\\n";
    else if (c != '\r')
      json += c >= ' ' && c <= '~' ? c : '?';
  }
  return json + '"';
}

}  // namespace limpet::bench
