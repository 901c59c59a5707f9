#pragma once

#include <fmt/format.h>

#include <atomic>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace limpet::base {

enum class LogLevel : std::uint8_t { kTrace, kDebug, kInfo, kWarn, kError, kOff };

/// The level that a configuration names, in any case: trace, debug, info, warn (or warning), error, fatal,
/// panic, off. Nothing is logged above error, so fatal and panic mean off.
[[nodiscard]] std::optional<LogLevel> log_level_from_name(std::string_view name);
/// The names that `log_level_from_name` knows, for messages and suggestions.
[[nodiscard]] const std::vector<std::string_view>& log_level_names();

/// Where the application log goes and how it looks. Traefik's `log.level`, `log.format` and `log.filePath`.
struct LogSettings {
  LogLevel level = LogLevel::kInfo;
  bool json = false;  ///< one JSON object a line instead of text
  std::string file;   ///< empty: standard error
};

/// Sets the log up; before this, kInfo text goes to standard error. Call from main, before other threads.
/// A text line is "<UTC time> <level> <message>", a JSON line has the keys time, level and msg; control
/// characters are escaped in both, so a message is one line. Throws std::runtime_error if the file cannot be
/// opened.
void set_up_log(const LogSettings& settings);
/// Reopens the log file, for rotation (SIGUSR1); if that fails, the old file stays in use and says so. Any
/// thread.
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
