#include <cstddef>
#include <cstdint>
#include <string_view>

#include "apis/docker/types.h"
#include "base/check.h"

/// Whatever the Engine says, reading it gives a value or a sentence.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace limpet::apis::docker;
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  if (const auto container = parse_container(text)) {
    LIMPET_CHECK(!container->id.empty() && !container->name.empty());
    for (const Port& port : container->ports) LIMPET_CHECK(port.number != 0);
  } else {
    LIMPET_CHECK(!container.error().empty());
  }
  if (const auto list = parse_list(text)) {
    for (const Listed& listed : *list) LIMPET_CHECK(!listed.id.empty());
  }
  static_cast<void>(parse_event(text));
  static_cast<void>(parse_message(text));
  static_cast<void>(signal_number(text));
  return 0;
}
