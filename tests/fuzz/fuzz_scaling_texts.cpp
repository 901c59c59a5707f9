#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "base/check.h"
#include "config/scaling_texts.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace limpet::config;
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  if (const auto words = split_command(text)) {
    std::size_t length = 0;
    for (const std::string& word : *words) length += word.size();
    LIMPET_CHECK(!words->empty() && !words->front().empty() && length <= size);
  } else {
    LIMPET_CHECK(words.error().offset <= size && !words.error().expected.empty());
  }
  if (const auto ports = parse_port_range(text))
    LIMPET_CHECK(ports->first != 0 && ports->first <= ports->last);
  LIMPET_CHECK(with_port(text, 1).size() <= size);
  static_cast<void>(parse_signal(text));
  return 0;
}
