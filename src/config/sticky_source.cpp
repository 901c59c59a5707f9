#include "config/sticky_source.h"

#include <array>
#include <utility>

#include "base/text.h"

namespace limpet::config {
namespace {

struct Form {
  std::string_view prefix;
  StickySourceKind kind;
  bool named;
};

constexpr std::array kForms = std::to_array<Form>({
    {"cookie", StickySourceKind::kCookie, false},
    {"sid", StickySourceKind::kSid, false},
    {"query:", StickySourceKind::kQuery, true},
    {"header:", StickySourceKind::kHeader, true},
    {"path:", StickySourceKind::kPath, true},
});

}  // namespace

std::expected<StickySource, base::ParseError> parse_sticky_source(std::string_view text) {
  for (const Form& form : kForms) {
    if (!base::iequals(text.substr(0, form.prefix.size()), form.prefix)) continue;
    const std::string_view name = text.substr(form.prefix.size());
    if (form.named == name.empty()) continue;
    if (form.kind == StickySourceKind::kPath && (name.front() != '/' || name.back() != '/')) {
      return std::unexpected(
          base::ParseError{form.prefix.size(), "a prefix between slashes, such as path:/s/"});
    }
    return StickySource{.kind = form.kind, .name = std::string(name)};
  }
  return std::unexpected(base::ParseError{0, "a sticky source: " + std::string(kStickySourceCodec.form)});
}

std::string format_sticky_source(const StickySource& source) {
  for (const Form& form : kForms) {
    if (form.kind == source.kind) return std::string(form.prefix) + source.name;
  }
  std::unreachable();
}

}  // namespace limpet::config
