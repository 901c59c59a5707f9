#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "base/check.h"
#include "http/head.h"
#include "http/head_writer.h"
#include "http/syntax.h"

namespace {

using namespace limpet::http;

constexpr HeadLimits kLimits{.max_bytes = 2048, .max_fields = 20};

std::string forward(const ResponseHead& head) {
  std::string out;
  HeadWriter writer(out);
  writer.status_line(head.status, head.reason);
  for (const Field& field : head.fields) {
    if (field.id == FieldId::kContentLength || is_hop_by_hop(field, head.fields)) continue;
    writer.field(field.name, field.value);
  }
  if (head.framing.kind == BodyKind::kLength) writer.field("Content-Length", head.framing.length);
  if (head.framing.kind == BodyKind::kChunked) writer.field("Transfer-Encoding", "chunked");
  writer.end();
  return out;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size == 0) return 0;
  const Method method = data[0] % 2 == 0 ? Method::kGet : Method::kHead;
  const std::string_view text(reinterpret_cast<const char*>(data) + 1, size - 1);
  ResponseHead head;
  const auto taken = parse_response_head(text, kLimits, method, head);
  LIMPET_CHECK(taken || taken.error().status == 502);
  for (std::size_t part = 0; part < text.size(); part += 1 + part / 8) {
    ResponseHead so_far;
    const auto result = parse_response_head(text.substr(0, part), kLimits, method, so_far);
    if (result && *result == 0) continue;
    LIMPET_CHECK(result.has_value() == taken.has_value() && (!result || *result == *taken));
  }
  if (!taken || *taken == 0) return 0;
  for (const Field& field : head.fields) LIMPET_CHECK(is_token(field.name) && is_field_value(field.value));
  const std::string written = forward(head);
  ResponseHead again;
  const auto size_again = parse_response_head(written, {}, method, again);
  LIMPET_CHECK(size_again && *size_again == written.size());
  LIMPET_CHECK(again.status == head.status && again.reason == head.reason);
  LIMPET_CHECK(again.framing.kind == head.framing.kind && again.framing.length == head.framing.length);
  return 0;
}
