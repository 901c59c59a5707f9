#pragma once

#include <netinet/in.h>

#include <cstdint>
#include <expected>
#include <string>
#include <string_view>

#include "wire/descriptor.h"

namespace limpet::bench {

/// Reads "a.b.c.d:port". The error is a sentence for the user.
[[nodiscard]] std::expected<sockaddr_in, std::string> parse_endpoint(std::string_view text);

/// A non-blocking listening socket with SO_REUSEADDR and, so that several processes can share the port,
/// SO_REUSEPORT.
[[nodiscard]] std::expected<Descriptor, std::string> listen_on(const sockaddr_in& address);

/// Starts a non-blocking connect with TCP_NODELAY set. `source` is an IPv4 address in host byte order; its
/// port is chosen by the kernel at connect time (IP_BIND_ADDRESS_NO_PORT), so each source has a whole port
/// range per target. The error is an errno value.
[[nodiscard]] std::expected<Descriptor, int> start_connect(const sockaddr_in& target, std::uint32_t source);

/// The result of a connect that epoll reports as writable: 0 or an errno value.
[[nodiscard]] int connect_result(int fd);

/// Sets TCP_NODELAY; failures are harmless and ignored.
void disable_nagle(int fd);

/// Raises the soft limit of descriptors to the hard limit and returns it.
std::uint64_t raise_descriptor_limit();

/// CLOCK_MONOTONIC in nanoseconds.
[[nodiscard]] std::int64_t now_ns();

}  // namespace limpet::bench
