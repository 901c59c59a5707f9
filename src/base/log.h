#pragma once

#include <fmt/format.h>

#include <atomic>
#include <cstdint>
#include <string>
#include <string_view>
#include <utility>

namespace limpet::base {

enum class LogLevel : std::uint8_t { kTrace, kDebug, kInfo, kWarn, kError, kOff };

/// Where the application log goes and how it looks. Traefik's `log.level`, `log.format` and `log.filePath`.
struct LogSettings {
  LogLevel level = LogLevel::kInfo;
  bool json = false;     ///< one JSON object a line instead of text
  std::string file;      ///< empty: standard error
};

/// Sets the log up; before this, kInfo text goes to standard error. Call once from main, before other threads.
void set_up_log(const LogSettings& settings);
/// Reopens the log file, for rotation (SIGUSR1). Any thread.
void reopen_log();

namespace detail {
extern std::atomic<LogLevel> g_log_level;
void write_log(LogLevel level, std::string_view message);
}  // namespace detail

[[nodiscard]] inline bool log_enabled(LogLevel level) noexcept {
  return level >= detail::g_log_level.load(std::memory_order_relaxed);
}

/// Writes a line to the application log if the level is on. Any thread; never on the path of a message.
template <class... Args>
void log(LogLevel level, fmt::format_string<Args...> format, Args&&... args) {
  if (log_enabled(level)) detail::write_log(level, fmt::format(format, std::forward<Args>(args)...));
}

template <class... Args>
void log_debug(fmt::format_string<Args...> format, Args&&... args) {
  log(LogLevel::kDebug, format, std::forward<Args>(args)...);
}
template <class... Args>
void log_info(fmt::format_string<Args...> format, Args&&... args) {
  log(LogLevel::kInfo, format, std::forward<Args>(args)...);
}
template <class... Args>
void log_warn(fmt::format_string<Args...> format, Args&&... args) {
  log(LogLevel::kWarn, format, std::forward<Args>(args)...);
}
template <class... Args>
void log_error(fmt::format_string<Args...> format, Args&&... args) {
  log(LogLevel::kError, format, std::forward<Args>(args)...);
}

}  // namespace limpet::base
