#pragma once

#include <cstdint>
#include <expected>
#include <functional>
#include <string>
#include <string_view>

#include "base/failure.h"
#include "http/head.h"
#include "net/buffer.h"
#include "net/socket.h"
#include "net/task.h"

namespace limpet::proxy {

/// How a body is written out.
enum class BodyCoding : std::uint8_t {
  kRaw,      ///< the bytes themselves: a known length, or up to the end of the connection
  kChunked,  ///< the chunked coding, with the trailers that may be passed on
};

/// One body on its way from a socket to another.
struct BodyTransfer {
  net::Socket* from = nullptr;
  net::ReadBuffer* buffer = nullptr;  ///< of `from`: holds the first bytes; what follows the body stays in it
  http::Framing framing;
  net::Socket* to = nullptr;
  BodyCoding coding = BodyCoding::kRaw;
  std::string_view prefix;         ///< written in front of the first bytes, in the same system call: the head
  base::Duration read_timeout{};   ///< for each read, 0: none
  base::Duration write_timeout{};  ///< for each write, 0: none
  std::move_only_function<void(std::string_view)> first_bytes;  ///< sees the first run of body bytes, if set
  std::uint64_t moved = 0;                                      ///< body bytes sent on so far
};

/// Moves a body, with backpressure: nothing is read while the receiver does not take what is there. Bytes go
/// on as soon as they come. Ends with the failure of either side.
[[nodiscard]] net::Task<std::expected<void, base::Failure>> move_body(BodyTransfer& transfer);

}  // namespace limpet::proxy
