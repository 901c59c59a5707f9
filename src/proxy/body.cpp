#include "proxy/body.h"

#include <algorithm>
#include <array>
#include <utility>

#include "http/chunked.h"

namespace limpet::proxy {
namespace {

using Result = std::expected<void, base::Failure>;

constexpr std::string_view kCrlf = "\r\n";
constexpr std::string_view kLastChunk = "0\r\n\r\n";

// Sends a run of body bytes on, behind the prefix if that has not gone out yet.
net::Task<Result> send_run(BodyTransfer& transfer, std::string_view data, std::string_view tail) {
  if (transfer.first_bytes && !data.empty()) std::exchange(transfer.first_bytes, nullptr)(data);
  std::array<char, http::kMaxChunkHeader> size_line{};
  net::Pieces pieces;
  pieces.add(std::exchange(transfer.prefix, {}));
  if (transfer.coding == BodyCoding::kChunked && !data.empty()) {
    pieces.add({size_line.data(), http::write_chunk_header(size_line.data(), data.size())});
    pieces.add(data);
    pieces.add(tail.empty() ? kCrlf : tail);
  } else {
    pieces.add(data);
    pieces.add(tail);
  }
  if (pieces.empty()) co_return Result{};
  if (transfer.write_timeout.count() > 0) transfer.to->set_deadline(transfer.write_timeout);
  const auto sent = co_await transfer.to->write(pieces);
  if (!sent) co_return std::unexpected(sent.error());
  if (transfer.write_timeout.count() > 0) transfer.to->clear_deadline();
  transfer.moved += data.size();
  co_return Result{};
}

// Reads more bytes into the buffer; false at the end of the stream. The head does not wait for a body that is
// slow to come, and no block is held while nothing is there.
net::Task<std::expected<bool, base::Failure>> read_more(BodyTransfer& transfer) {
  if (!transfer.prefix.empty()) {
    const auto sent = co_await send_run(transfer, {}, {});
    if (!sent) co_return std::unexpected(sent.error());
  }
  if (transfer.read_timeout.count() > 0) transfer.from->set_deadline(transfer.read_timeout);
  transfer.buffer->shrink();
  const auto readable = co_await transfer.from->wait_readable();
  if (!readable) co_return std::unexpected(readable.error());
  const auto got = co_await transfer.from->read(transfer.buffer->room(net::Block::kSize));
  if (!got) co_return std::unexpected(got.error());
  if (transfer.read_timeout.count() > 0) transfer.from->clear_deadline();
  transfer.buffer->filled(*got);
  co_return *got > 0;
}

net::Task<Result> move_length(BodyTransfer& transfer) {
  const bool chunked = transfer.coding == BodyCoding::kChunked;
  std::uint64_t left = transfer.framing.length;
  if (left == 0) {
    const auto sent = co_await send_run(transfer, {}, chunked ? kLastChunk : std::string_view{});
    co_return sent;
  }
  while (left > 0) {
    if (transfer.buffer->empty()) {
      const auto more = co_await read_more(transfer);
      if (!more) co_return std::unexpected(more.error());
      if (!*more) {
        co_return std::unexpected(
            base::Failure{.kind = base::FailureKind::kClosed, .side = transfer.from->side()});
      }
    }
    const std::string_view view = transfer.buffer->view();
    const std::string_view data = view.substr(0, std::min<std::uint64_t>(left, view.size()));
    left -= data.size();
    const auto sent =
        co_await send_run(transfer, data, chunked && left == 0 ? "\r\n0\r\n\r\n" : std::string_view{});
    if (!sent) co_return sent;
    transfer.buffer->consume(data.size());
  }
  co_return Result{};
}

net::Task<Result> move_chunked(BodyTransfer& transfer) {
  http::ChunkedDecoder decoder;
  while (!decoder.done()) {
    if (transfer.buffer->empty()) {
      const auto more = co_await read_more(transfer);
      if (!more) co_return std::unexpected(more.error());
      if (!*more) {
        co_return std::unexpected(
            base::Failure{.kind = base::FailureKind::kClosed, .side = transfer.from->side()});
      }
    }
    const auto step = decoder.next(transfer.buffer->view());
    if (!step) {
      co_return std::unexpected(
          base::Failure{.kind = base::FailureKind::kProtocol, .side = transfer.from->side()});
    }
    if (!step->data.empty()) {
      const auto sent = co_await send_run(transfer, step->data, {});
      if (!sent) co_return sent;
    }
    transfer.buffer->consume(step->consumed);
  }
  if (transfer.coding != BodyCoding::kChunked) co_return co_await send_run(transfer, {}, {});
  const std::string last = "0\r\n" + decoder.trailers() + "\r\n";
  const auto sent = co_await send_run(transfer, {}, last);
  co_return sent;
}

net::Task<Result> move_until_close(BodyTransfer& transfer) {
  while (true) {
    if (transfer.buffer->empty()) {
      const auto more = co_await read_more(transfer);
      if (!more) co_return std::unexpected(more.error());
      if (!*more) break;
    }
    const std::string_view data = transfer.buffer->view();
    const auto sent = co_await send_run(transfer, data, {});
    if (!sent) co_return sent;
    transfer.buffer->consume(data.size());
  }
  if (transfer.coding != BodyCoding::kChunked) co_return co_await send_run(transfer, {}, {});
  const auto sent = co_await send_run(transfer, {}, kLastChunk);
  co_return sent;
}

}  // namespace

net::Task<Result> move_body(BodyTransfer& transfer) {
  switch (transfer.framing.kind) {
    case http::BodyKind::kNone: {
      const auto sent = co_await send_run(transfer, {}, {});
      co_return sent;
    }
    case http::BodyKind::kLength: {
      const auto moved = co_await move_length(transfer);
      co_return moved;
    }
    case http::BodyKind::kChunked: {
      const auto moved = co_await move_chunked(transfer);
      co_return moved;
    }
    case http::BodyKind::kUntilClose: {
      const auto moved = co_await move_until_close(transfer);
      co_return moved;
    }
  }
  co_return Result{};
}

}  // namespace limpet::proxy
