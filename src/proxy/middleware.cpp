#include "proxy/middleware.h"

#include <algorithm>
#include <array>

#include "base/text.h"

namespace limpet::proxy {

void FieldEdits::set(std::string_view name, std::string_view value) {
  std::erase_if(adds_, [name](const auto& field) { return base::iequals(field.first, name); });
  sets_.emplace_back(name, value);
}

bool FieldEdits::hides(std::string_view name) const noexcept {
  return std::ranges::any_of(sets_, [name](const auto& field) { return base::iequals(field.first, name); });
}

bool frames_messages(std::string_view name) noexcept {
  constexpr std::array<std::string_view, 8> kFraming = {
      "Connection", "Content-Length", "Keep-Alive",        "Proxy-Connection",
      "TE",         "Trailer",        "Transfer-Encoding", "Upgrade"};
  return std::ranges::any_of(kFraming,
                             [name](std::string_view framing) { return base::iequals(name, framing); });
}

}  // namespace limpet::proxy
