#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "base/clock.h"

namespace limpet::http {

/// The reason phrase of a status in the words of Go's net/http (what Traefik answers), or an empty text.
[[nodiscard]] std::string_view reason_phrase(std::uint16_t status) noexcept;

/// The longest text that http_date gives.
inline constexpr std::size_t kHttpDateSize = 29;

/// A time as Date and Last-Modified write it (RFC 9110, section 5.6.7): "Sun, 06 Nov 1994 08:49:37 GMT". The
/// text is made once a second and belongs to the calling thread; it is valid until that thread's next call.
/// Years 0 to 9999.
[[nodiscard]] std::string_view http_date(base::WallTime time) noexcept;

/// Appends a message head to a buffer in one canonical form: one space, CRLF, "Name: value". Names, values,
/// methods and targets are checked: a control character in one is a bug of the caller and ends the process,
/// so nothing that comes from outside may be written that was not parsed, or checked with is_token and
/// is_field_value, before. Never allocates but for the buffer. One thread; the buffer outlives the writer.
class HeadWriter {
 public:
  explicit HeadWriter(std::string& out) noexcept : out_(out) {}

  /// "GET /path HTTP/1.1".
  void request_line(std::string_view method, std::string_view target);
  /// The same with the target in two parts: `query`, if any, comes after a '?'.
  void request_line(std::string_view method, std::string_view path, std::string_view query);
  /// "HTTP/1.1 404 Not Found" with the standard reason.
  void status_line(std::uint16_t status);
  /// "HTTP/1.1 404 reason" with a server's own reason, which may be empty.
  void status_line(std::uint16_t status, std::string_view reason);
  void field(std::string_view name, std::string_view value);
  void field(std::string_view name, std::uint64_t value);
  /// A Date field.
  void date(base::WallTime now);
  /// The empty line.
  void end();

 private:
  std::string& out_;
};

}  // namespace limpet::http
