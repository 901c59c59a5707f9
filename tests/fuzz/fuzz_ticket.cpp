#include <cstddef>
#include <cstdint>
#include <string_view>

#include "balancing/ticket.h"
#include "base/check.h"

// Any text: it is either a ticket's form, and then made of its parts, or refused; and never accepted
// unsigned.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace limpet::balancing;
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  static const TicketKeys keys({"k1:0123456789abcdef", "k2:fedcba9876543210"});
  const auto parts = parse_ticket(text);
  if (parts) {
    LIMPET_CHECK(parts->signed_text.size() + 1 + parts->signature.size() == text.size());
    LIMPET_CHECK(text.starts_with(parts->signed_text) && text.ends_with(parts->signature));
    LIMPET_CHECK(!parts->key_id.contains('.'));
  }
  const auto ticket = keys.verify(text, 0);
  if (ticket) LIMPET_CHECK(parts && parts->ticket == *ticket);
  return 0;
}
