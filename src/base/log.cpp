#include "base/log.h"

#include <spdlog/formatter.h>
#include <spdlog/sinks/basic_file_sink.h>
#include <spdlog/sinks/sink.h>
#include <spdlog/sinks/stdout_sinks.h>

#include <cstdio>
#include <exception>
#include <memory>
#include <mutex>
#include <stdexcept>

#include "base/json_text.h"
#include "base/text.h"
#include "base/timestamp.h"

namespace limpet::base {
namespace {

spdlog::level::level_enum spdlog_level(LogLevel level) noexcept {
  switch (level) {
    case LogLevel::kTrace:
      return spdlog::level::trace;
    case LogLevel::kDebug:
      return spdlog::level::debug;
    case LogLevel::kInfo:
      return spdlog::level::info;
    case LogLevel::kWarn:
      return spdlog::level::warn;
    case LogLevel::kError:
      return spdlog::level::err;
    case LogLevel::kOff:
      return spdlog::level::off;
  }
  return spdlog::level::off;
}

std::string_view level_text(spdlog::level::level_enum level) noexcept {
  switch (level) {
    case spdlog::level::trace:
      return "trace";
    case spdlog::level::debug:
      return "debug";
    case spdlog::level::info:
      return "info";
    case spdlog::level::warn:
      return "warn";
    default:
      return "error";
  }
}

std::string_view view_of(spdlog::string_view_t text) noexcept {
  return {text.data(), text.size()};
}

/// "2026-01-02T03:04:05.678Z warn  a message".
class TextFormatter final : public spdlog::formatter {
 public:
  void format(const spdlog::details::log_msg& message, spdlog::memory_buf_t& destination) override {
    std::string line = utc_timestamp(message.time);
    fmt::format_to(std::back_inserter(line), " {:<5} ", level_text(message.level));
    append_escaped(line, view_of(message.payload));
    line += '\n';
    destination.append(line.data(), line.data() + line.size());
  }
  [[nodiscard]] std::unique_ptr<spdlog::formatter> clone() const override {
    return std::make_unique<TextFormatter>();
  }
};

/// {"time":"2026-01-02T03:04:05.678Z","level":"warn","msg":"a message"}
class JsonFormatter final : public spdlog::formatter {
 public:
  void format(const spdlog::details::log_msg& message, spdlog::memory_buf_t& destination) override {
    std::string line = R"({"time":")";
    line += utc_timestamp(message.time);
    line += R"(","level":")";
    line += level_text(message.level);
    line += R"(","msg":)";
    append_json_string(line, view_of(message.payload));
    line += "}\n";
    destination.append(line.data(), line.data() + line.size());
  }
  [[nodiscard]] std::unique_ptr<spdlog::formatter> clone() const override {
    return std::make_unique<JsonFormatter>();
  }
};

/// Opens the place that `settings` names; throws spdlog_ex if it cannot be opened.
std::unique_ptr<spdlog::sinks::sink> make_sink(const LogSettings& settings) {
  std::unique_ptr<spdlog::sinks::sink> sink;
  if (settings.file.empty()) {
    sink = std::make_unique<spdlog::sinks::stderr_sink_st>();
  } else {
    sink = std::make_unique<spdlog::sinks::basic_file_sink_st>(settings.file);
  }
  if (settings.json) {
    sink->set_formatter(std::make_unique<JsonFormatter>());
  } else {
    sink->set_formatter(std::make_unique<TextFormatter>());
  }
  return sink;
}

/// The process's one application log. The mutex is held for a line at a time.
class ApplicationLog {
 public:
  ApplicationLog() : sink_(make_sink(settings_)) {}

  void set_up(const LogSettings& settings) {
    std::unique_ptr<spdlog::sinks::sink> sink = make_sink(settings);
    const std::lock_guard lock(mutex_);
    settings_ = settings;
    sink_ = std::move(sink);
  }

  void reopen() {
    const std::lock_guard lock(mutex_);
    if (settings_.file.empty()) return;
    try {
      sink_ = make_sink(settings_);
    } catch (const std::exception& error) {
      write_locked(LogLevel::kError, fmt::format("cannot reopen the log file: {}", error.what()));
    }
  }

  void write(LogLevel level, std::string_view message) {
    const std::lock_guard lock(mutex_);
    write_locked(level, message);
  }

 private:
  void write_locked(LogLevel level, std::string_view message) noexcept {
    try {
      sink_->log(spdlog::details::log_msg("", spdlog_level(level), message));
      sink_->flush();
    } catch (const std::exception& error) {
      // A full disk must not end the process or hide the message.
      std::fprintf(stderr, "%.*s (not in the log file: %s)\n", static_cast<int>(message.size()),
                   message.data(), error.what());
    }
  }

  std::mutex mutex_;
  LogSettings settings_;
  std::unique_ptr<spdlog::sinks::sink> sink_;
};

ApplicationLog& application_log() {
  static ApplicationLog log;
  return log;
}

}  // namespace

std::optional<LogLevel> log_level_from_name(std::string_view name) {
  const std::string lower = to_lower(name);
  if (lower == "trace") return LogLevel::kTrace;
  if (lower == "debug") return LogLevel::kDebug;
  if (lower == "info") return LogLevel::kInfo;
  if (lower == "warn" || lower == "warning") return LogLevel::kWarn;
  if (lower == "error") return LogLevel::kError;
  if (lower == "fatal" || lower == "panic" || lower == "off") return LogLevel::kOff;
  return std::nullopt;
}

const std::vector<std::string_view>& log_level_names() {
  static const std::vector<std::string_view> names = {"trace", "debug", "info",  "warn", "warning",
                                                      "error", "fatal", "panic", "off"};
  return names;
}

void set_up_log(const LogSettings& settings) {
  try {
    application_log().set_up(settings);
  } catch (const spdlog::spdlog_ex& error) {
    throw std::runtime_error(fmt::format("cannot open the log file: {}", error.what()));
  }
  detail::g_log_level.store(settings.level, std::memory_order_relaxed);
}

void reopen_log() {
  application_log().reopen();
}

namespace detail {

std::atomic<LogLevel> g_log_level{LogLevel::kInfo};

void write_log(LogLevel level, std::string_view message) {
  application_log().write(level, message);
}

}  // namespace detail
}  // namespace limpet::base
