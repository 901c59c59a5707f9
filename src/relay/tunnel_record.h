#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <vector>

#include "relay/engine.h"
#include "relay/frame_scanner.h"

/// The records of both engines: all that an open tunnel costs.
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
  bool receiving : 1 = false;     // io_uring: a receive is in flight
  std::uint16_t outgoing = 0;     // io_uring: number of the buffer to be sent next, plus one; 0: none
};
static_assert(sizeof(Flow) == 40);

/// Who watches the sockets of a tunnel.
enum class Lane : std::uint8_t {
  kEpoll,      ///< the reactor
  kEpollOnly,  ///< the same, and io_uring does not suit them
  kRing,       ///< io_uring receives
  kLeaving,    ///< nobody: io_uring is about to give them back
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
  Lane lane = Lane::kEpoll;
  std::uint8_t operations = 0;   // io_uring: in flight; the record stays until the last has ended
  std::uint8_t small_reads = 0;  // io_uring: in a row
};
static_assert(sizeof(Record) <= 136, "an idle tunnel must stay small");
static_assert(alignof(Record) >= 8, "tokens use the low bits of the address");

/// Records in blocks, so that addresses stay; freed ones are used again.
class RecordSlab {
 public:
  [[nodiscard]] Record& take();
  void give_back(Record& record) noexcept;
  /// The two halves of give_back(): the record is in use no more, but is not taken before recycle(). Its
  /// operations are kept.
  void retire(Record& record) noexcept;
  void recycle(Record& record) noexcept { free_.push_back(&record); }
  [[nodiscard]] std::size_t used() const noexcept { return used_; }
  /// Records there are, used or not, and one of them.
  [[nodiscard]] std::size_t size() const noexcept { return blocks_.size() * kRecordsPerBlock; }
  [[nodiscard]] Record& at(std::size_t index) noexcept {
    return (*blocks_[index / kRecordsPerBlock])[index % kRecordsPerBlock];
  }
  [[nodiscard]] const Record& at(std::size_t index) const noexcept {
    return (*blocks_[index / kRecordsPerBlock])[index % kRecordsPerBlock];
  }
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
