#include "telemetry/process_metrics.h"

#include <sys/resource.h>
#include <unistd.h>

#include <cstdint>
#include <cstdlib>
#include <ctime>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <optional>
#include <string>
#include <system_error>

namespace limpet::telemetry {
namespace {

double seconds_of(const timeval& time) noexcept {
  return static_cast<double>(time.tv_sec) + static_cast<double>(time.tv_usec) / 1e6;
}

double seconds_of(const timespec& time) noexcept {
  return static_cast<double>(time.tv_sec) + static_cast<double>(time.tv_nsec) / 1e9;
}

/// Unix time at which this process started, from the ticks since boot in /proc/self/stat.
std::optional<double> start_time() {
  std::ifstream file("/proc/self/stat");
  const std::string text{std::istreambuf_iterator<char>(file), {}};
  // The program's name, the second field, may hold anything but ends at the last parenthesis.
  const std::size_t name_end = text.rfind(')');
  if (name_end == std::string::npos) return std::nullopt;
  constexpr int kFieldsBefore = 19;  // from the third field to the twenty-first
  std::size_t position = name_end + 1;
  for (int i = 0; i < kFieldsBefore && position != std::string::npos; ++i)
    position = text.find(' ', position + 1);
  if (position == std::string::npos) return std::nullopt;
  const double ticks = std::strtod(text.c_str() + position, nullptr);
  timespec now{};
  timespec since_boot{};
  clock_gettime(CLOCK_REALTIME, &now);
  clock_gettime(CLOCK_BOOTTIME, &since_boot);
  return seconds_of(now) - seconds_of(since_boot) + ticks / static_cast<double>(sysconf(_SC_CLK_TCK));
}

std::optional<double> open_descriptors() {
  std::error_code error;
  const std::filesystem::directory_iterator entries("/proc/self/fd", error);
  if (error) return std::nullopt;
  // One of them is the iterator's own.
  return static_cast<double>(std::distance(begin(entries), end(entries)) - 1);
}

}  // namespace

std::vector<MetricFamily> process_metrics() {
  std::vector<MetricFamily> families;
  const auto gauge = [&](const char* name, const char* help, double value) {
    families.push_back(single_metric(name, help, MetricType::kGauge, value));
  };

  families.push_back(single_metric("limpet_build_info", "The version of Limpet.", MetricType::kGauge, 1));
  families.back().samples.front().labels = {{"version", LIMPET_VERSION}};

  rusage usage{};
  if (getrusage(RUSAGE_SELF, &usage) == 0) {
    families.push_back(single_metric("process_cpu_seconds_total",
                                     "Total user and system CPU time spent in seconds.", MetricType::kCounter,
                                     seconds_of(usage.ru_utime) + seconds_of(usage.ru_stime)));
  }
  rlimit limit{};
  if (getrlimit(RLIMIT_NOFILE, &limit) == 0) {
    gauge("process_max_fds", "Maximum number of open file descriptors.", static_cast<double>(limit.rlim_cur));
  }
  if (const auto open = open_descriptors()) {
    gauge("process_open_fds", "Number of open file descriptors.", *open);
  }
  std::uint64_t total_pages = 0;
  std::uint64_t resident_pages = 0;
  if (std::ifstream statm("/proc/self/statm"); statm >> total_pages >> resident_pages) {
    const auto page = static_cast<double>(sysconf(_SC_PAGESIZE));
    gauge("process_resident_memory_bytes", "Resident memory size in bytes.",
          static_cast<double>(resident_pages) * page);
    gauge("process_virtual_memory_bytes", "Virtual memory size in bytes.",
          static_cast<double>(total_pages) * page);
  }
  if (const auto start = start_time()) {
    gauge("process_start_time_seconds", "Start time of the process since unix epoch in seconds.", *start);
  }
  return families;
}

}  // namespace limpet::telemetry
