#include "balancing/ticket.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <cstddef>

#include "base/check.h"
#include "base/hash.h"
#include "base/text.h"

namespace limpet::balancing {
namespace {

constexpr std::string_view kPrefix = "lt1.";
constexpr std::size_t kDigits = 16;
constexpr std::size_t kFields = 5;
constexpr std::size_t kSignatureDigits = 64;
constexpr std::size_t kMaxKeyId = 16;

bool is_hex(std::string_view text) noexcept {
  return std::ranges::all_of(text, [](char c) { return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f'); });
}

std::uint64_t read_hex(std::string_view digits) noexcept {
  std::uint64_t value = 0;
  std::from_chars(digits.data(), digits.data() + digits.size(), value, 16);
  return value;
}

}  // namespace

std::string_view verdict_name(TicketVerdict verdict) noexcept {
  switch (verdict) {
    case TicketVerdict::kAccepted:
      return "ticket-accepted";
    case TicketVerdict::kMissing:
      return "ticket-missing";
    case TicketVerdict::kForged:
      return "ticket-forged";
    case TicketVerdict::kExpired:
      return "ticket-expired";
    case TicketVerdict::kReplayed:
      return "ticket-replayed";
    case TicketVerdict::kForeign:
      return "ticket-for-another-service";
  }
  return "ticket-forged";
}

TicketKeys::TicketKeys(const std::vector<std::string>& keys) {
  for (const std::string& key : keys) {
    const std::size_t colon = key.find(':');
    keys_.push_back({.id = key.substr(0, colon), .secret = key.substr(colon + 1)});
  }
}

std::string TicketKeys::sign(const Ticket& ticket) const {
  LIMPET_CHECK(!keys_.empty());
  std::string text(kPrefix);
  text += keys_.front().id;
  text += '.';
  for (const std::uint64_t field :
       {ticket.service, ticket.server, ticket.placement, ticket.nonce, ticket.expires_ms}) {
    text += base::hex16(field);
  }
  const std::string signature = base::hmac_sha256_hex(keys_.front().secret, text);
  return text + "." + signature;
}

std::expected<Ticket, TicketVerdict> TicketKeys::verify(std::string_view text, std::uint64_t now_ms) const {
  const auto parts = parse_ticket(text);
  if (!parts) return std::unexpected(parts.error());
  const auto key = std::ranges::find(keys_, parts->key_id, &Key::id);
  if (key == keys_.end()) return std::unexpected(TicketVerdict::kForged);
  const std::string expected = base::hmac_sha256_hex(key->secret, parts->signed_text);
  if (!base::equals_constant_time(expected, parts->signature)) {
    return std::unexpected(TicketVerdict::kForged);
  }
  if (parts->ticket.expires_ms <= now_ms) return std::unexpected(TicketVerdict::kExpired);
  return parts->ticket;
}

std::expected<TicketParts, TicketVerdict> parse_ticket(std::string_view text) noexcept {
  const auto forged = std::unexpected(TicketVerdict::kForged);
  constexpr std::size_t kTail = 1 + kFields * kDigits + 1 + kSignatureDigits;
  if (!text.starts_with(kPrefix) || text.size() <= kPrefix.size() + kTail) return forged;
  const std::size_t id_size = text.size() - kPrefix.size() - kTail;
  if (id_size > kMaxKeyId) return forged;
  TicketParts parts;
  parts.key_id = text.substr(kPrefix.size(), id_size);
  const std::string_view fields = text.substr(kPrefix.size() + id_size + 1, kFields * kDigits);
  parts.signature = text.substr(text.size() - kSignatureDigits);
  parts.signed_text = text.substr(0, text.size() - kSignatureDigits - 1);
  const bool dotted = text[kPrefix.size() + id_size] == '.' && text[parts.signed_text.size()] == '.';
  if (!dotted || parts.key_id.contains('.') || !is_hex(fields) || !is_hex(parts.signature)) return forged;
  std::array<std::uint64_t, kFields> values{};
  for (std::size_t i = 0; i < kFields; ++i) values[i] = read_hex(fields.substr(i * kDigits, kDigits));
  parts.ticket = {.service = values[0],
                  .server = values[1],
                  .placement = values[2],
                  .nonce = values[3],
                  .expires_ms = values[4]};
  return parts;
}

}  // namespace limpet::balancing
