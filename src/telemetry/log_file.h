#pragma once

#include <cstddef>
#include <expected>
#include <functional>
#include <string>
#include <string_view>

namespace limpet::telemetry {

/// A file that is only appended to, or standard output. One thread at a time.
class LogFile {
 public:
  /// Opens the file for appending and makes it and its directory if need be; an empty path is standard
  /// output. Fails with the path and the reason.
  [[nodiscard]] static std::expected<LogFile, std::string> open(std::string path);

  LogFile(LogFile&& other) noexcept;
  LogFile& operator=(LogFile&& other) noexcept;
  LogFile(const LogFile&) = delete;
  LogFile& operator=(const LogFile&) = delete;
  ~LogFile();

  /// Opens the path anew, for rotation; keeps the old file and tells why if that fails.
  [[nodiscard]] std::expected<void, std::string> reopen();

  /// Writes all of `text`; waits for a slow reader of a pipe until `give_up()` is true. How much was written,
  /// and why not all.
  struct Outcome {
    std::size_t written = 0;
    int error = 0;  ///< errno; 0: given up, if not all was written
  };
  [[nodiscard]] Outcome write(std::string_view text, const std::function<bool()>& give_up);

 private:
  LogFile(std::string path, int fd);

  std::string path_;
  int fd_ = -1;
  bool is_regular_ = false;
};

}  // namespace limpet::telemetry
