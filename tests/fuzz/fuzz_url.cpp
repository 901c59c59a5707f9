#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "base/check.h"
#include "http/syntax.h"
#include "http/url.h"

namespace {

using namespace limpet::http;

void check_server_url(std::string_view text) {
  const auto url = parse_server_url(text);
  if (!url) {
    LIMPET_CHECK(url.error().offset <= text.size() && !url.error().expected.empty());
    return;
  }
  LIMPET_CHECK(url->port != 0 && is_authority(url->authority) && url->path.starts_with('/'));
  const auto again =
      parse_server_url(std::string(scheme_text(url->scheme)) + "://" + url->authority + url->path);
  LIMPET_CHECK(again && *again == *url);
}

void check_path(std::string_view text) {
  const std::string path = "/" + std::string(text);
  std::string scratch;
  const auto canonical = canonical_path(path, true, scratch);
  if (!canonical) return;
  LIMPET_CHECK(canonical->starts_with('/') && canonical->size() <= path.size());
  LIMPET_CHECK(canonical->find("//") == std::string_view::npos);
  const std::string closed = std::string(*canonical) + "/";
  LIMPET_CHECK(closed.find("/../") == std::string::npos && closed.find("/./") == std::string::npos);
  std::string again_scratch;
  const auto again = canonical_path(*canonical, true, again_scratch);
  LIMPET_CHECK(again && again->data() == canonical->data());
  std::string routing_scratch;
  LIMPET_CHECK(routing_path(*canonical, routing_scratch).size() <= canonical->size());
  LIMPET_CHECK(encoded_characters(*canonical).is_within(encoded_characters(path)));
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  check_server_url(text);
  check_path(text);
  static_cast<void>(is_authority(text));
  static_cast<void>(port_of(text));
  return 0;
}
