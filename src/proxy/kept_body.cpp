#include "proxy/kept_body.h"

#include <algorithm>
#include <array>
#include <string_view>

#include "http/chunked.h"
#include "proxy/body_sink.h"

namespace limpet::proxy {
namespace {

// Takes a body in chunks out of the buffer once it is there whole, and nothing before.
net::Task<KeepResult> keep_chunks(ClientConnection& client, std::size_t limit, KeptBody& kept) {
  net::Socket& socket = client.socket();
  net::ReadBuffer& buffer = client.buffer();
  const std::size_t most = 2 * limit + net::Block::kSize;  // with the frames of small chunks
  const base::TimePoint end = base::Clock::now() + kChunksPatience;
  http::ChunkedDecoder decoder;
  std::size_t used = 0;
  while (true) {
    while (!decoder.done() && used < buffer.view().size()) {
      const auto step = decoder.next(buffer.view().substr(used));
      if (!step) co_return KeepResult::kBroken;
      kept.bytes += step->data;
      used += step->consumed;
    }
    if (kept.bytes.size() > limit || used >= most) co_return KeepResult::kLeft;
    if (decoder.done()) break;
    const base::Duration left = end - base::Clock::now();
    if (left <= base::Duration::zero()) co_return KeepResult::kLeft;
    socket.set_deadline(left);
    const auto readable = co_await socket.wait_readable();
    socket.clear_deadline();
    const bool late = !readable && readable.error().kind == base::FailureKind::kTimeout;
    if (late) co_return KeepResult::kLeft;
    if (!readable) co_return KeepResult::kBroken;
    const auto got = co_await socket.read(buffer.room(most + net::Block::kSize));
    if (!got || *got == 0) co_return KeepResult::kBroken;
    buffer.filled(*got);
  }
  buffer.consume(used);
  buffer.shrink();
  if (!kept.bytes.empty()) {
    std::array<char, http::kMaxChunkHeader> size_line{};
    kept.before.assign(size_line.data(), http::write_chunk_header(size_line.data(), kept.bytes.size()));
    kept.after = "\r\n";
  }
  kept.after += "0\r\n" + decoder.trailers() + "\r\n";
  co_return KeepResult::kKept;
}

}  // namespace

net::Task<KeepResult> keep_body(ClientConnection& client, std::size_t limit, KeptBody& kept) {
  const http::Framing& framing = client.head().framing;
  if (framing.kind == http::BodyKind::kChunked) {
    const KeepResult result = co_await keep_chunks(client, limit, kept);
    co_return result;
  }
  const BodySinkResult read = co_await read_body(client.socket(), client.buffer(), framing, &kept.bytes,
                                                 limit, client.entry_point().settings.transport.read_timeout);
  switch (read) {
    case BodySinkResult::kComplete:
      co_return KeepResult::kKept;
    case BodySinkResult::kTooLong:
      co_return KeepResult::kLeft;
    case BodySinkResult::kFailed:
      break;
  }
  co_return KeepResult::kBroken;
}

}  // namespace limpet::proxy
