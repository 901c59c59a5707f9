#include "providers/names.h"

#include "base/text.h"

namespace limpet::providers {

std::string normalize(std::string_view name) {
  std::string normal;
  bool gap = false;
  for (const char c : name) {
    const char lower = base::to_lower(c);
    const bool kept =
        (lower >= 'a' && lower <= 'z') || (c >= '0' && c <= '9') || static_cast<signed char>(c) < 0;
    if (kept) {
      if (gap && !normal.empty()) normal += '-';
      normal += c;
    }
    gap = !kept;
  }
  return normal;
}

}  // namespace limpet::providers
