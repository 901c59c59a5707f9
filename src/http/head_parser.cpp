#include <cstring>
#include <limits>

#include "base/text.h"
#include "http/head.h"
#include "http/syntax.h"

namespace limpet::http {
namespace {

enum class Read : std::uint8_t { kDone, kMore, kBad };

constexpr std::size_t kMaxMethod = 32;

// Reads a head from left to right and decides at the first byte that decides, so that a head gets the same
// verdict whether it comes at once or byte by byte.
class HeadReader {
 public:
  HeadReader(std::string_view text, std::size_t max_fields)
      : at_(text.data()), end_(text.data() + text.size()), max_fields_(max_fields) {}

  [[nodiscard]] const char* at() const { return at_; }
  [[nodiscard]] const HeadError& error() const { return error_; }

  Read fail(std::uint16_t status, std::string_view reason) {
    error_ = {.status = status, .reason = reason};
    return Read::kBad;
  }

  Read literal(std::string_view text, std::string_view otherwise) {
    for (const char c : text) {
      if (at_ == end_) return Read::kMore;
      if (*at_ != c) return fail(400, otherwise);
      ++at_;
    }
    return Read::kDone;
  }

  Read digit(int& value, std::string_view otherwise) {
    if (at_ == end_) return Read::kMore;
    if (!detail::is_class(*at_, detail::kDigit)) return fail(400, otherwise);
    value = *at_++ - '0';
    return Read::kDone;
  }

  // "HTTP/", a digit, ".", a digit.
  Read version(int& major, int& minor) {
    constexpr std::string_view kWrong = "the version is not HTTP/1.0 or HTTP/1.1";
    if (const Read read = literal("HTTP/", kWrong); read != Read::kDone) return read;
    if (const Read read = digit(major, kWrong); read != Read::kDone) return read;
    if (const Read read = literal(".", kWrong); read != Read::kDone) return read;
    return digit(minor, kWrong);
  }

  Read empty_lines() {
    for (std::size_t count = 0;; ++count) {
      if (at_ == end_) return Read::kMore;
      if (*at_ != '\r') return Read::kDone;
      if (count == kMaxEmptyLines) return fail(400, "too many empty lines before the request");
      if (const Read read = literal("\r\n", "a bare CR before the request"); read != Read::kDone) return read;
    }
  }

  // Takes a run of characters of one class that ends with a space, which is taken too.
  Read word(detail::CharClass allowed, std::size_t max_size, HeadError too_long, std::string_view otherwise,
            std::string_view& out) {
    const char* start = at_;
    while (at_ != end_ && detail::is_class(*at_, allowed)) ++at_;
    const auto size = static_cast<std::size_t>(at_ - start);
    if (size > max_size) return fail(too_long.status, too_long.reason);
    if (at_ == end_) return Read::kMore;
    if (size == 0 || *at_ != ' ') return fail(400, otherwise);
    ++at_;
    out = std::string_view(start, size);
    return Read::kDone;
  }

  // The rest of a line with its CRLF, free of control characters; blanks at the ends are taken off.
  Read rest_of_line(std::string_view& out) {
    while (at_ != end_ && is_blank(*at_)) ++at_;
    const char* start = at_;
    const char* stop = find_control(at_, end_);
    at_ = stop;
    if (const Read read = literal("\r\n", "a control character or a bare CR or LF in a line");
        read != Read::kDone) {
      return read;
    }
    while (stop != start && is_blank(stop[-1])) --stop;
    out = std::string_view(start, static_cast<std::size_t>(stop - start));
    return Read::kDone;
  }

  // What follows a status: a space and the reason, which may be empty, or nothing.
  Read reason(std::string_view& out) {
    if (at_ == end_) return Read::kMore;
    if (*at_ != ' ' && *at_ != '\r') return fail(400, "a malformed status");
    return rest_of_line(out);
  }

  // All field lines up to and with the empty line. `check` looks at each field and returns why it is refused.
  template <class Check>
  Read fields(std::vector<Field>& out, Check&& check) {
    while (true) {
      if (at_ == end_) return Read::kMore;
      if (*at_ == '\r') return literal("\r\n", "a bare CR at the end of the head");
      if (out.size() == max_fields_) return fail(431, "too many header fields");
      Field field;
      if (const Read read = name(field); read != Read::kDone) return read;
      if (const Read read = rest_of_line(field.value); read != Read::kDone) return read;
      out.push_back(field);
      if (const HeadError refusal = check(out.back()); !refusal.reason.empty()) {
        return fail(refusal.status, refusal.reason);
      }
    }
  }

 private:
  Read name(Field& field) {
    const char* start = at_;
    while (at_ != end_ && is_token_char(*at_)) ++at_;
    if (at_ == end_) return Read::kMore;
    if (*at_ != ':' || at_ == start) {
      return fail(400,
                  at_ == start && is_blank(*at_) ? "a folded header line" : "a malformed header field name");
    }
    field.name = std::string_view(start, static_cast<std::size_t>(at_ - start));
    field.id = field_id(field.name);
    ++at_;
    return Read::kDone;
  }

  const char* at_;
  const char* end_;
  std::size_t max_fields_;
  HeadError error_;
};

// What the fields of one head say about framing and the connection.
class Control {
 public:
  // Returns why the field is refused, or an empty text.
  std::string_view take(const Field& field) {
    switch (field.id) {
      case FieldId::kContentLength:
        return take_length(field.value);
      case FieldId::kTransferEncoding:
        return take_coding(field.value);
      case FieldId::kConnection:
        take_connection(field.value);
        return {};
      case FieldId::kUpgrade:
        has_upgrade_ = has_upgrade_ || !field.value.empty();
        return {};
      default:
        return {};
    }
  }

  [[nodiscard]] bool has_length() const { return has_length_; }
  [[nodiscard]] std::uint64_t length() const { return length_; }
  [[nodiscard]] bool chunked() const { return chunked_; }
  [[nodiscard]] bool upgrade() const { return connection_upgrade_ && has_upgrade_; }
  [[nodiscard]] bool keep_alive(int minor_version) const {
    return !connection_close_ && (minor_version >= 1 || connection_keep_alive_);
  }

 private:
  std::string_view take_length(std::string_view value) {
    if (has_length_) return "more than one Content-Length";
    if (chunked_) return "Content-Length beside Transfer-Encoding";
    if (value.empty()) return "an empty Content-Length";
    constexpr std::uint64_t kMax = std::numeric_limits<std::int64_t>::max();
    for (const char c : value) {
      if (!detail::is_class(c, detail::kDigit)) return "a Content-Length that is not a number";
      const auto digit = static_cast<std::uint64_t>(c - '0');
      if (length_ > (kMax - digit) / 10) return "a Content-Length out of range";
      length_ = length_ * 10 + digit;
    }
    has_length_ = true;
    return {};
  }

  std::string_view take_coding(std::string_view value) {
    if (chunked_) return "more than one Transfer-Encoding";
    if (has_length_) return "Transfer-Encoding beside Content-Length";
    if (!base::iequals(value, "chunked")) return "a Transfer-Encoding other than \"chunked\"";
    chunked_ = true;
    return {};
  }

  void take_connection(std::string_view list) {
    while (list.data() != nullptr) {
      const std::string_view option = next_list_element(list);
      if (base::iequals(option, "close")) connection_close_ = true;
      if (base::iequals(option, "keep-alive")) connection_keep_alive_ = true;
      if (base::iequals(option, "upgrade")) connection_upgrade_ = true;
    }
  }

  std::uint64_t length_ = 0;
  bool has_length_ = false;
  bool chunked_ = false;
  bool connection_close_ = false;
  bool connection_keep_alive_ = false;
  bool connection_upgrade_ = false;
  bool has_upgrade_ = false;
};

Method method_of(std::string_view text) {
  switch (text.size()) {
    case 3:
      if (text == "GET") return Method::kGet;
      if (text == "PUT") return Method::kPut;
      break;
    case 4:
      if (text == "POST") return Method::kPost;
      if (text == "HEAD") return Method::kHead;
      break;
    case 5:
      if (text == "PATCH") return Method::kPatch;
      if (text == "TRACE") return Method::kTrace;
      break;
    case 6:
      if (text == "DELETE") return Method::kDelete;
      break;
    case 7:
      if (text == "OPTIONS") return Method::kOptions;
      if (text == "CONNECT") return Method::kConnect;
      break;
    default:
      break;
  }
  return Method::kOther;
}

std::size_t scheme_size(std::string_view target) {
  for (const std::string_view scheme : {std::string_view("http://"), std::string_view("https://")}) {
    if (base::iequals(target.substr(0, scheme.size()), scheme)) return scheme.size();
  }
  return 0;
}

// Splits the target into host, path and query. Returns why it is refused, or an empty text.
std::string_view split_target(RequestHead& head) {
  if (head.target == "*") {
    if (head.method != Method::kOptions) return "the target * with a method other than OPTIONS";
    head.path = head.target;
    return {};
  }
  if (head.target.front() != '/') {
    const std::size_t scheme = scheme_size(head.target);
    if (scheme == 0) return "a request target that does not begin with a slash";
    head.target.remove_prefix(scheme);
    head.host = head.target.substr(0, head.target.find_first_of("/?"));
    if (!is_authority(head.host)) return "a malformed host in the request target";
    head.target.remove_prefix(head.host.size());
    if (head.target.empty()) head.target = head.method == Method::kOptions ? "*" : "/";
    if (head.target.front() == '?') return "an absolute request target with a query but no path";
  }
  const std::size_t mark = head.target.find('?');
  head.path = head.target.substr(0, mark);
  if (mark != std::string_view::npos) head.query = head.target.substr(mark + 1);
  return {};
}

Read request_line(HeadReader& in, const HeadLimits& limits, RequestHead& head) {
  if (const Read read = in.word(detail::kToken, kMaxMethod, {501, "a method name that is too long"},
                                "a malformed method", head.method_text);
      read != Read::kDone) {
    return read;
  }
  if (const Read read =
          in.word(detail::kTarget, limits.max_target, {414, "a request target that is too long"},
                  "a malformed request target", head.target);
      read != Read::kDone) {
    return read;
  }
  int major = 0;
  if (const Read read = in.version(major, head.minor_version); read != Read::kDone) return read;
  if (const Read read = in.literal("\r\n", "more than a version at the end of the request line");
      read != Read::kDone) {
    return read;
  }
  if (major != 1 || head.minor_version > 1) return in.fail(505, "a version other than HTTP/1.0 and HTTP/1.1");
  head.method = method_of(head.method_text);
  if (head.method == Method::kConnect) return in.fail(501, "the method CONNECT");
  if (const std::string_view reason = split_target(head); !reason.empty()) return in.fail(400, reason);
  return Read::kDone;
}

bool names_websocket(const RequestHead& head) {
  for (const Field& field : head.fields) {
    if (field.id != FieldId::kUpgrade) continue;
    std::string_view list = field.value;
    while (list.data() != nullptr) {
      if (base::iequals(next_list_element(list), "websocket")) return true;
    }
  }
  return false;
}

// Looks at the fields one by one, then at the whole head.
class RequestRules {
 public:
  explicit RequestRules(RequestHead& head) : head_(head), absolute_(!head.host.empty()) {}

  HeadError take(Field& field) {
    switch (field.id) {
      case FieldId::kHost:
        return refusal(take_host(field));
      case FieldId::kExpect:
        if (!base::iequals(field.value, "100-continue"))
          return {417, "an expectation other than 100-continue"};
        expect_continue_ = true;
        return {};
      case FieldId::kTransferEncoding:
        if (head_.minor_version == 0) return {400, "Transfer-Encoding on HTTP/1.0"};
        break;
      default:
        break;
    }
    return refusal(control_.take(field));
  }

  HeadError finish() {
    if (!has_host_ && head_.minor_version == 1) return {400, "no Host"};
    if (control_.chunked()) head_.framing = {BodyKind::kChunked, 0};
    if (control_.has_length()) head_.framing = {BodyKind::kLength, control_.length()};
    const bool has_body = control_.chunked() || control_.length() > 0;
    head_.keep_alive = control_.keep_alive(head_.minor_version);
    head_.upgrade = control_.upgrade() && head_.minor_version == 1;
    if (head_.upgrade && has_body) return {400, "an upgrade with a body"};
    head_.websocket = head_.upgrade && head_.method == Method::kGet && names_websocket(head_);
    head_.expect_continue = expect_continue_ && has_body && head_.minor_version == 1;
    return {};
  }

 private:
  static HeadError refusal(std::string_view reason) { return {400, reason}; }

  std::string_view take_host(Field& field) {
    if (has_host_) return "more than one Host";
    has_host_ = true;
    if (!is_authority(field.value)) return "a malformed Host";
    if (absolute_) {
      field.value = head_.host;
    } else {
      head_.host = field.value;
    }
    return {};
  }

  RequestHead& head_;
  Control control_;
  bool absolute_;
  bool has_host_ = false;
  bool expect_continue_ = false;
};

Read request_head(HeadReader& in, const HeadLimits& limits, RequestHead& head, bool& in_fields) {
  if (const Read read = in.empty_lines(); read != Read::kDone) return read;
  if (const Read read = request_line(in, limits, head); read != Read::kDone) return read;
  in_fields = true;
  RequestRules rules(head);
  if (const Read read = in.fields(head.fields, [&rules](Field& field) { return rules.take(field); });
      read != Read::kDone) {
    return read;
  }
  if (const HeadError refusal = rules.finish(); !refusal.reason.empty()) {
    return in.fail(refusal.status, refusal.reason);
  }
  return Read::kDone;
}

Read status_line(HeadReader& in, ResponseHead& head) {
  int major = 0;
  if (const Read read = in.version(major, head.minor_version); read != Read::kDone) return read;
  if (major != 1 || head.minor_version > 1) return in.fail(502, "a version other than HTTP/1.0 and HTTP/1.1");
  if (const Read read = in.literal(" ", "a malformed status line"); read != Read::kDone) return read;
  int status = 0;
  for (int i = 0; i < 3; ++i) {
    int digit = 0;
    if (const Read read = in.digit(digit, "a malformed status"); read != Read::kDone) return read;
    status = status * 10 + digit;
  }
  if (status < 100) return in.fail(502, "a status below 100");
  head.status = static_cast<std::uint16_t>(status);
  return in.reason(head.reason);
}

void decide_response(ResponseHead& head, const Control& control, Method request_method) {
  const bool interim = head.status < 200;
  const bool never_has_body = interim || head.status == 204;
  head.keep_alive = control.keep_alive(head.minor_version);
  head.upgrade = head.status == 101 && control.upgrade();
  if (never_has_body || head.status == 304 || request_method == Method::kHead) {
    // A server that announces a body where there can be none may send one: the connection is not used again.
    if (never_has_body && (control.chunked() || control.length() > 0)) head.keep_alive = false;
    return;
  }
  if (control.chunked()) {
    head.framing = {BodyKind::kChunked, 0};
  } else if (control.has_length()) {
    head.framing = {BodyKind::kLength, control.length()};
  } else {
    head.framing = {BodyKind::kUntilClose, 0};
    head.keep_alive = false;
  }
}

Read response_head(HeadReader& in, Method request_method, ResponseHead& head) {
  if (const Read read = status_line(in, head); read != Read::kDone) return read;
  Control control;
  const auto take = [&](const Field& field) -> HeadError {
    if (field.id == FieldId::kTransferEncoding && head.minor_version == 0) {
      return {502, "Transfer-Encoding on HTTP/1.0"};
    }
    return {502, control.take(field)};
  };
  if (const Read read = in.fields(head.fields, take); read != Read::kDone) return read;
  decide_response(head, control, request_method);
  return Read::kDone;
}

}  // namespace

std::expected<std::size_t, HeadError> parse_request_head(std::string_view buffer, const HeadLimits& limits,
                                                         RequestHead& head) {
  head.host = {};
  head.query = {};
  head.fields.clear();
  head.framing = {};
  HeadReader in(buffer.substr(0, limits.max_bytes), limits.max_fields);
  bool in_fields = false;
  switch (request_head(in, limits, head, in_fields)) {
    case Read::kDone:
      return static_cast<std::size_t>(in.at() - buffer.data());
    case Read::kBad:
      return std::unexpected(in.error());
    case Read::kMore:
      break;
  }
  if (buffer.size() < limits.max_bytes) return 0;
  if (in_fields) return std::unexpected(HeadError{431, "a head that is too long"});
  return std::unexpected(HeadError{414, "a request line that is too long"});
}

std::expected<std::size_t, HeadError> parse_response_head(std::string_view buffer, const HeadLimits& limits,
                                                          Method request_method, ResponseHead& head) {
  head.reason = {};
  head.fields.clear();
  head.framing = {};
  HeadReader in(buffer.substr(0, limits.max_bytes), limits.max_fields);
  switch (response_head(in, request_method, head)) {
    case Read::kDone:
      return static_cast<std::size_t>(in.at() - buffer.data());
    case Read::kBad:
      return std::unexpected(HeadError{502, in.error().reason});
    case Read::kMore:
      break;
  }
  if (buffer.size() < limits.max_bytes) return 0;
  return std::unexpected(HeadError{502, "a head that is too long"});
}

}  // namespace limpet::http
