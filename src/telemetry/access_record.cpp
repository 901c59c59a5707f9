#include "telemetry/access_record.h"

#include <fmt/format.h>

#include <array>
#include <chrono>
#include <cstddef>
#include <ctime>
#include <utility>

#include "base/json_text.h"
#include "base/text.h"

namespace limpet::telemetry {
namespace {

constexpr std::string_view kAbsent = "-";

struct HostPort {
  std::string_view host;
  std::string_view port;
};

/// "[::1]:80" is "::1" and "80"; what has no port is all host, with "-" for the port, as in Traefik's log.
HostPort split_host_port(std::string_view address) noexcept {
  const std::size_t colon = address.rfind(':');
  if (colon == std::string_view::npos) return {address, kAbsent};
  const std::string_view host = address.substr(0, colon);
  const std::string_view port = address.substr(colon + 1);
  if (host.starts_with('[') && host.ends_with(']')) return {host.substr(1, host.size() - 2), port};
  if (host.find(':') != std::string_view::npos) return {address, kAbsent};
  return {host, port};
}

std::string_view client_host(const AccessRecord& record) noexcept {
  return record.client_host.empty() ? split_host_port(record.client_addr).host : record.client_host;
}

/// Appends a CLF field's text; with `blanks_too`, a blank is escaped as well.
void append_escaped(std::string& out, std::string_view text, bool blanks_too) {
  constexpr std::string_view kDigits = "0123456789abcdef";
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    if (c == '"' || c == '\\') {
      out += '\\';
      out += c;
    } else if (byte > 0x20 && byte < 0x7f) {
      out += c;
    } else if (c == ' ' && !blanks_too) {
      out += c;
    } else {
      out += "\\x";
      out += kDigits[byte >> 4U];
      out += kDigits[byte & 0x0fU];
    }
  }
}

void append_word(std::string& out, std::string_view text) {
  append_escaped(out, text.empty() ? kAbsent : text, true);
}

void append_quoted(std::string& out, std::string_view text) {
  out += '"';
  append_escaped(out, text.empty() ? kAbsent : text, false);
  out += '"';
}

template <class Number>
void append_number(std::string& out, Number number) {
  const fmt::format_int digits(number);
  out.append(digits.data(), digits.size());
}

/// Appends with zeros in front, `width` digits in all.
void append_padded(std::string& out, std::uint64_t number, std::size_t width) {
  const fmt::format_int digits(number);
  if (digits.size() < width) out.append(width - digits.size(), '0');
  out.append(digits.data(), digits.size());
}

std::int64_t unix_seconds(base::WallTime time) noexcept {
  return std::chrono::floor<std::chrono::seconds>(time).time_since_epoch().count();
}

/// The fields of a calendar and a clock.
struct CivilTime {
  explicit CivilTime(base::WallTime time)
      : day(std::chrono::floor<std::chrono::days>(time)),
        date(day),
        clock(std::chrono::duration_cast<std::chrono::nanoseconds>(time - day)) {}

  std::chrono::sys_days day;
  std::chrono::year_month_day date;
  std::chrono::hh_mm_ss<std::chrono::nanoseconds> clock;
};

template <class Count>
void append_two(std::string& out, Count count) {
  append_padded(out, static_cast<std::uint64_t>(count), 2);
}

void append_clock(std::string& out, const CivilTime& time) {
  append_two(out, time.clock.hours().count());
  out += ':';
  append_two(out, time.clock.minutes().count());
  out += ':';
  append_two(out, time.clock.seconds().count());
}

/// "10/Nov/2009:23:00:00 +0000".
void append_clf_date(std::string& out, base::WallTime utc) {
  static constexpr std::array kMonths = {"Jan", "Feb", "Mar", "Apr", "May", "Jun",
                                         "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};
  const CivilTime time(utc);
  append_two(out, static_cast<unsigned>(time.date.day()));
  out += '/';
  out += kMonths[static_cast<unsigned>(time.date.month()) - 1];
  out += '/';
  append_padded(out, static_cast<std::uint64_t>(static_cast<int>(time.date.year())), 4);
  out += ':';
  append_clock(out, time);
  out += " +0000";
}

/// "2026-01-02T03:04:05.678901234Z" or with "+01:00"; the fraction without trailing zeros, as Go writes it.
std::string rfc3339(base::WallTime utc, std::int64_t offset_seconds) {
  const CivilTime time(utc + std::chrono::seconds(offset_seconds));
  std::string text;
  append_padded(text, static_cast<std::uint64_t>(static_cast<int>(time.date.year())), 4);
  text += '-';
  append_two(text, static_cast<unsigned>(time.date.month()));
  text += '-';
  append_two(text, static_cast<unsigned>(time.date.day()));
  text += 'T';
  append_clock(text, time);
  if (const auto fraction = time.clock.subseconds().count(); fraction != 0) {
    text += '.';
    append_padded(text, static_cast<std::uint64_t>(fraction), 9);
    text.resize(text.find_last_not_of('0') + 1);
  }
  if (offset_seconds == 0) return text += 'Z';
  const std::int64_t ahead = offset_seconds < 0 ? -offset_seconds : offset_seconds;
  text += offset_seconds < 0 ? '-' : '+';
  append_two(text, ahead / 3600);
  text += ':';
  append_two(text, ahead / 60 % 60);
  return text;
}

/// What `common` and `genericCLF` have in common, without the line end.
void append_clf(std::string& out, const AccessRecord& record) {
  append_word(out, client_host(record));
  out += " - ";
  append_word(out, record.client_username);
  out += " [";
  append_clf_date(out, record.start);
  out += "] \"";
  append_word(out, record.method);
  out += ' ';
  append_word(out, record.path);
  out += ' ';
  append_word(out, record.protocol);
  out += "\" ";
  append_number(out, record.downstream_status);
  out += ' ';
  append_number(out, record.downstream_content_size);
  out += ' ';
  append_quoted(out, record.referer);
  out += ' ';
  append_quoted(out, record.user_agent);
}

/// Writes the members of one JSON object in the order of the calls.
class JsonLine {
 public:
  explicit JsonLine(std::string& out) : out_(out) { out_ += '{'; }
  void text(std::string_view key, std::string_view value) {
    start(key);
    base::append_json_string(out_, value);
  }
  void text_if_any(std::string_view key, std::string_view value) {
    if (!value.empty()) text(key, value);
  }
  template <class Number>
  void number(std::string_view key, Number value) {
    start(key);
    append_number(out_, value);
  }
  void end() { out_ += "}\n"; }

 private:
  void start(std::string_view key) {
    if (!std::exchange(first_, false)) out_ += ',';
    out_ += '"';
    out_ += key;
    out_ += "\":";
  }

  std::string& out_;
  bool first_ = true;
};

}  // namespace

std::optional<AccessFormat> access_format_from_name(std::string_view name) noexcept {
  if (base::iequals(name, "common")) return AccessFormat::kCommon;
  if (base::iequals(name, "genericCLF")) return AccessFormat::kGenericClf;
  if (base::iequals(name, "json")) return AccessFormat::kJson;
  return std::nullopt;
}

const std::vector<std::string_view>& access_format_names() {
  static const std::vector<std::string_view> names = {"common", "genericCLF", "json"};
  return names;
}

void AccessFormatter::append(std::string& out, const AccessRecord& record, std::uint64_t count) {
  if (format_ == AccessFormat::kJson) {
    append_json(out, record, count);
    return;
  }
  append_clf(out, record);
  if (format_ == AccessFormat::kCommon) {
    out += ' ';
    append_number(out, count);
    out += ' ';
    append_quoted(out, record.router);
    out += ' ';
    append_quoted(out, record.service_url);
    out += ' ';
    append_number(out, std::chrono::duration_cast<std::chrono::milliseconds>(record.duration).count());
    out += "ms";
  }
  out += '\n';
}

void AccessFormatter::append_json(std::string& out, const AccessRecord& record, std::uint64_t count) {
  const HostPort request = split_host_port(record.request_addr);
  const HostPort client = split_host_port(record.client_addr);
  const base::Duration origin = record.origin_duration.value_or(base::Duration::zero());
  const std::int64_t offset = utc_offset(record.start);

  JsonLine line(out);
  line.text("ClientAddr", record.client_addr);
  line.text("ClientHost", client_host(record));
  line.text("ClientPort", client.port);
  line.text("ClientUsername", record.client_username.empty() ? kAbsent : record.client_username);
  if (record.tunnel) line.text_if_any("CloseReason", record.close_reason);
  line.number("DownstreamContentSize", record.downstream_content_size);
  line.number("DownstreamStatus", record.downstream_status);
  line.number("Duration", record.duration.count());
  if (record.origin_status != 0) {
    line.number("OriginContentSize", record.origin_content_size);
    if (record.origin_duration) line.number("OriginDuration", origin.count());
    line.number("OriginStatus", record.origin_status);
  }
  line.number("Overhead", (record.duration - origin).count());
  line.text("RequestAddr", record.request_addr);
  line.number("RequestContentSize", record.request_content_size);
  line.number("RequestCount", count);
  line.text("RequestHost", request.host);
  line.text("RequestMethod", record.method);
  line.text("RequestPath", record.path);
  line.text("RequestPort", request.port);
  line.text("RequestProtocol", record.protocol);
  line.text("RequestScheme", record.scheme);
  line.number("RetryAttempts", record.retry_attempts);
  line.text_if_any("RouterName", record.router);
  line.text_if_any("ServiceAddr", record.service_addr);
  line.text_if_any("ServiceName", record.service);
  line.text_if_any("ServiceURL", record.service_url);
  line.text("StartLocal", rfc3339(record.start, offset));
  line.text("StartUTC", rfc3339(record.start, 0));
  if (record.tunnel) {
    line.number("TunnelMessagesToClient", record.tunnel_messages_to_client);
    line.number("TunnelMessagesToServer", record.tunnel_messages_to_server);
  }
  line.text_if_any("entryPointName", record.entry_point);
  line.text("level", "info");
  line.text("msg", "");
  line.text_if_any("request_Referer", record.referer);
  line.text_if_any("request_User-Agent", record.user_agent);
  line.text("time",
            rfc3339(std::chrono::floor<std::chrono::seconds>(record.start + record.duration), offset));
  line.end();
}

std::int64_t AccessFormatter::utc_offset(base::WallTime time) {
  // Time zones change their offset at whole minutes.
  const std::int64_t minute = unix_seconds(time) / 60;
  if (offset_minute_ != minute) {
    const std::time_t seconds = minute * 60;
    std::tm local{};
    offset_ = localtime_r(&seconds, &local) != nullptr ? local.tm_gmtoff : 0;
    offset_minute_ = minute;
  }
  return offset_;
}

}  // namespace limpet::telemetry
