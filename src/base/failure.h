#pragma once

#include <cstdint>
#include <string>

namespace limpet::base {

/// Whose doing a failure was. Decides status code, metric and blame in the log.
enum class Side : std::uint8_t { kClient, kServer, kOwn };

/// What went wrong on a network path.
enum class FailureKind : std::uint8_t {
  kClosed,         ///< the peer closed the connection where more was expected
  kReset,          ///< the peer reset the connection
  kRefused,        ///< nothing listens at the address
  kUnreachable,    ///< no route, host or network down
  kTimeout,        ///< the deadline passed
  kCancelled,      ///< we stopped waiting: shutdown, or the other side went away
  kProtocol,       ///< the peer broke its protocol
  kTooLarge,       ///< a limit on size was exceeded
  kNoDescriptors,  ///< this process or system has no file descriptor left
  kSystem,         ///< any other system error, in `code`
};

/// A failure that normal life brings: small, copyable, without text of its own.
struct Failure {
  FailureKind kind = FailureKind::kSystem;
  Side side = Side::kOwn;
  std::int32_t code = 0;  ///< errno, or 0

  /// "server refused the connection (ECONNREFUSED)".
  [[nodiscard]] std::string text() const;
  bool operator==(const Failure&) const = default;
};

/// The failure that an errno of a socket call means.
[[nodiscard]] Failure failure_from_errno(int code, Side side) noexcept;

}  // namespace limpet::base
