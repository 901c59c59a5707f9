#include "proxy/entry_point.h"

#include <fmt/format.h>

#include <utility>

namespace limpet::proxy {
namespace {

std::expected<std::vector<net::IpRange>, std::string> parse_ranges(const std::string& key,
                                                                   const std::vector<std::string>& texts) {
  std::vector<net::IpRange> ranges;
  for (const std::string& text : texts) {
    const auto range = net::IpRange::parse(text);
    if (!range) {
      return std::unexpected(
          fmt::format("{}: expected an IP address or a range such as 10.0.0.0/8, not '{}'", key, text));
    }
    ranges.push_back(*range);
  }
  return ranges;
}

}  // namespace

std::expected<EntryPoint, std::string> prepare_entry_point(const std::string& name,
                                                           const config::EntryPoint& settings) {
  EntryPoint point;
  point.name = name;
  point.settings = settings;
  const std::string key = "entryPoints." + name;
  auto trusted = parse_ranges(key + ".forwardedHeaders.trustedIPs", settings.forwarded_headers.trusted_ips);
  if (!trusted) return std::unexpected(std::move(trusted.error()));
  point.forwarded_trusted = std::move(*trusted);
  point.forwarded_insecure = settings.forwarded_headers.insecure;
  if (settings.proxy_protocol) {
    auto senders = parse_ranges(key + ".proxyProtocol.trustedIPs", settings.proxy_protocol->trusted_ips);
    if (!senders) return std::unexpected(std::move(senders.error()));
    point.proxy_trusted = std::move(*senders);
    point.proxy_protocol = true;
    point.proxy_insecure = settings.proxy_protocol->insecure;
  }
  point.limits = {.max_bytes = settings.max_head_bytes, .max_fields = settings.max_head_fields};
  return point;
}

}  // namespace limpet::proxy
