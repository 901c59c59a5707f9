#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "base/check.h"
#include "http/cookie.h"
#include "http/syntax.h"

namespace {

using namespace limpet::http;

// Takes a line off the text.
std::string_view take_line(std::string_view& text) {
  const std::size_t end = text.find('\n');
  const std::string_view line = text.substr(0, end);
  text = end == std::string_view::npos ? std::string_view{} : text.substr(end + 1);
  return line;
}

bool is_inside(std::string_view part, std::string_view whole) {
  return part.data() >= whole.data() && part.data() + part.size() <= whole.data() + whole.size();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  std::string_view text(reinterpret_cast<const char*>(data), size);
  const std::string_view name = take_line(text);
  const std::string_view value = take_line(text);
  const std::string_view path = take_line(text);

  const auto cookie = find_cookie(text, name);
  LIMPET_CHECK(!cookie || is_inside(*cookie, text));
  const auto parameter = find_query(text, name);
  LIMPET_CHECK(!parameter || is_inside(*parameter, text));
  LIMPET_CHECK(percent_decode(text, true).size() <= text.size());

  const std::string clean_name = sanitise_cookie_name(name);
  LIMPET_CHECK(clean_name.empty() || is_token(clean_name));
  LIMPET_CHECK(sanitise_cookie_name(clean_name) == clean_name);
  if (clean_name.empty()) return 0;
  const std::string written =
      format_set_cookie({.name = clean_name, .value = value, .path = path, .domain = path, .secure = true});
  LIMPET_CHECK(is_field_value(written));
  const std::string pair = written.substr(0, written.find("; "));
  const auto read_back = find_cookie(pair, clean_name);
  LIMPET_CHECK(read_back.has_value());
  if (!value.empty() && is_token(value)) LIMPET_CHECK(*read_back == value);
  return 0;
}
