#include <cstddef>
#include <cstdint>
#include <string_view>

#include "base/check.h"
#include "proxy/proxy_protocol.h"

/// Any bytes, at every split: no more than the limit is asked for, and a verdict once given stands.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view bytes(reinterpret_cast<const char*>(data), size);
  const auto whole = limpet::proxy::parse_proxy_header(bytes);
  const bool refused = !whole.has_value();
  const std::size_t taken = !refused && whole->has_value() ? (*whole)->bytes : 0;
  LIMPET_CHECK(taken <= size && taken <= limpet::proxy::kMaxProxyHeader);
  LIMPET_CHECK(size < limpet::proxy::kMaxProxyHeader || refused || taken > 0);
  if (taken > 0) LIMPET_CHECK((*whole)->source.has_value() == (*whole)->destination.has_value());

  bool decided = false;
  for (std::size_t end = 0; end <= size; ++end) {
    const auto part = limpet::proxy::parse_proxy_header(bytes.substr(0, end));
    if (!part.has_value()) {
      LIMPET_CHECK(refused);
      decided = true;
    } else if (part->has_value()) {
      LIMPET_CHECK(end >= taken && (*part)->bytes == taken);
      decided = true;
    } else {
      LIMPET_CHECK(!decided);
    }
  }
  return 0;
}
