#include <cstddef>
#include <cstdint>
#include <string_view>

#include "base/check.h"
#include "providers/constraint.h"
#include "providers/rule_template.h"

/// Templates and constraints are read by hand-written parsers: an error lies within the text, and what is
/// read can be used.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace limpet::providers;
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  const TemplateModel model{
      .name = "a-b", .container_name = "a_b_1", .labels = {{"stage", "live"}, {"x.y", ""}}};
  if (const auto parsed = RuleTemplate::parse(text)) {
    static_cast<void>(parsed->render(model));
  } else {
    LIMPET_CHECK(parsed.error().offset <= size && !parsed.error().expected.empty());
  }
  if (const auto parsed = Constraint::parse(text)) {
    static_cast<void>(parsed->matches(model.labels));
  } else {
    LIMPET_CHECK(parsed.error().offset <= size && !parsed.error().expected.empty());
  }
  return 0;
}
