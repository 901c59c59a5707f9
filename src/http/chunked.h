#pragma once

#include <cstddef>
#include <cstdint>
#include <expected>
#include <string>
#include <string_view>

#include "http/head.h"

namespace limpet::http {

/// Reads the chunked coding piece by piece (RFC 9112, section 7.1), strictly: hex sizes only, CRLF after each
/// chunk, at most 8 KiB of chunk header and 16 KiB of trailers. Extensions are skipped; a body that is mostly
/// chunk headers is refused. Not for several threads at once.
class ChunkedDecoder {
 public:
  struct Step {
    std::size_t consumed = 0;  ///< bytes of the input that are used up
    std::string_view data;     ///< body bytes found, a view into the input; may be empty
  };
  /// Reads from `input` until it has found a run of data, or the end of the body, or the end of the input.
  /// Call again with the rest while consumed > 0 and not done(). What follows the body is not consumed. After
  /// an error the decoder is of no more use until reset(); the error's status is 400 (a server's body: take
  /// it as 502).
  [[nodiscard]] std::expected<Step, HeadError> next(std::string_view input);
  [[nodiscard]] bool done() const noexcept { return state_ == State::kDone; }
  /// Trailer fields fit to be passed on, as "Name: value\r\n" lines; framing, routing, authentication,
  /// cookie, caching and forwarding fields are left out (RFC 9110, section 6.5.1). Valid once done.
  [[nodiscard]] const std::string& trailers() const noexcept { return trailers_; }
  /// Starts on another body; the memory for trailers is kept.
  void reset();

 private:
  enum class State : std::uint8_t {
    kSize,
    kBlank,
    kExtension,
    kSizeLf,
    kData,
    kDataCr,
    kDataLf,
    kTrailer,
    kDone,
  };
  [[nodiscard]] std::string_view take(char c);
  [[nodiscard]] std::string_view take_size(char c);
  [[nodiscard]] std::string_view end_size_line();
  [[nodiscard]] std::string_view take_trailer(char c);
  [[nodiscard]] std::string_view end_trailer_line();

  State state_ = State::kSize;
  std::uint8_t digits_ = 0;       // of the size
  std::uint64_t left_ = 0;        // bytes of data still to come in this chunk
  std::uint64_t size_ = 0;        // of this chunk
  std::size_t header_bytes_ = 0;  // of this chunk's header, or of the trailers
  std::size_t excess_ = 0;        // chunk header bytes out of proportion to the data
  std::string line_;              // the trailer line being read
  std::string trailers_;
};

/// The longest chunk header append_chunk_header writes.
inline constexpr std::size_t kMaxChunkHeader = 18;
/// Writes "<hex size>\r\n" to `out`, which has room for kMaxChunkHeader bytes; returns the length.
[[nodiscard]] std::size_t write_chunk_header(char* out, std::uint64_t size) noexcept;

}  // namespace limpet::http
