#pragma once

#include <array>
#include <cstdint>
#include <string>

#include "wire/descriptor.h"
#include "wire/stamp.h"
#include "wire/websocket.h"

namespace limpet::bench {

/// One client of the load generator. The fleet owns the first part, the workload the second.
struct Connection {
  enum class State : std::uint8_t { kClosed, kConnecting, kUpgrading, kOpen };

  std::uint32_t index = 0;
  State state = State::kClosed;
  bool watching_output = false;
  bool intact = true;  ///< The frame that is being read has matched so far.
  Descriptor socket;
  FrameReader frames;
  std::array<char, kStampSize> stamp{};  ///< Of the frame that is being read.
  std::uint64_t key_seed = 0;            ///< What the handshake's key was made of.
  std::int64_t started_ns = 0;           ///< When this connection was begun.
  std::string unread;                    ///< An incomplete response.
  std::string unsent;                    ///< Output the socket has not taken.
  std::size_t sent = 0;                  ///< How much of `unsent` it has taken since.

  std::uint64_t next_sequence = 0;      ///< Of the next message to send.
  std::uint64_t expected_sequence = 0;  ///< Of the next message to arrive.
  std::uint32_t outstanding = 0;        ///< Messages or requests without an answer.
  std::uint32_t step = 0;               ///< Place in the workload's script.
  std::int64_t asked_ns = 0;            ///< When the outstanding request was sent.
};

}  // namespace limpet::bench
