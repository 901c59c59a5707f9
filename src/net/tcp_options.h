#pragma once

namespace limpet::net {

/// Sets what every TCP socket of ours has, and sockets accepted on it inherit: small writes go out at once,
/// and a peer that has vanished without a word (a phone out of reach, a machine without power) is noticed by
/// keep-alive probes within two minutes. A tunnel has no other way to find out: without an idle timeout it
/// would keep its seat for ever.
void set_tcp_options(int fd) noexcept;

}  // namespace limpet::net
