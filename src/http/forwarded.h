#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "http/head.h"
#include "net/address.h"

/// The fields that tell a server who asked whom: X-Forwarded-*, X-Real-Ip, Via. Semantics are Traefik's.
namespace limpet::http {

/// What is known about the hop a request came by.
struct ForwardedInput {
  std::string_view client_ip;    ///< the peer's address without port and zone; empty for a Unix socket
  std::string_view server_name;  ///< this machine's name, for X-Forwarded-Server; empty: left out
  std::string_view
      via;           ///< our name in Via (RFC 9110, section 7.6.3); empty as in Traefik: Via is left alone
  bool tls = false;  ///< the client speaks TLS with us
  bool trusted = false;  ///< the peer is a trusted address, or everyone is ("insecure")
};

/// Whether a request's field is not to be copied, because append_forwarded writes it anew or because the
/// client is not trusted to say so: X-Forwarded-For, -Proto, -Host, -Port, -Server and X-Real-Ip always, Via
/// if we add to it, and of an untrusted client also Forwarded, X-Scheme, every other X-Forwarded-* and all of
/// these written with '_' for '-' (which CGI-like servers take for the same).
[[nodiscard]] bool is_replaced_by_forwarded(const Field& field, const ForwardedInput& input) noexcept;

/// Appends the forwarding fields of a request as "Name: value\r\n" lines:
/// - X-Forwarded-For: the values that came in, if trusted, and the client's address;
/// - X-Forwarded-Proto: as it came in, if trusted, else "https" or "http", for a WebSocket "wss" or "ws";
/// - X-Forwarded-Host: as it came in, if trusted, else the request's host;
/// - X-Forwarded-Port: as it came in, if trusted, else the host's port, else 443 or 80 by X-Forwarded-Proto;
/// - X-Forwarded-Server: our name;
/// - X-Real-Ip: as it came in, if trusted, else the client's address;
/// - Via: the values that came in and "1.1 name", if a name is given.
/// Of a field that came in more than once the first value counts (X-Forwarded-For and Via: all). Never
/// allocates but for `out`.
void append_forwarded(const RequestHead& head, const ForwardedInput& input, std::string& out);

/// Which address a rule about clients speaks of: Traefik's ipStrategy.
struct ClientAddressRule {
  std::uint32_t depth = 0;             ///< the entry of X-Forwarded-For so many from the right; 0: not used
  std::vector<net::IpRange> excluded;  ///< if depth is 0: the rightmost entry that is in none of these
  bool operator==(const ClientAddressRule&) const = default;
};

/// The client's address by a rule, as text: the peer's if the rule is empty, else an entry of X-Forwarded-For
/// as it came in. Empty if there is no such entry, or the peer is not trusted to name one; such a client
/// matches no range.
[[nodiscard]] std::string_view client_address(const ClientAddressRule& rule, const std::vector<Field>& fields,
                                              const ForwardedInput& input) noexcept;

}  // namespace limpet::http
