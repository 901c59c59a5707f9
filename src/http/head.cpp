#include "http/head.h"

#include <array>
#include <cstring>

#include "base/text.h"
#include "http/syntax.h"

namespace limpet::http {
namespace {

struct KnownField {
  std::string_view name;  // lower case
  FieldId id = FieldId::kOther;
};

constexpr std::array kKnownFields = {
    KnownField{"host", FieldId::kHost},
    KnownField{"connection", FieldId::kConnection},
    KnownField{"keep-alive", FieldId::kKeepAlive},
    KnownField{"proxy-connection", FieldId::kProxyConnection},
    KnownField{"te", FieldId::kTe},
    KnownField{"trailer", FieldId::kTrailer},
    KnownField{"transfer-encoding", FieldId::kTransferEncoding},
    KnownField{"upgrade", FieldId::kUpgrade},
    KnownField{"content-length", FieldId::kContentLength},
    KnownField{"expect", FieldId::kExpect},
    KnownField{"cookie", FieldId::kCookie},
    KnownField{"set-cookie", FieldId::kSetCookie},
    KnownField{"authorization", FieldId::kAuthorization},
    KnownField{"proxy-authorization", FieldId::kProxyAuthorization},
    KnownField{"proxy-authenticate", FieldId::kProxyAuthenticate},
    KnownField{"forwarded", FieldId::kForwarded},
    KnownField{"via", FieldId::kVia},
    KnownField{"x-forwarded-for", FieldId::kXForwardedFor},
    KnownField{"x-forwarded-proto", FieldId::kXForwardedProto},
    KnownField{"x-forwarded-host", FieldId::kXForwardedHost},
    KnownField{"x-forwarded-port", FieldId::kXForwardedPort},
    KnownField{"x-forwarded-server", FieldId::kXForwardedServer},
    KnownField{"x-forwarded-prefix", FieldId::kXForwardedPrefix},
    KnownField{"x-real-ip", FieldId::kXRealIp},
    KnownField{"sec-websocket-key", FieldId::kSecWebsocketKey},
    KnownField{"sec-websocket-version", FieldId::kSecWebsocketVersion},
    KnownField{"sec-websocket-protocol", FieldId::kSecWebsocketProtocol},
    KnownField{"sec-websocket-extensions", FieldId::kSecWebsocketExtensions},
    KnownField{"sec-websocket-accept", FieldId::kSecWebsocketAccept},
    KnownField{"origin", FieldId::kOrigin},
    KnownField{"referer", FieldId::kReferer},
    KnownField{"user-agent", FieldId::kUserAgent},
    KnownField{"date", FieldId::kDate},
    KnownField{"server", FieldId::kServer},
    KnownField{"content-type", FieldId::kContentType},
    KnownField{"location", FieldId::kLocation},
    KnownField{"traceparent", FieldId::kTraceparent},
};

// The last four characters and the length tell all known names apart.
constexpr std::size_t slot_of(std::uint32_t tail, std::size_t length) {
  constexpr std::uint32_t kLengthFactor = 0x9e3779b1;
  constexpr std::uint32_t kMultiplier = 0xfb695ffb;
  constexpr std::uint32_t kToLower = 0x20202020;
  return (((tail | kToLower) + static_cast<std::uint32_t>(length) * kLengthFactor) * kMultiplier) >> 25U;
}

constexpr std::uint32_t tail_of(std::string_view name) {
  const std::string_view tail = name.size() > 4 ? name.substr(name.size() - 4) : name;
  std::uint32_t word = 0;
  for (std::size_t i = 0; i < tail.size(); ++i) {
    word |= static_cast<std::uint32_t>(static_cast<unsigned char>(tail[i])) << (8 * i);
  }
  return word;
}

consteval std::array<KnownField, 128> make_slots() {
  std::array<KnownField, 128> slots{};
  for (const KnownField& known : kKnownFields) {
    KnownField& slot = slots[slot_of(tail_of(known.name), known.name.size())];
    if (!slot.name.empty()) throw "two field names share a slot: choose another multiplier";
    slot = known;
  }
  return slots;
}

constexpr std::array<KnownField, 128> kSlots = make_slots();

constexpr std::uint64_t load_8(const char* text) {
  std::uint64_t word = 0;
  std::memcpy(&word, text, sizeof(word));
  return word;
}

constexpr std::uint64_t lower_8(std::uint64_t word) {
  constexpr std::uint64_t kOnes = 0x0101010101010101U;
  constexpr std::uint64_t kHighs = 0x8080808080808080U;
  const std::uint64_t low_bits = word & ~kHighs;
  const std::uint64_t from_a = low_bits + kOnes * (0x80 - 'A');
  const std::uint64_t above_z = low_bits + kOnes * (0x7f - 'Z');
  return word | ((((from_a ^ above_z) & ~word) & kHighs) >> 2U);
}

// Sizes are equal and `lowered` is lower case already.
bool equals_lowered(std::string_view text, std::string_view lowered) {
  const std::size_t size = text.size();
  if (size < 8) return base::iequals(text, lowered);
  const auto equal_at = [&](std::size_t offset) {
    return lower_8(load_8(text.data() + offset)) == load_8(lowered.data() + offset);
  };
  for (std::size_t i = 0; i + 8 < size; i += 8) {
    if (!equal_at(i)) return false;
  }
  return equal_at(size - 8);
}

std::optional<std::string_view> find_id(const std::vector<Field>& fields, FieldId id) {
  for (const Field& field : fields) {
    if (field.id == id) return field.value;
  }
  return std::nullopt;
}

std::optional<std::string_view> find_name(const std::vector<Field>& fields, std::string_view name) {
  for (const Field& field : fields) {
    if (base::iequals(field.name, name)) return field.value;
  }
  return std::nullopt;
}

bool is_named_by_connection(std::string_view name, const std::vector<Field>& fields) {
  for (const Field& field : fields) {
    if (field.id != FieldId::kConnection) continue;
    std::string_view list = field.value;
    while (list.data() != nullptr) {
      if (base::iequals(next_list_element(list), name)) return true;
    }
  }
  return false;
}

}  // namespace

FieldId field_id(std::string_view name) noexcept {
  if (name.size() < 2) return FieldId::kOther;
  std::uint32_t tail = 0;
  if (name.size() >= 4) {
    std::memcpy(&tail, name.data() + name.size() - 4, sizeof(tail));
  } else {
    tail = tail_of(name);
  }
  const KnownField& slot = kSlots[slot_of(tail, name.size())];
  return slot.name.size() == name.size() && equals_lowered(name, slot.name) ? slot.id : FieldId::kOther;
}

void RequestHead::rebase(std::string_view from, const char* to) noexcept {
  const auto move = [&](std::string_view& view) {
    // A path of "/" that an absolute-form target lacks points elsewhere.
    if (view.data() < from.data() || view.data() > from.data() + from.size()) return;
    view = {to + (view.data() - from.data()), view.size()};
  };
  for (std::string_view* view : {&method_text, &target, &path, &query, &host}) move(*view);
  for (Field& field : fields) {
    move(field.name);
    move(field.value);
  }
}

std::optional<std::string_view> RequestHead::find(FieldId id) const noexcept {
  return find_id(fields, id);
}
std::optional<std::string_view> RequestHead::find(std::string_view name) const noexcept {
  return find_name(fields, name);
}
std::optional<std::string_view> ResponseHead::find(FieldId id) const noexcept {
  return find_id(fields, id);
}
std::optional<std::string_view> ResponseHead::find(std::string_view name) const noexcept {
  return find_name(fields, name);
}

bool worth_parsing_again(std::string_view buffer, std::size_t seen, const HeadLimits& limits) noexcept {
  return seen == 0 || buffer.size() >= limits.max_bytes || buffer.find('\n', seen) != std::string_view::npos;
}

bool is_hop_by_hop(const Field& field, const std::vector<Field>& head_fields) noexcept {
  switch (field.id) {
    case FieldId::kConnection:
    case FieldId::kKeepAlive:
    case FieldId::kProxyConnection:
    case FieldId::kProxyAuthenticate:
    case FieldId::kProxyAuthorization:
    case FieldId::kTe:
    case FieldId::kTrailer:
    case FieldId::kTransferEncoding:
    case FieldId::kUpgrade:
      return true;
    case FieldId::kOther:
      break;
    default:
      return false;
  }
  constexpr std::string_view kForwardedPrefix = "x-forwarded-";
  if (base::iequals(field.name.substr(0, kForwardedPrefix.size()), kForwardedPrefix)) return false;
  return is_named_by_connection(field.name, head_fields);
}

}  // namespace limpet::http
