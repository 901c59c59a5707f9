#include "net/address.h"

#include <arpa/inet.h>
#include <fmt/format.h>
#include <netdb.h>

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <cstddef>
#include <cstring>
#include <memory>
#include <system_error>
#include <utility>

#include "base/check.h"

namespace limpet::net {
namespace {

constexpr std::array<std::uint8_t, 12> kMappedPrefix = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff};
constexpr std::uint8_t kMappedBits = 96;
constexpr std::string_view kListenForm =
    "expected an address such as :80, 127.0.0.1:80, [::1]:80 or unix:/path";

/// The number that the whole text spells, if it is at most `most`.
std::optional<std::uint16_t> parse_number(std::string_view text, std::uint16_t most) noexcept {
  std::uint16_t value = 0;
  const char* end = text.data() + text.size();
  const auto [rest, error] = std::from_chars(text.data(), end, value);
  if (error != std::errc{} || rest != end || value > most) return std::nullopt;
  return value;
}

std::array<std::uint8_t, 16> masked(std::array<std::uint8_t, 16> bytes, std::uint8_t prefix) noexcept {
  for (std::size_t i = 0; i < bytes.size(); ++i) {
    const std::size_t first_bit = i * 8;
    if (first_bit >= prefix) {
      bytes[i] = 0;
    } else if (first_bit + 8 > prefix) {
      bytes[i] &= static_cast<std::uint8_t>(0xff00U >> (prefix - first_bit));
    }
  }
  return bytes;
}

/// One address of a host name, IPv4 before IPv6, as listening on a name asks for one.
std::expected<IpAddress, std::string> resolve_one(const std::string& host) {
  auto addresses = resolve(host);
  if (!addresses) return std::unexpected(std::move(addresses.error()));
  const auto v4 = std::ranges::find_if(*addresses, [](const IpAddress& ip) { return ip.is_v4(); });
  return v4 != addresses->end() ? *v4 : addresses->front();
}

}  // namespace

std::optional<IpAddress> IpAddress::parse(std::string_view text) {
  if (text.find('\0') != std::string_view::npos) return std::nullopt;
  const std::string copy(text);
  if (in_addr v4{}; inet_pton(AF_INET, copy.c_str(), &v4) == 1) return from_v4(ntohl(v4.s_addr));
  std::array<std::uint8_t, 16> v6{};
  if (inet_pton(AF_INET6, copy.c_str(), v6.data()) == 1) return from_v6(v6);
  return std::nullopt;
}

IpAddress IpAddress::from_v4(std::uint32_t host_order) noexcept {
  IpAddress address;
  address.v4_ = true;
  std::ranges::copy(kMappedPrefix, address.bytes_.begin());
  for (std::size_t i = 0; i < 4; ++i) {
    address.bytes_[12 + i] = static_cast<std::uint8_t>(host_order >> (24U - 8U * i));
  }
  return address;
}

IpAddress IpAddress::from_v6(const std::array<std::uint8_t, 16>& bytes) noexcept {
  IpAddress address;
  address.bytes_ = bytes;
  address.v4_ = std::equal(kMappedPrefix.begin(), kMappedPrefix.end(), bytes.begin());
  return address;
}

bool IpAddress::is_loopback() const noexcept {
  if (v4_) return bytes_[12] == 127;
  return std::all_of(bytes_.begin(), bytes_.end() - 1, [](std::uint8_t byte) { return byte == 0; }) &&
         bytes_.back() == 1;
}

std::string IpAddress::text() const {
  std::array<char, INET6_ADDRSTRLEN> buffer{};
  const void* source = v4_ ? bytes_.data() + kMappedPrefix.size() : bytes_.data();
  LIMPET_CHECK(inet_ntop(v4_ ? AF_INET : AF_INET6, source, buffer.data(), buffer.size()) != nullptr);
  return buffer.data();
}

std::optional<IpRange> IpRange::parse(std::string_view text) {
  const std::size_t slash = text.find('/');
  const std::string_view host = text.substr(0, slash);
  const std::optional<IpAddress> address = IpAddress::parse(host);
  if (!address) return std::nullopt;

  IpRange range;
  range.prefix_ = 128;
  if (slash != std::string_view::npos) {
    const bool v4_text = host.find(':') == std::string_view::npos;
    const auto bits = parse_number(text.substr(slash + 1), v4_text ? 32 : 128);
    if (!bits) return std::nullopt;
    range.prefix_ = static_cast<std::uint8_t>(*bits + (v4_text ? kMappedBits : 0));
  }
  range.base_ = IpAddress::from_v6(masked(address->bytes(), range.prefix_));
  return range;
}

bool IpRange::contains(const IpAddress& address) const noexcept {
  return base_.is_v4() == address.is_v4() && masked(address.bytes(), prefix_) == base_.bytes();
}

bool contains(const std::vector<IpRange>& ranges, const IpAddress& address) noexcept {
  return std::ranges::any_of(ranges, [&](const IpRange& range) { return range.contains(address); });
}

SocketAddress::SocketAddress(const IpAddress& ip, std::uint16_t port) noexcept {
  if (ip.is_v4()) {
    sockaddr_in v4{};
    v4.sin_family = AF_INET;
    v4.sin_port = htons(port);
    std::memcpy(&v4.sin_addr, ip.bytes().data() + kMappedPrefix.size(), sizeof(v4.sin_addr));
    std::memcpy(&storage_, &v4, sizeof(v4));
    length_ = sizeof(v4);
  } else {
    sockaddr_in6 v6{};
    v6.sin6_family = AF_INET6;
    v6.sin6_port = htons(port);
    std::memcpy(&v6.sin6_addr, ip.bytes().data(), sizeof(v6.sin6_addr));
    std::memcpy(&storage_, &v6, sizeof(v6));
    length_ = sizeof(v6);
  }
}

SocketAddress SocketAddress::unix_path(std::string_view path) {
  LIMPET_CHECK(path.size() <= kMaxUnixPath);
  sockaddr_un local{};
  local.sun_family = AF_UNIX;
  std::ranges::copy(path, &local.sun_path[0]);
  SocketAddress address;
  std::memcpy(&address.storage_, &local, sizeof(local));
  address.length_ = static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + path.size() + 1);
  return address;
}

SocketAddress SocketAddress::from_native(const sockaddr* address, socklen_t length) noexcept {
  SocketAddress copy;
  copy.length_ = std::min(length, static_cast<socklen_t>(sizeof(copy.storage_)));
  std::memcpy(&copy.storage_, address, copy.length_);
  return copy;
}

IpAddress SocketAddress::ip() const noexcept {
  if (family() == AF_INET) {
    sockaddr_in v4{};
    std::memcpy(&v4, &storage_, sizeof(v4));
    return IpAddress::from_v4(ntohl(v4.sin_addr.s_addr));
  }
  if (family() == AF_INET6) {
    sockaddr_in6 v6{};
    std::memcpy(&v6, &storage_, sizeof(v6));
    std::array<std::uint8_t, 16> bytes{};
    std::memcpy(bytes.data(), &v6.sin6_addr, bytes.size());
    return IpAddress::from_v6(bytes);
  }
  return {};
}

std::uint16_t SocketAddress::port() const noexcept {
  // The port has the same place in sockaddr_in and sockaddr_in6.
  if (family() != AF_INET && family() != AF_INET6) return 0;
  sockaddr_in v4{};
  std::memcpy(&v4, &storage_, sizeof(v4));
  return ntohs(v4.sin_port);
}

const sockaddr* SocketAddress::native() const noexcept {
  return reinterpret_cast<const sockaddr*>(&storage_);
}

std::string SocketAddress::text() const {
  if (is_unix()) {
    sockaddr_un local{};
    std::memcpy(&local, &storage_, sizeof(local));
    const std::size_t room = length_ - std::min<std::size_t>(length_, offsetof(sockaddr_un, sun_path));
    return "unix:" + std::string(&local.sun_path[0], strnlen(&local.sun_path[0], room));
  }
  const IpAddress address = ip();
  return fmt::format(fmt::runtime(address.is_v4() ? "{}:{}" : "[{}]:{}"), address.text(), port());
}

std::expected<SocketAddress, std::string> parse_listen_address(std::string_view text) {
  constexpr std::string_view kUnix = "unix:";
  if (text.starts_with(kUnix)) {
    const std::string_view path = text.substr(kUnix.size());
    if (path.empty()) return std::unexpected("expected a path after unix:");
    if (path.size() > kMaxUnixPath || path.find('\0') != std::string_view::npos) {
      return std::unexpected(fmt::format("expected a socket path of at most {} bytes", kMaxUnixPath));
    }
    return SocketAddress::unix_path(path);
  }

  constexpr std::string_view kTcp = "/tcp";
  if (text.ends_with(kTcp)) text.remove_suffix(kTcp.size());
  if (text.find('/') != std::string_view::npos) {
    return std::unexpected(fmt::format("{}; TCP is the only protocol", kListenForm));
  }
  const std::size_t colon = text.rfind(':');
  if (colon == std::string_view::npos) return std::unexpected(std::string(kListenForm));
  const std::optional<std::uint16_t> port = parse_number(text.substr(colon + 1), 65535);
  if (!port) return std::unexpected(fmt::format("{}, with a port from 0 to 65535", kListenForm));

  std::string_view host = text.substr(0, colon);
  if (host.empty()) return SocketAddress(IpAddress{}, *port);
  const bool bracketed = host.starts_with('[') && host.ends_with(']');
  if (!bracketed && host.find(':') != std::string_view::npos) {
    return std::unexpected(fmt::format("{}; an IPv6 address is written in brackets", kListenForm));
  }
  if (bracketed) host = host.substr(1, host.size() - 2);
  if (const std::optional<IpAddress> ip = IpAddress::parse(host)) return SocketAddress(*ip, *port);
  if (bracketed) return std::unexpected(fmt::format("{}; '{}' is not an IPv6 address", kListenForm, host));

  auto ip = resolve_one(std::string(host));
  if (!ip) return std::unexpected(std::move(ip.error()));
  return SocketAddress(*ip, *port);
}

std::expected<std::vector<IpAddress>, std::string> resolve(const std::string& host) {
  if (const std::optional<IpAddress> literal = IpAddress::parse(host)) return std::vector{*literal};
  addrinfo hints{};
  hints.ai_family = AF_UNSPEC;
  hints.ai_socktype = SOCK_STREAM;
  addrinfo* found = nullptr;
  if (const int error = getaddrinfo(host.c_str(), nullptr, &hints, &found); error != 0) {
    const char* reason = error == EAI_SYSTEM ? strerrordesc_np(errno) : gai_strerror(error);
    return std::unexpected(fmt::format("cannot resolve host '{}': {}", host, reason));
  }
  const std::unique_ptr<addrinfo, decltype(&freeaddrinfo)> owner(found, &freeaddrinfo);
  std::vector<IpAddress> addresses;
  for (const addrinfo* entry = found; entry != nullptr; entry = entry->ai_next) {
    const IpAddress ip = SocketAddress::from_native(entry->ai_addr, entry->ai_addrlen).ip();
    if (std::ranges::find(addresses, ip) == addresses.end()) addresses.push_back(ip);
  }
  if (addresses.empty()) return std::unexpected(fmt::format("host '{}' has no address", host));
  return addresses;
}

}  // namespace limpet::net
