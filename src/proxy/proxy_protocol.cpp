#include "proxy/proxy_protocol.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <cstdint>
#include <system_error>

namespace limpet::proxy {
namespace {

using Result = std::expected<std::optional<ProxyHeader>, std::string>;

constexpr std::string_view kLineStart = "PROXY ";
constexpr std::string_view kSignature("\r\n\r\n\0\r\nQUIT\n", 12);
constexpr std::size_t kFixedSize = 16;
constexpr std::size_t kUnixAddresses = 216;

Result failed(std::string_view reason) {
  return std::unexpected(std::string(reason));
}

/// Whether one text begins with the other.
bool agree(std::string_view a, std::string_view b) {
  const std::size_t shared = std::min(a.size(), b.size());
  return a.substr(0, shared) == b.substr(0, shared);
}

// Version 1

/// Takes the text up to the next space off the line; the space goes with it.
std::string_view take_word(std::string_view& line) {
  const std::size_t space = std::min(line.find(' '), line.size());
  const std::string_view word = line.substr(0, space);
  line.remove_prefix(std::min(space + 1, line.size()));
  return word;
}

std::optional<std::uint16_t> read_port(std::string_view text) {
  if (text.size() > 1 && text.front() == '0') return std::nullopt;
  std::uint16_t port = 0;
  const char* end = text.data() + text.size();
  const auto [rest, error] = std::from_chars(text.data(), end, port);
  if (error != std::errc{} || rest != end) return std::nullopt;
  return port;
}

std::optional<net::IpAddress> read_ip(std::string_view text, bool v6) {
  if ((text.find(':') != std::string_view::npos) != v6) return std::nullopt;
  return net::IpAddress::parse(text);
}

/// Reads "192.168.0.1 192.168.0.11 56324 443".
Result read_tcp_line(std::string_view rest, bool v6, std::size_t bytes) {
  const bool ends_with_space = rest.ends_with(' ');
  const auto source = read_ip(take_word(rest), v6);
  const auto destination = read_ip(take_word(rest), v6);
  if (!source || !destination) {
    return failed(v6 ? "expected two IPv6 addresses after TCP6" : "expected two IPv4 addresses after TCP4");
  }
  const auto source_port = read_port(take_word(rest));
  const auto destination_port = read_port(take_word(rest));
  if (!source_port || !destination_port || !rest.empty() || ends_with_space) {
    return failed("expected two ports from 0 to 65535 at the end of the line");
  }
  return ProxyHeader{bytes, net::SocketAddress(*source, *source_port),
                     net::SocketAddress(*destination, *destination_port)};
}

/// Reads what stands between "PROXY " and the line's end.
Result read_line(std::string_view line, std::size_t bytes) {
  const std::string_view family = take_word(line);
  if (family == "UNKNOWN") return ProxyHeader{bytes, std::nullopt, std::nullopt};
  if (family == "TCP4" || family == "TCP6") return read_tcp_line(line, family == "TCP6", bytes);
  return failed("expected TCP4, TCP6 or UNKNOWN after PROXY");
}

Result read_version_1(std::string_view buffer) {
  const std::string_view window = buffer.substr(0, kMaxProxyLine);
  const std::size_t end = window.find_first_of("\r\n");
  if (end == std::string_view::npos) {
    if (window.size() == kMaxProxyLine) return failed("the line is longer than 107 bytes");
    return std::nullopt;
  }
  if (end + 1 == kMaxProxyLine) return failed("the line is longer than 107 bytes");
  if (window[end] == '\n') return failed("the line ends without a carriage return");
  if (end + 1 == window.size()) return std::nullopt;
  if (window[end + 1] != '\n') return failed("the line has a carriage return before its end");
  return read_line(window.substr(kLineStart.size(), end - kLineStart.size()), end + 2);
}

// Version 2

std::uint8_t byte_at(std::string_view bytes, std::size_t at) {
  return static_cast<std::uint8_t>(bytes[at]);
}

std::uint16_t read_u16(std::string_view bytes, std::size_t at) {
  return static_cast<std::uint16_t>(byte_at(bytes, at) << 8U | byte_at(bytes, at + 1));
}

std::uint32_t read_u32(std::string_view bytes, std::size_t at) {
  return static_cast<std::uint32_t>(read_u16(bytes, at)) << 16U | read_u16(bytes, at + 2);
}

net::IpAddress read_v6(std::string_view bytes, std::size_t at) {
  std::array<std::uint8_t, 16> address{};
  for (std::size_t i = 0; i < address.size(); ++i) address[i] = byte_at(bytes, at + i);
  return net::IpAddress::from_v6(address);
}

ProxyHeader header_of_v4(std::string_view addresses, std::size_t bytes) {
  return {bytes, net::SocketAddress(net::IpAddress::from_v4(read_u32(addresses, 0)), read_u16(addresses, 8)),
          net::SocketAddress(net::IpAddress::from_v4(read_u32(addresses, 4)), read_u16(addresses, 10))};
}

ProxyHeader header_of_v6(std::string_view addresses, std::size_t bytes) {
  return {bytes, net::SocketAddress(read_v6(addresses, 0), read_u16(addresses, 32)),
          net::SocketAddress(read_v6(addresses, 16), read_u16(addresses, 34))};
}

enum Family : std::uint8_t { kUnspecified = 0, kInet = 1, kInet6 = 2, kUnix = 3 };
enum Transport : std::uint8_t { kNoTransport = 0, kStream = 1, kDatagram = 2 };

/// How many bytes of addresses a family has; 0 if the addresses are not to be looked at.
std::size_t size_of_addresses(std::uint8_t family) {
  switch (family) {
    case kInet:
      return 12;
    case kInet6:
      return 36;
    case kUnix:
      return kUnixAddresses;
    default:
      return 0;
  }
}

Result read_version_2(std::string_view buffer) {
  constexpr std::size_t kCommandAt = 12;
  constexpr std::size_t kFamilyAt = 13;
  constexpr std::size_t kLengthAt = 14;
  if (buffer.size() <= kCommandAt) return std::nullopt;
  const std::uint8_t command = byte_at(buffer, kCommandAt);
  if (command != 0x20 && command != 0x21) return failed("expected version 2 and the command LOCAL or PROXY");
  const bool local = command == 0x20;

  if (buffer.size() <= kFamilyAt) return std::nullopt;
  const auto family = static_cast<std::uint8_t>(byte_at(buffer, kFamilyAt) >> 4U);
  const auto transport = static_cast<std::uint8_t>(byte_at(buffer, kFamilyAt) & 0x0fU);
  if (!local && (family > kUnix || transport > kDatagram)) return failed("the address family is unknown");

  if (buffer.size() < kFixedSize) return std::nullopt;
  const std::size_t length = read_u16(buffer, kLengthAt);
  const std::size_t bytes = kFixedSize + length;
  if (bytes > kMaxProxyHeader) return failed("it is longer than 4096 bytes");
  const bool has_addresses = !local && transport != kNoTransport;
  if (has_addresses && length < size_of_addresses(family)) return failed("it is too short for its addresses");
  if (buffer.size() < bytes) return std::nullopt;

  const std::string_view addresses = buffer.substr(kFixedSize, length);
  if (!local && transport == kStream && family == kInet) return header_of_v4(addresses, bytes);
  if (!local && transport == kStream && family == kInet6) return header_of_v6(addresses, bytes);
  return ProxyHeader{bytes, std::nullopt, std::nullopt};
}

}  // namespace

bool may_begin_proxy_header(std::string_view buffer) noexcept {
  return agree(buffer, kSignature) || agree(buffer, kLineStart);
}

Result parse_proxy_header(std::string_view buffer) {
  if (agree(buffer, kSignature))
    return buffer.size() < kSignature.size() ? Result(std::nullopt) : read_version_2(buffer);
  if (!agree(buffer, kLineStart)) return failed("the connection does not begin with one");
  return buffer.size() < kLineStart.size() ? Result(std::nullopt) : read_version_1(buffer);
}

}  // namespace limpet::proxy
