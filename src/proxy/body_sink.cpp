#include "proxy/body_sink.h"

#include <algorithm>
#include <string_view>

#include "http/chunked.h"

namespace limpet::proxy {

net::Task<BodySinkResult> read_body(net::Socket& from, net::ReadBuffer& buffer, http::Framing framing,
                                    std::string* keep, std::size_t limit, base::Duration timeout) {
  if (framing.kind == http::BodyKind::kNone) co_return BodySinkResult::kComplete;
  if (framing.kind == http::BodyKind::kLength && framing.length > limit) co_return BodySinkResult::kTooLong;
  const bool chunked = framing.kind == http::BodyKind::kChunked;
  http::ChunkedDecoder decoder;
  std::uint64_t left = framing.length;
  std::size_t total = 0;
  while (chunked ? !decoder.done() : left > 0) {
    if (buffer.empty()) {
      from.set_deadline(timeout);
      const auto got = co_await from.read(buffer.room(net::Block::kSize));
      if (!got || *got == 0) co_return BodySinkResult::kFailed;
      buffer.filled(*got);
    }
    std::string_view data = buffer.view();
    std::size_t used = 0;
    if (chunked) {
      const auto step = decoder.next(data);
      if (!step) co_return BodySinkResult::kFailed;
      data = step->data;
      used = step->consumed;
    } else {
      data = data.substr(0, std::min<std::uint64_t>(left, data.size()));
      used = data.size();
      left -= used;
    }
    total += data.size();
    if (total > limit) co_return BodySinkResult::kTooLong;
    if (keep != nullptr) keep->append(data);
    buffer.consume(used);
  }
  from.clear_deadline();
  co_return BodySinkResult::kComplete;
}

}  // namespace limpet::proxy
