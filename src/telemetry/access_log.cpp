#include "telemetry/access_log.h"

#include <pthread.h>
#include <signal.h>

#include <algorithm>
#include <chrono>
#include <cstring>
#include <utility>

#include "base/log.h"

namespace limpet::telemetry {
namespace {

constexpr auto kMostDelay = std::chrono::milliseconds(100);
constexpr auto kBetweenWarnings = std::chrono::seconds(10);
constexpr std::size_t kWorthAWrite = std::size_t{64} << 10U;

std::uint64_t lines_in(std::string_view text) noexcept {
  return static_cast<std::uint64_t>(std::ranges::count(text, '\n'));
}

}  // namespace

std::expected<std::unique_ptr<AccessLog>, std::string> AccessLog::open(const Settings& settings) {
  std::expected<LogFile, std::string> file = LogFile::open(settings.file);
  if (!file) return std::unexpected(std::move(file.error()));
  return std::make_unique<AccessLog>(settings, std::move(*file));
}

AccessLog::AccessLog(const Settings& settings, LogFile file)
    : file_(std::move(file)), patience_(settings.patience) {
  for (std::uint32_t i = 0; i < settings.threads; ++i) {
    locals_.push_back(std::make_unique<Local>(*this, settings.format, settings.buffer_bytes));
  }
  writer_ = std::thread([this] { run(); });
}

AccessLog::~AccessLog() {
  {
    const std::lock_guard lock(mutex_);
    stop_ = true;
  }
  wake_writer_.notify_one();
  writer_.join();
}

void AccessLog::reopen() {
  {
    const std::lock_guard lock(mutex_);
    reopen_ = true;
  }
  wake(true);
}

void AccessLog::flush() {
  std::unique_lock lock(mutex_);
  const std::uint64_t wanted = ++rounds_wanted_;
  work_ = true;
  urgent_ = true;
  wake_writer_.notify_one();
  round_done_.wait(lock, [&] { return rounds_done_ >= wanted; });
}

std::uint64_t AccessLog::lost_lines() const noexcept {
  std::uint64_t lost = unwritten_lines_.load(std::memory_order_relaxed);
  for (const auto& local : locals_) lost += local->dropped_.load(std::memory_order_relaxed);
  return lost;
}

void AccessLog::wake(bool urgent) {
  {
    const std::lock_guard lock(mutex_);
    work_ = true;
    urgent_ = urgent_ || urgent;
  }
  wake_writer_.notify_one();
}

void AccessLog::run() {
  // Signals are for the main thread, and a closed pipe is an error like any other.
  sigset_t all;
  sigfillset(&all);
  pthread_sigmask(SIG_BLOCK, &all, nullptr);
  std::unique_lock lock(mutex_);
  while (true) {
    wake_writer_.wait(lock, [this] { return work_ || stop_; });
    wake_writer_.wait_for(lock, kMostDelay, [this] { return urgent_ || stop_; });
    work_ = false;
    urgent_ = false;
    const bool stopping = stop_;
    const bool reopen_wanted = std::exchange(reopen_, false);
    const std::uint64_t round = rounds_wanted_;
    lock.unlock();

    if (reopen_wanted) {
      if (const auto reopened = file_.reopen(); !reopened) {
        base::log_error("access log: {}; the old file stays in use", reopened.error());
      }
    }
    drain();
    warn_of_losses();

    lock.lock();
    rounds_done_ = round;
    round_done_.notify_all();
    if (stopping) return;
  }
}

void AccessLog::drain() {
  for (const auto& local : locals_) {
    lines_.clear();
    local->take(lines_);
    if (!lines_.empty()) write_out();
  }
}

void AccessLog::write_out() {
  const LogFile::Outcome outcome = file_.write(lines_, [this] { return should_give_up(); });
  if (outcome.written == lines_.size()) return;
  unwritten_lines_.fetch_add(lines_in(std::string_view(lines_).substr(outcome.written)),
                             std::memory_order_relaxed);
  failure_ = outcome.error != 0 ? strerrordesc_np(outcome.error) : "nobody reads it";
}

bool AccessLog::should_give_up() {
  const base::TimePoint now = base::Clock::now();
  const std::lock_guard lock(mutex_);
  if (!stop_) return false;
  stopping_since_ = std::min(stopping_since_, now);
  return now - stopping_since_ >= patience_;
}

void AccessLog::warn_of_losses() {
  const std::uint64_t lost = lost_lines();
  const base::TimePoint now = base::Clock::now();
  if (lost == losses_warned_of_ || now < next_warning_) return;
  base::log_warn("access log: {} lines lost: {}", lost - losses_warned_of_,
                 failure_.empty() ? "the file does not keep up" : failure_);
  losses_warned_of_ = lost;
  failure_.clear();
  next_warning_ = now + kBetweenWarnings;
}

void AccessLog::Local::write(const AccessRecord& record) {
  const std::uint64_t count = log_.count_.fetch_add(1, std::memory_order_relaxed) + 1;
  std::size_t before = 0;
  std::size_t after = 0;
  {
    const std::lock_guard lock(mutex_);
    before = buffer_.size();
    formatter_.append(buffer_, record, count);
    if (buffer_.size() > buffer_bytes_) {
      buffer_.resize(before);
      dropped_.fetch_add(1, std::memory_order_relaxed);
    }
    after = buffer_.size();
  }
  // The writer is told twice at most between two of its visits.
  if (before < kWorthAWrite && after >= kWorthAWrite) {
    log_.wake(true);
  } else if (before == 0) {
    log_.wake(false);
  }
}

void AccessLog::Local::take(std::string& lines) {
  const std::lock_guard lock(mutex_);
  buffer_.swap(lines);
}

}  // namespace limpet::telemetry
