#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <vector>

#include "relay/engine.h"
#include "relay/frame_scanner.h"

/// The records of the epoll engine: all that an open tunnel costs.
namespace limpet::relay {

/// A side of a tunnel, and the index of the direction that starts there.
enum Side : std::uint8_t { kFromClient = 0, kFromServer = 1 };
[[nodiscard]] constexpr Side other(Side side) noexcept {
  return side == kFromClient ? kFromServer : kFromClient;
}

/// Bytes read and not yet taken by the receiver.
struct Pending {
  std::vector<char> bytes;
  std::size_t sent = 0;
};

/// One direction: from the socket with the same index to the other one.
struct Flow {
  FrameScanner scanner;
  std::unique_ptr<Pending> pending;  // null while the receiver keeps up
  std::uint64_t bytes = 0;
  std::uint32_t messages = 0;
  bool ended : 1 = false;         // the sender has closed
  bool shut : 1 = false;          // and the receiver has been told
  bool close_wanted : 1 = false;  // a Close frame goes out at the next boundary
  bool closed : 1 = false;        // a Close frame went out: what still comes is dropped
  bool queued : 1 = false;        // has used up its share of this turn
};

struct Record {
  std::array<Flow, 2> flows;
  std::array<int, 2> fds{-1, -1};
  telemetry::TrafficCounters* traffic = nullptr;
  std::unique_ptr<TunnelOwner> owner;
  std::uint32_t last_active = 0;  // seconds since the engine's start; kept up only if a timeout is set
  std::uint32_t timeout = 0;      // seconds of silence after which it is closed, 0: never
  CloseReason reason = CloseReason::kClient;
  CloseReason timeout_reason = CloseReason::kIdle;
  std::uint16_t close_code = 0;
  bool websocket = true;
  bool used = false;
};
static_assert(sizeof(Record) <= 136, "an idle tunnel must stay small");
static_assert(alignof(Record) >= 8, "tokens use the low bits of the address");

/// Records in blocks, so that addresses stay; freed ones are used again.
class RecordSlab {
 public:
  [[nodiscard]] Record& take();
  void give_back(Record& record) noexcept;
  [[nodiscard]] std::size_t used() const noexcept { return used_; }
  /// Calls `visit(Record&)` for every record in use. The visitor may give records back.
  template <class Visit>
  void for_each(Visit visit) {
    for (const auto& block : blocks_) {
      for (Record& record : *block) {
        if (record.used) visit(record);
      }
    }
  }

 private:
  static constexpr std::size_t kRecordsPerBlock = 256;
  std::vector<std::unique_ptr<std::array<Record, kRecordsPerBlock>>> blocks_;
  std::vector<Record*> free_;
  std::size_t used_ = 0;
};

}  // namespace limpet::relay
