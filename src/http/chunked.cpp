#include "http/chunked.h"

#include <algorithm>
#include <array>

#include "base/text.h"
#include "http/syntax.h"

namespace limpet::http {
namespace {

constexpr std::size_t kMaxHeaderBytes = 8 * 1024;
constexpr std::size_t kMaxTrailerBytes = 16 * 1024;
constexpr std::size_t kMaxExcess = 16 * 1024;
// A size line of this length is in order whatever the chunk's size.
constexpr std::size_t kOrdinaryHeaderBytes = 16;
constexpr std::uint8_t kMaxDigits = 15;

// Field names and prefixes that must not reach anyone by way of a trailer, beyond those with a FieldId.
constexpr std::array<std::string_view, 17> kNoTrailers = {"accept",
                                                          "age",
                                                          "allow",
                                                          "cache-control",
                                                          "clear-site-data",
                                                          "expires",
                                                          "from",
                                                          "max-forwards",
                                                          "pragma",
                                                          "range",
                                                          "refresh",
                                                          "retry-after",
                                                          "strict-transport-security",
                                                          "vary",
                                                          "warning",
                                                          "www-authenticate",
                                                          "x-scheme"};
constexpr std::array<std::string_view, 9> kNoTrailerPrefixes = {
    "accept-", "access-control-", "content-", "cross-origin-", "if-", "proxy-",
    "sec-",    "x-forwarded-",    "x-real-"};

bool fits_a_trailer(std::string_view name) {
  if (field_id(name) != FieldId::kOther) return false;
  if (std::ranges::any_of(kNoTrailers, [&](std::string_view no) { return base::iequals(name, no); }))
    return false;
  return std::ranges::none_of(kNoTrailerPrefixes, [&](std::string_view prefix) {
    return base::iequals(name.substr(0, prefix.size()), prefix);
  });
}

}  // namespace

std::expected<ChunkedDecoder::Step, HeadError> ChunkedDecoder::next(std::string_view input) {
  std::size_t at = 0;
  while (at < input.size() && state_ != State::kDone) {
    if (state_ == State::kData) {
      const std::size_t size = std::min<std::uint64_t>(left_, input.size() - at);
      left_ -= size;
      if (left_ == 0) state_ = State::kDataCr;
      return Step{.consumed = at + size, .data = input.substr(at, size)};
    }
    if (const std::string_view reason = take(input[at]); !reason.empty()) {
      return std::unexpected(HeadError{400, reason});
    }
    ++at;
  }
  return Step{.consumed = at, .data = {}};
}

std::string_view ChunkedDecoder::take(char c) {
  switch (state_) {
    case State::kSize:
    case State::kBlank:
    case State::kExtension:
      if (++header_bytes_ > kMaxHeaderBytes) return "a chunk header that is too long";
      return take_size(c);
    case State::kSizeLf:
      return c == '\n' ? end_size_line() : "a bare CR in a chunk header";
    case State::kDataCr:
      if (c != '\r') return "chunk data that is longer than the chunk";
      state_ = State::kDataLf;
      return {};
    case State::kDataLf:
      if (c != '\n') return "a bare CR after chunk data";
      state_ = State::kSize;
      return {};
    case State::kTrailer:
      return take_trailer(c);
    case State::kData:
    case State::kDone:
      break;
  }
  return {};
}

std::string_view ChunkedDecoder::take_size(char c) {
  if (c == '\r') {
    if (digits_ == 0) return "a chunk without a size";
    if (state_ == State::kBlank) return "a blank after a chunk size";
    state_ = State::kSizeLf;
    return {};
  }
  if (state_ == State::kExtension) {
    return find_control(&c, &c + 1) == &c ? "a control character in a chunk extension" : std::string_view{};
  }
  if (c == ';' && digits_ > 0) {
    state_ = State::kExtension;
    return {};
  }
  if (is_blank(c) && digits_ > 0) {
    state_ = State::kBlank;
    return {};
  }
  const int digit = hex_value(c);
  if (digit < 0 || state_ == State::kBlank) return "a malformed chunk size";
  if (++digits_ > kMaxDigits) return "a chunk size out of range";
  size_ = size_ * 16 + static_cast<std::uint64_t>(digit);
  return {};
}

std::string_view ChunkedDecoder::end_size_line() {
  if (header_bytes_ > kOrdinaryHeaderBytes) {
    const std::size_t excess = header_bytes_ - kOrdinaryHeaderBytes;
    excess_ += excess - std::min<std::uint64_t>(excess, size_);
    if (excess_ > kMaxExcess) return "a body that is mostly chunk extensions";
  }
  state_ = size_ == 0 ? State::kTrailer : State::kData;
  left_ = size_;
  size_ = 0;
  digits_ = 0;
  header_bytes_ = 0;
  return {};
}

std::string_view ChunkedDecoder::take_trailer(char c) {
  if (++header_bytes_ > kMaxTrailerBytes) return "trailers that are too long";
  const bool after_cr = !line_.empty() && line_.back() == '\r';
  if (c == '\n') return after_cr ? end_trailer_line() : "a bare LF in a trailer";
  if (after_cr) return "a bare CR in a trailer";
  line_ += c;
  return {};
}

std::string_view ChunkedDecoder::end_trailer_line() {
  line_.pop_back();
  if (line_.empty()) {
    state_ = State::kDone;
    return {};
  }
  const std::string_view line = line_;
  const std::size_t colon = line.find(':');
  if (colon == std::string_view::npos || !is_token(line.substr(0, colon))) return "a malformed trailer";
  const std::string_view name = line.substr(0, colon);
  const std::string_view value = trim_blanks(line.substr(colon + 1));
  if (!is_field_value(value)) return "a control character in a trailer";
  if (fits_a_trailer(name)) {
    trailers_.append(name).append(": ").append(value).append("\r\n");
  }
  line_.clear();
  return {};
}

void ChunkedDecoder::reset() {
  state_ = State::kSize;
  digits_ = 0;
  left_ = 0;
  size_ = 0;
  header_bytes_ = 0;
  excess_ = 0;
  line_.clear();
  trailers_.clear();
}

std::size_t write_chunk_header(char* out, std::uint64_t size) noexcept {
  constexpr std::string_view kDigits = "0123456789abcdef";
  std::size_t digits = 1;
  while (digits < 16 && (size >> (4 * digits)) != 0) ++digits;
  for (std::size_t i = digits; i > 0; --i) {
    out[i - 1] = kDigits[size & 0x0fU];
    size >>= 4U;
  }
  out[digits] = '\r';
  out[digits + 1] = '\n';
  return digits + 2;
}

}  // namespace limpet::http
