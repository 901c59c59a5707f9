#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <expected>
#include <string>
#include <string_view>

#include "base/check.h"
#include "http/forwarded.h"
#include "http/head.h"
#include "http/head_writer.h"
#include "http/syntax.h"

namespace {

using namespace limpet::http;

constexpr HeadLimits kLimits{.max_bytes = 2048, .max_fields = 20, .max_target = 512};

// What a proxy passes on: one canonical head with framing of its own.
std::string forward(const RequestHead& head) {
  std::string out;
  HeadWriter writer(out);
  writer.request_line(head.method_text, head.target);
  if (!head.host.empty()) writer.field("Host", head.host);
  const ForwardedInput input{.client_ip = "192.0.2.1", .trusted = true};
  for (const Field& field : head.fields) {
    if (field.id == FieldId::kHost || field.id == FieldId::kContentLength || field.id == FieldId::kExpect)
      continue;
    if (is_hop_by_hop(field, head.fields) || is_replaced_by_forwarded(field, input)) continue;
    writer.field(field.name, field.value);
  }
  if (head.framing.kind == BodyKind::kLength) writer.field("Content-Length", head.framing.length);
  if (head.framing.kind == BodyKind::kChunked) writer.field("Transfer-Encoding", "chunked");
  if (head.upgrade) {
    writer.field("Connection", "Upgrade");
    for (const Field& field : head.fields) {
      if (field.id == FieldId::kUpgrade) writer.field("Upgrade", field.value);
    }
  }
  writer.end();
  return out;
}

// Everything a lenient reader could see differently is absent from an accepted head.
void check_accepted(std::string_view text, const RequestHead& head) {
  const auto lf = std::ranges::count(text, '\n');
  LIMPET_CHECK(lf == std::ranges::count(text, '\r'));
  for (std::size_t at = text.find('\n'); at != std::string_view::npos; at = text.find('\n', at + 1)) {
    LIMPET_CHECK(at > 0 && text[at - 1] == '\r');
    LIMPET_CHECK(at + 1 == text.size() || !is_blank(text[at + 1]));
  }
  LIMPET_CHECK(head.fields.size() <= kLimits.max_fields);
  std::size_t lengths = 0;
  std::size_t codings = 0;
  std::size_t hosts = 0;
  for (const Field& field : head.fields) {
    LIMPET_CHECK(is_token(field.name) && is_field_value(field.value));
    lengths += field.id == FieldId::kContentLength ? 1 : 0;
    codings += field.id == FieldId::kTransferEncoding ? 1 : 0;
    hosts += field.id == FieldId::kHost ? 1 : 0;
  }
  LIMPET_CHECK(lengths + codings <= 1);
  LIMPET_CHECK(hosts == 1 || (hosts == 0 && head.minor_version == 0));
  LIMPET_CHECK((head.framing.kind == BodyKind::kChunked) == (codings == 1));
  LIMPET_CHECK((head.framing.kind == BodyKind::kLength) == (lengths == 1));
  LIMPET_CHECK(head.host.empty() || is_authority(head.host));
}

void check_forwarded(const RequestHead& head) {
  if (head.host.empty()) return;
  const std::string text = forward(head);
  RequestHead again;
  const auto size = parse_request_head(text, {}, again);
  LIMPET_CHECK(size && *size == text.size());
  LIMPET_CHECK(again.method_text == head.method_text && again.target == head.target &&
               again.host == head.host);
  LIMPET_CHECK(again.path == head.path && again.query == head.query);
  LIMPET_CHECK(again.framing.kind == head.framing.kind && again.framing.length == head.framing.length);
  LIMPET_CHECK(again.upgrade == head.upgrade && again.websocket == head.websocket);
}

void check_same_by_pieces(std::string_view text, const std::expected<std::size_t, HeadError>& whole) {
  for (std::size_t size = 0; size < text.size(); size += 1 + size / 8) {
    RequestHead head;
    const auto so_far = parse_request_head(text.substr(0, size), kLimits, head);
    if (so_far && *so_far == 0) continue;
    LIMPET_CHECK(so_far.has_value() == whole.has_value());
    LIMPET_CHECK(so_far ? *so_far == *whole : so_far.error().status == whole.error().status);
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  RequestHead head;
  const auto taken = parse_request_head(text, kLimits, head);
  check_same_by_pieces(text, taken);
  if (taken && *taken > 0) {
    check_accepted(text.substr(0, *taken), head);
    check_forwarded(head);
    std::string out;
    append_forwarded(head, {.client_ip = "192.0.2.1", .server_name = "a", .via = "a", .trusted = true}, out);
  }
  return 0;
}
