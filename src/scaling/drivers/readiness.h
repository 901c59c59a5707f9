#pragma once

#include <string>

#include "net/address.h"
#include "net/reactor.h"
#include "net/task.h"

namespace limpet::scaling {

/// Asks a starting server once whether it takes users yet: whether `path` of its `url` answers with 2xx or
/// 3xx or, if the path is empty, whether it takes a TCP connection. Gives up after some seconds.
[[nodiscard]] net::Task<bool> answers(net::Reactor& reactor, net::SocketAddress address, std::string url,
                                      std::string path);

}  // namespace limpet::scaling
