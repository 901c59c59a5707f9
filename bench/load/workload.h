#pragma once

#include <cstddef>
#include <cstdint>
#include <limits>
#include <string_view>

#include "load/connection.h"

namespace limpet::bench {

/// A whole data message that has come in.
struct Arrival {
  Stamp stamp;
  std::uint64_t size = 0;
  bool intact = true;    ///< Its bytes are the pattern.
  std::int64_t now = 0;  ///< When its last piece was read.
};

inline constexpr std::int64_t kNever = std::numeric_limits<std::int64_t>::max();

/// What the clients of a fleet do. All calls come from the fleet's thread; a workload may send, close and
/// connect from within them, but must not close a connection from message().
class Workload {
 public:
  Workload() = default;
  Workload(const Workload&) = delete;
  Workload& operator=(const Workload&) = delete;
  virtual ~Workload() = default;

  /// Whether clients upgrade to WebSocket before opened() is called.
  [[nodiscard]] virtual bool websocket() const { return true; }
  /// Whether the fleet opens all clients before start(); otherwise start() does.
  [[nodiscard]] virtual bool opens_first() const { return true; }

  /// The traffic begins.
  virtual void start(std::int64_t now) = 0;
  /// The time base of paced traffic is set anew, after the process has waited.
  virtual void rebase(std::int64_t) {}
  /// Nothing new is begun from now on; answers still come in.
  virtual void stop() = 0;
  /// How many answers are still due.
  [[nodiscard]] virtual std::uint64_t outstanding() const = 0;

  /// The client is connected and, if asked for, upgraded.
  virtual void opened(Connection&) {}
  /// A data message has come in.
  virtual void message(Connection&, const Arrival&) {}
  /// Bytes of an HTTP answer; returns how many were used, the rest comes again with more.
  virtual std::size_t response(Connection&, std::string_view bytes, std::int64_t) { return bytes.size(); }
  /// The other side has closed. Returns false when that was not expected.
  virtual bool closed(Connection&, std::int64_t) { return false; }
  /// Does what is due at `now` and says when it wants to be called next.
  virtual std::int64_t wake(std::int64_t) { return kNever; }
};

}  // namespace limpet::bench
