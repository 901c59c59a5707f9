#pragma once

#include <cstddef>
#include <cstdint>
#include <string>

#include "http/head.h"
#include "net/buffer.h"
#include "net/socket.h"
#include "net/task.h"

namespace limpet::proxy {

enum class BodySinkResult : std::uint8_t {
  kComplete,
  kTooLong,  ///< more than the limit
  kFailed,   ///< the peer closed, stalled or sent nonsense
};

/// Reads a whole body, into `keep` or to be forgotten (null). At most `limit` bytes; each read at most
/// `timeout`.
[[nodiscard]] net::Task<BodySinkResult> read_body(net::Socket& from, net::ReadBuffer& buffer,
                                                  http::Framing framing, std::string* keep, std::size_t limit,
                                                  base::Duration timeout);

}  // namespace limpet::proxy
