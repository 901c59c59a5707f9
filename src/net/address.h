#pragma once

#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/un.h>

#include <array>
#include <compare>
#include <cstddef>
#include <cstdint>
#include <expected>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace limpet::net {

/// An IPv4 or IPv6 address without a port. IPv4-mapped IPv6 addresses are taken as IPv4.
class IpAddress {
 public:
  IpAddress() = default;
  [[nodiscard]] static std::optional<IpAddress> parse(std::string_view text);
  [[nodiscard]] static IpAddress from_v4(std::uint32_t host_order) noexcept;
  [[nodiscard]] static IpAddress from_v6(const std::array<std::uint8_t, 16>& bytes) noexcept;
  [[nodiscard]] bool is_v4() const noexcept { return v4_; }
  [[nodiscard]] bool is_loopback() const noexcept;
  [[nodiscard]] std::string text() const;
  /// Sixteen bytes, an IPv4 address in its mapped form.
  [[nodiscard]] const std::array<std::uint8_t, 16>& bytes() const noexcept { return bytes_; }
  auto operator<=>(const IpAddress&) const = default;

 private:
  std::array<std::uint8_t, 16> bytes_{};
  bool v4_ = false;
};

/// A CIDR range such as "10.0.0.0/8", or one address. A range of IPv6 addresses holds no IPv4 address.
class IpRange {
 public:
  [[nodiscard]] static std::optional<IpRange> parse(std::string_view text);
  [[nodiscard]] bool contains(const IpAddress& address) const noexcept;
  bool operator==(const IpRange&) const = default;

 private:
  IpAddress base_;
  std::uint8_t prefix_ = 0;  ///< bits of the sixteen-byte form
};

/// Whether any of the ranges holds the address.
[[nodiscard]] bool contains(const std::vector<IpRange>& ranges, const IpAddress& address) noexcept;

/// The longest path of a Unix socket, in bytes.
inline constexpr std::size_t kMaxUnixPath = sizeof(sockaddr_un::sun_path) - 1;

/// A socket address: TCP over IPv4 or IPv6, or a Unix socket path.
class SocketAddress {
 public:
  SocketAddress() = default;
  SocketAddress(const IpAddress& ip, std::uint16_t port) noexcept;
  /// `path` is at most kMaxUnixPath bytes; whoever reads it from a person checks that first.
  [[nodiscard]] static SocketAddress unix_path(std::string_view path);
  /// A copy of what accept, getsockname and their kind return.
  [[nodiscard]] static SocketAddress from_native(const sockaddr* address, socklen_t length) noexcept;

  [[nodiscard]] bool is_unix() const noexcept { return storage_.ss_family == AF_UNIX; }
  [[nodiscard]] int family() const noexcept { return storage_.ss_family; }
  /// The IP address; the unspecified one for a Unix socket.
  [[nodiscard]] IpAddress ip() const noexcept;
  /// The TCP port; 0 for a Unix socket.
  [[nodiscard]] std::uint16_t port() const noexcept;
  [[nodiscard]] const sockaddr* native() const noexcept;
  [[nodiscard]] socklen_t native_length() const noexcept { return length_; }
  /// "127.0.0.1:80", "[::1]:80", "unix:/run/x.sock".
  [[nodiscard]] std::string text() const;

 private:
  sockaddr_storage storage_{};
  socklen_t length_ = 0;
};

/// Reads what an entry point listens on: ":80", "127.0.0.1:80", "[::1]:80", "localhost:80", "unix:/path",
/// with Traefik's "/tcp" suffix. An empty host means all addresses, IPv6 with IPv4; a name is resolved
/// (blocks), its first IPv4 address taken before IPv6. Port 0 lets the system choose. Fails with what is
/// expected.
[[nodiscard]] std::expected<SocketAddress, std::string> parse_listen_address(std::string_view text);

/// Resolves a host name or address literal; blocks (getaddrinfo), so only for the control plane.
[[nodiscard]] std::expected<std::vector<IpAddress>, std::string> resolve(const std::string& host);

}  // namespace limpet::net
