#pragma once

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <cstddef>
#include <cstdint>
#include <expected>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "base/clock.h"
#include "telemetry/access_record.h"
#include "telemetry/log_file.h"

namespace limpet::telemetry {

/// The access log. A data-plane thread formats into a buffer of its own and never waits for the disk: one
/// writer thread takes the buffers away, within 100 ms or when one is worth a write. A thread whose buffer is
/// full, because the disk does not keep up, drops lines and counts them. Outlives the threads that write; its
/// end writes what is left.
class AccessLog {
 public:
  struct Settings {
    std::string file;  ///< empty: standard output
    AccessFormat format = AccessFormat::kCommon;
    std::uint32_t threads = 1;
    std::size_t buffer_bytes = std::size_t{4} << 20U;   ///< most bytes that wait, per thread
    base::Duration patience = std::chrono::seconds(2);  ///< at the end, for a slow reader of a pipe
  };

  class Local;

  /// Opens the file and starts the writer thread; fails with the path and the reason.
  [[nodiscard]] static std::expected<std::unique_ptr<AccessLog>, std::string> open(const Settings& settings);
  /// For `open`.
  AccessLog(const Settings& settings, LogFile file);
  AccessLog(const AccessLog&) = delete;
  AccessLog& operator=(const AccessLog&) = delete;
  /// Writes what is left, though it waits no longer than the patience set for a slow reader of a pipe.
  ~AccessLog();

  /// The part of one data-plane thread, counted from 0.
  [[nodiscard]] Local& local(std::uint32_t thread) noexcept { return *locals_[thread]; }

  /// Opens the file anew, for rotation (SIGUSR1): all that is written after a later `flush` is in the new
  /// file. If it cannot be opened, the old one stays in use and the application log says so. Any thread; does
  /// not wait.
  void reopen();

  /// Waits until every line written before the call is in the file, or lost for a reason that was logged. Not
  /// for data-plane threads.
  void flush();

  /// Lines lost so far: dropped because a buffer was full, or not taken by the file. Any thread.
  [[nodiscard]] std::uint64_t lost_lines() const noexcept;

 private:
  void run();
  void drain();
  void write_out();
  void warn_of_losses();
  void wake(bool urgent);
  [[nodiscard]] bool should_give_up();

  std::atomic<std::uint64_t> count_{0};
  std::atomic<std::uint64_t> unwritten_lines_{0};
  std::vector<std::unique_ptr<Local>> locals_;

  std::mutex mutex_;  // never held while writing to the file
  std::condition_variable wake_writer_;
  std::condition_variable round_done_;
  bool work_ = false;    // some buffer is not empty, or there is something else to do
  bool urgent_ = false;  // and it is not to wait for more lines
  bool reopen_ = false;
  bool stop_ = false;
  std::uint64_t rounds_wanted_ = 0;
  std::uint64_t rounds_done_ = 0;

  // The writer thread's own.
  LogFile file_;
  base::Duration patience_;
  std::string lines_;  // on their way from a thread's buffer to the file
  base::TimePoint stopping_since_ = base::TimePoint::max();
  base::TimePoint next_warning_{};
  std::uint64_t losses_warned_of_ = 0;
  std::string failure_;

  std::thread writer_;
};

/// The access log of one data-plane thread.
class alignas(64) AccessLog::Local {
 public:
  Local(AccessLog& log, AccessFormat format, std::size_t buffer_bytes)
      : log_(log), formatter_(format), buffer_bytes_(buffer_bytes) {}

  /// Appends a line. Its lock is held elsewhere only while two buffers change places. The owning thread only.
  void write(const AccessRecord& record);

 private:
  friend class AccessLog;
  /// Gives the lines collected so far for an empty buffer. The writer thread.
  void take(std::string& lines);

  AccessLog& log_;
  AccessFormatter formatter_;
  std::size_t buffer_bytes_;
  std::mutex mutex_;
  std::string buffer_;
  std::atomic<std::uint64_t> dropped_{0};
};

}  // namespace limpet::telemetry
