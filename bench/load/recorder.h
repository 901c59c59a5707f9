#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "load/options.h"
#include "wire/histogram.h"

namespace limpet::bench {

/// What can go wrong for a client; each kind is counted by itself.
enum class Failure : std::uint8_t {
  kConnect,    ///< No TCP connection.
  kHandshake,  ///< No valid 101.
  kClosed,     ///< The other side closed or reset an open connection.
  kMismatch,   ///< An answer differs from what was sent, or is not a valid frame or response.
  kLost,       ///< An answer never came.
};
inline constexpr std::size_t kFailureKinds = 5;

/// Counts what is measured: only between begin() and end(), failures always.
class Recorder {
 public:
  explicit Recorder(const Options& options);

  /// A measurement begins: all counts but the failures start again.
  void begin(std::int64_t now);
  void end(std::int64_t now);

  /// One finished unit (echo, delivery, session, request) that started at `sent`. Its time counts only when
  /// it started inside the measurement.
  void finished(std::int64_t sent, std::int64_t received, std::uint64_t bytes) {
    if (!recording_) return;
    ++count_;
    bytes_ += bytes;
    if (sent >= begin_) record_time(sent, received);
  }

  /// Counts failures of one kind and remembers the text of the first of all.
  void failed(Failure kind, std::string_view text, std::uint64_t count = 1);

  /// A volley that was due but left out, since the client still waited for too many echoes.
  void skipped() {
    if (recording_) ++skipped_;
  }

  /// A connection that the server ended by rule (Connection: close) and that was opened again.
  void reopened() {
    if (recording_) ++reopened_;
  }

  [[nodiscard]] std::uint64_t failures() const;

  /// The result as one line of JSON, without a line end.
  [[nodiscard]] std::string result_json() const;

 private:
  void record_time(std::int64_t sent, std::int64_t received);

  const Options& options_;
  bool recording_ = false;
  std::int64_t begin_ = 0;
  std::int64_t end_ = 0;
  std::uint64_t count_ = 0;
  std::uint64_t bytes_ = 0;
  std::uint64_t skipped_ = 0;
  std::uint64_t reopened_ = 0;
  std::array<std::uint64_t, kFailureKinds> failures_{};
  std::string first_failure_;
  Histogram times_;
  std::vector<Histogram> intervals_;
};

/// `text` as a JSON string with its quotes; bytes outside printable ASCII become '?'.
[[nodiscard]] std::string json_string(std::string_view text);

}  // namespace limpet::bench
