#pragma once

#include <cstdint>
#include <expected>
#include <string>
#include <string_view>
#include <vector>

/// Tickets: signed tokens that take their bearers to a placement's server. Pure.
///
/// "lt1.ID.FIELDS.MAC": the id of the key, five numbers of 16 hex digits each, and the HMAC-SHA-256 of all
/// that stands before its dot, in hex.
namespace limpet::balancing {

/// What a ticket says.
struct Ticket {
  std::uint64_t service = 0;     ///< FNV-1a of the qualified service's name
  std::uint64_t server = 0;      ///< FNV-1a of "service|url", as ServerState's id
  std::uint64_t placement = 0;   ///< see PlacementId
  std::uint64_t nonce = 0;       ///< not 0: lets one user in
  std::uint64_t expires_ms = 0;  ///< Unix time in milliseconds
  bool operator==(const Ticket&) const = default;
};

/// What becomes of a ticket.
enum class TicketVerdict : std::uint8_t {
  kAccepted,
  kMissing,  ///< there is none, and the service takes no users without
  kForged,   ///< not signed by a key of ours, or not a ticket at all
  kExpired,
  kReplayed,  ///< lets one user in, and has done so
  kForeign,   ///< for another service
};
inline constexpr std::size_t kTicketVerdicts = 6;
/// "ticket-forged" and so on: the value of the reason header. "ticket-accepted" for the one that is none.
[[nodiscard]] std::string_view verdict_name(TicketVerdict verdict) noexcept;

/// Whether a text claims to be a ticket: other values of a parameter called "ticket" are an application's.
[[nodiscard]] constexpr bool looks_like_ticket(std::string_view text) noexcept {
  return text.starts_with("lt1.");
}

/// Keys by id; the first signs, all are accepted. Immutable; any thread.
class TicketKeys {
 public:
  TicketKeys() = default;
  /// "ID:SECRET" each, as configuration has them (see config::ticket_keys_problem).
  explicit TicketKeys(const std::vector<std::string>& keys);
  [[nodiscard]] bool empty() const noexcept { return keys_.empty(); }

  /// A ticket's text. There must be a key.
  [[nodiscard]] std::string sign(const Ticket& ticket) const;
  /// What a text says if one of the keys signed it; signatures are compared in constant time. kForged or,
  /// with the signature in order, kExpired at `now_ms` (Unix time).
  [[nodiscard]] std::expected<Ticket, TicketVerdict> verify(std::string_view text,
                                                            std::uint64_t now_ms) const;

 private:
  struct Key {
    std::string id;
    std::string secret;
  };
  std::vector<Key> keys_;
};

/// Splits a text into what was signed, key id, fields and signature without looking at the signature; for
/// TicketKeys. kForged if it is not of a ticket's form. Never allocates.
struct TicketParts {
  std::string_view key_id;
  std::string_view signed_text;
  std::string_view signature;
  Ticket ticket;
};
[[nodiscard]] std::expected<TicketParts, TicketVerdict> parse_ticket(std::string_view text) noexcept;

}  // namespace limpet::balancing
