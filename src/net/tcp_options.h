#pragma once

#include "net/address.h"

namespace limpet::net {

/// Sets what every TCP socket of ours has, and sockets accepted on it inherit: small writes go out at once,
/// and a peer that has vanished without a word (a phone out of reach, a machine without power) is noticed by
/// keep-alive probes within two minutes. A tunnel has no other way to find out: without an idle timeout it
/// would keep its seat for ever.
///
/// `address` is the peer's, or the one to listen on. Over the loopback nothing is probed: the kernel itself
/// closes what a dead process leaves behind, and it loses probes of many thousand idle sockets that come due
/// in one moment, until it takes living peers for dead.
void set_tcp_options(int fd, const SocketAddress& address) noexcept;

}  // namespace limpet::net
