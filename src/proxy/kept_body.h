#pragma once

#include <cstddef>
#include <cstdint>
#include <string>

#include "net/task.h"
#include "proxy/client_connection.h"

namespace limpet::proxy {

/// A request's body, kept so that it can be sent more than once.
struct KeptBody {
  std::string bytes;
  /// What is sent around the bytes: of a body in chunks its one chunk's frame, and the trailers.
  std::string before;
  std::string after;
};

enum class KeepResult : std::uint8_t {
  kKept,
  kLeft,    ///< too long or too slow to come: nothing was taken, it is to be passed on as it comes
  kBroken,  ///< the client closed, stalled or sent nonsense
};

/// How long the chunks of a body may take to come that is to be kept. A client may want to hear the answer
/// before it sends the rest.
inline constexpr base::Duration kChunksPatience = std::chrono::seconds(1);

/// Reads the body of the request under way if it has at most `limit` bytes, for which a length that says so
/// is taken at its word. The client has been told to go on if it waits for that. Ends with kKept or kLeft
/// within kChunksPatience for a body in chunks, else each read may take the entry point's read timeout.
[[nodiscard]] net::Task<KeepResult> keep_body(ClientConnection& client, std::size_t limit, KeptBody& kept);

}  // namespace limpet::proxy
