#pragma once

#include <cstddef>
#include <expected>
#include <optional>
#include <string>
#include <string_view>

#include "net/address.h"

/// The PROXY protocol, with which a load balancer in front of us says whose connection it passes on: versions
/// 1 and 2 of https://www.haproxy.org/download/3.0/doc/proxy-protocol.txt. Pure.
namespace limpet::proxy {

/// The longest header of version 1, with its line end.
inline constexpr std::size_t kMaxProxyLine = 107;
/// The longest header of version 2 that is accepted; the addresses take at most 232 bytes, the rest is
/// extensions.
inline constexpr std::size_t kMaxProxyHeader = 4096;

/// A header that was read.
struct ProxyHeader {
  std::size_t bytes = 0;  ///< how many bytes it takes; what follows is the client's
  /// The client's address and the one it connected to: both or none. None if the sender speaks for itself
  /// (LOCAL) or the client is not on TCP (UNKNOWN, UDP, Unix sockets): then the socket's own addresses count.
  std::optional<net::SocketAddress> source;
  std::optional<net::SocketAddress> destination;
};

/// Whether a connection that starts with these bytes may have a header, as far as can be told yet. Traefik
/// takes trusted senders without one for clients, such as load balancers that ask for our health.
[[nodiscard]] bool may_begin_proxy_header(std::string_view buffer) noexcept;

/// Reads a header of either version from the start of `buffer`. Gives nothing while it is incomplete; fails,
/// with what is wrong, as soon as that is certain, and alike however the bytes come in. Never needs more than
/// kMaxProxyHeader bytes.
[[nodiscard]] std::expected<std::optional<ProxyHeader>, std::string> parse_proxy_header(
    std::string_view buffer);

}  // namespace limpet::proxy
