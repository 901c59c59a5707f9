#pragma once

#include <cstdint>
#include <expected>
#include <string>
#include <vector>

#include "config/model/static.h"
#include "http/head.h"
#include "net/address.h"

namespace limpet::proxy {

/// An entry point as the data path sees it: settings made ready to use. Immutable after start; shared by all
/// threads.
struct EntryPoint {
  std::string name;
  config::EntryPoint settings;
  std::uint32_t index = 0;                      ///< position among the entry points, for metrics
  std::vector<net::IpRange> forwarded_trusted;  ///< whose X-Forwarded-* are believed
  bool forwarded_insecure = false;              ///< everyone's
  std::vector<net::IpRange> proxy_trusted;      ///< who may send a PROXY header
  bool proxy_protocol = false;
  bool proxy_insecure = false;
  http::HeadLimits limits;
  std::uint16_t port = 0;  ///< the real one, for X-Forwarded-Port
};

/// Makes an entry point ready to use. Fails with a sentence on an address range that can't be read.
[[nodiscard]] std::expected<EntryPoint, std::string> prepare_entry_point(const std::string& name,
                                                                         const config::EntryPoint& settings);

}  // namespace limpet::proxy
