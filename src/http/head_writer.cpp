#include "http/head_writer.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <chrono>

#include "base/check.h"
#include "http/syntax.h"

namespace limpet::http {
namespace {

struct Reason {
  std::uint16_t status;
  std::string_view text;
};

constexpr std::array kReasons = {
    Reason{100, "Continue"},
    Reason{101, "Switching Protocols"},
    Reason{102, "Processing"},
    Reason{103, "Early Hints"},
    Reason{200, "OK"},
    Reason{201, "Created"},
    Reason{202, "Accepted"},
    Reason{203, "Non-Authoritative Information"},
    Reason{204, "No Content"},
    Reason{205, "Reset Content"},
    Reason{206, "Partial Content"},
    Reason{207, "Multi-Status"},
    Reason{208, "Already Reported"},
    Reason{226, "IM Used"},
    Reason{300, "Multiple Choices"},
    Reason{301, "Moved Permanently"},
    Reason{302, "Found"},
    Reason{303, "See Other"},
    Reason{304, "Not Modified"},
    Reason{305, "Use Proxy"},
    Reason{307, "Temporary Redirect"},
    Reason{308, "Permanent Redirect"},
    Reason{400, "Bad Request"},
    Reason{401, "Unauthorized"},
    Reason{402, "Payment Required"},
    Reason{403, "Forbidden"},
    Reason{404, "Not Found"},
    Reason{405, "Method Not Allowed"},
    Reason{406, "Not Acceptable"},
    Reason{407, "Proxy Authentication Required"},
    Reason{408, "Request Timeout"},
    Reason{409, "Conflict"},
    Reason{410, "Gone"},
    Reason{411, "Length Required"},
    Reason{412, "Precondition Failed"},
    Reason{413, "Request Entity Too Large"},
    Reason{414, "Request URI Too Long"},
    Reason{415, "Unsupported Media Type"},
    Reason{416, "Requested Range Not Satisfiable"},
    Reason{417, "Expectation Failed"},
    Reason{418, "I'm a teapot"},
    Reason{421, "Misdirected Request"},
    Reason{422, "Unprocessable Entity"},
    Reason{423, "Locked"},
    Reason{424, "Failed Dependency"},
    Reason{425, "Too Early"},
    Reason{426, "Upgrade Required"},
    Reason{428, "Precondition Required"},
    Reason{429, "Too Many Requests"},
    Reason{431, "Request Header Fields Too Large"},
    Reason{451, "Unavailable For Legal Reasons"},
    Reason{499, "Client Closed Request"},
    Reason{500, "Internal Server Error"},
    Reason{501, "Not Implemented"},
    Reason{502, "Bad Gateway"},
    Reason{503, "Service Unavailable"},
    Reason{504, "Gateway Timeout"},
    Reason{505, "HTTP Version Not Supported"},
    Reason{506, "Variant Also Negotiates"},
    Reason{507, "Insufficient Storage"},
    Reason{508, "Loop Detected"},
    Reason{510, "Not Extended"},
    Reason{511, "Network Authentication Required"},
};
static_assert(std::ranges::is_sorted(kReasons, {}, &Reason::status));

constexpr std::array<std::string_view, 7> kDays = {"Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"};
constexpr std::array<std::string_view, 12> kMonths = {"Jan", "Feb", "Mar", "Apr", "May", "Jun",
                                                      "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};

bool is_target(std::string_view text) {
  return std::ranges::all_of(text, [](char c) { return detail::is_class(c, detail::kTarget); });
}

char* put_number(char* out, unsigned value, unsigned digits) {
  for (unsigned i = digits; i > 0; --i) {
    out[i - 1] = static_cast<char>('0' + value % 10);
    value /= 10;
  }
  return out + digits;
}

char* put_text(char* out, std::string_view text) {
  return std::ranges::copy(text, out).out;
}

void format_date(std::chrono::sys_seconds time, char* out) {
  const auto day = std::chrono::floor<std::chrono::days>(time);
  const std::chrono::year_month_day date(day);
  const std::chrono::hh_mm_ss clock(time - day);
  out = put_text(out, kDays[std::chrono::weekday(day).c_encoding()]);
  out = put_text(out, ", ");
  out = put_number(out, static_cast<unsigned>(date.day()), 2);
  out = put_text(out, " ");
  out = put_text(out, kMonths[static_cast<unsigned>(date.month()) - 1]);
  out = put_text(out, " ");
  out = put_number(out, static_cast<unsigned>(static_cast<int>(date.year())), 4);
  out = put_text(out, " ");
  out = put_number(out, static_cast<unsigned>(clock.hours().count()), 2);
  out = put_text(out, ":");
  out = put_number(out, static_cast<unsigned>(clock.minutes().count()), 2);
  out = put_text(out, ":");
  out = put_number(out, static_cast<unsigned>(clock.seconds().count()), 2);
  put_text(out, " GMT");
}

}  // namespace

std::string_view reason_phrase(std::uint16_t status) noexcept {
  const auto* found = std::ranges::lower_bound(kReasons, status, {}, &Reason::status);
  return found != kReasons.end() && found->status == status ? found->text : std::string_view{};
}

std::string_view http_date(base::WallTime time) noexcept {
  thread_local std::array<char, kHttpDateSize> text{};
  thread_local auto made_for = std::chrono::sys_seconds::min();
  const auto second = std::chrono::floor<std::chrono::seconds>(time);
  if (second != made_for) {
    format_date(second, text.data());
    made_for = second;
  }
  return {text.data(), text.size()};
}

void HeadWriter::request_line(std::string_view method, std::string_view target) {
  request_line(method, target, {});
}

void HeadWriter::request_line(std::string_view method, std::string_view path, std::string_view query) {
  LIMPET_CHECK(is_token(method));
  LIMPET_CHECK(!path.empty() && is_target(path) && is_target(query));
  out_.append(method).append(" ").append(path);
  if (!query.empty()) out_.append("?").append(query);
  out_.append(" HTTP/1.1\r\n");
}

void HeadWriter::status_line(std::uint16_t status) {
  status_line(status, reason_phrase(status));
}

void HeadWriter::status_line(std::uint16_t status, std::string_view reason) {
  LIMPET_CHECK(status >= 100 && status <= 999);
  LIMPET_CHECK(is_field_value(reason));
  std::array<char, 3> digits{};
  put_number(digits.data(), status, 3);
  out_.append("HTTP/1.1 ").append(digits.data(), digits.size()).append(" ").append(reason).append("\r\n");
}

void HeadWriter::field(std::string_view name, std::string_view value) {
  LIMPET_CHECK(is_token(name));
  LIMPET_CHECK(is_field_value(value));
  out_.append(name).append(": ").append(value).append("\r\n");
}

void HeadWriter::field(std::string_view name, std::uint64_t value) {
  std::array<char, 20> digits{};
  const auto result = std::to_chars(digits.begin(), digits.end(), value);
  field(name, std::string_view(digits.data(), static_cast<std::size_t>(result.ptr - digits.data())));
}

void HeadWriter::date(base::WallTime now) {
  field("Date", http_date(now));
}

void HeadWriter::end() {
  out_.append("\r\n");
}

}  // namespace limpet::http
