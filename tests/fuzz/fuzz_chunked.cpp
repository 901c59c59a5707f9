#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "base/check.h"
#include "http/chunked.h"
#include "http/syntax.h"

namespace {

using namespace limpet::http;

struct Decoded {
  std::string data;
  std::string trailers;
  std::size_t consumed = 0;
  bool done = false;
  bool failed = false;
  bool operator==(const Decoded&) const = default;
};

Decoded decode(std::string_view input, std::size_t piece) {
  Decoded out;
  ChunkedDecoder decoder;
  while (out.consumed < input.size() && !decoder.done()) {
    const auto step = decoder.next(input.substr(out.consumed, piece));
    if (!step) {
      out.failed = true;
      out.consumed = 0;
      return out;
    }
    LIMPET_CHECK(step->consumed > 0);
    out.consumed += step->consumed;
    out.data += step->data;
  }
  out.done = decoder.done();
  if (out.done) out.trailers = decoder.trailers();
  return out;
}

std::string encode(std::string_view data, std::string_view trailers) {
  std::string out;
  while (!data.empty()) {
    const std::string_view part = data.substr(0, 7);
    std::array<char, kMaxChunkHeader> header{};
    out.append(header.data(), write_chunk_header(header.data(), part.size())).append(part).append("\r\n");
    data.remove_prefix(part.size());
  }
  return out.append("0\r\n").append(trailers).append("\r\n");
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size == 0) return 0;
  const std::size_t piece = data[0] + std::size_t{1};
  const std::string_view text(reinterpret_cast<const char*>(data) + 1, size - 1);
  const Decoded whole = decode(text, text.size());
  LIMPET_CHECK(decode(text, piece) == whole);
  LIMPET_CHECK(decode(text, 1) == whole);
  if (!whole.done) return 0;
  const std::string written = encode(whole.data, whole.trailers);
  const Decoded again = decode(written, piece);
  LIMPET_CHECK(again.done && again.data == whole.data && again.trailers == whole.trailers);
  LIMPET_CHECK(again.consumed == written.size());
  return 0;
}
