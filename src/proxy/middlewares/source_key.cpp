#include "proxy/middlewares/source_key.h"

#include <fmt/format.h>

#include <algorithm>
#include <ranges>

#include "base/text.h"
#include "http/syntax.h"

namespace limpet::proxy {
namespace {

/// "10.0.0.1" of "10.0.0.1:80", "::1" of "[::1]:80" and "[::1]", "fe80::1" of "fe80::1%eth0".
std::string_view address_part(std::string_view entry) {
  if (entry.starts_with('[')) {
    entry.remove_prefix(1);
    entry = entry.substr(0, entry.find(']'));
  } else if (std::ranges::count(entry, ':') == 1) {
    entry = entry.substr(0, entry.find(':'));
  }
  return entry.substr(0, entry.find('%'));
}

bool is_remote(const http::ClientAddressRule& rule) {
  return rule.depth == 0 && rule.excluded.empty();
}

std::string_view forwarded_entry(const http::ClientAddressRule& rule, const RequestContext& context) {
  http::ForwardedInput input;
  input.trusted = !context.forwarded_for.empty();
  return http::client_address(rule, context.head->fields, input);
}

std::string_view bytes_of(const net::IpAddress& address, std::string& scratch) {
  scratch.assign(address.bytes().begin(), address.bytes().end());
  return scratch;
}

}  // namespace

std::optional<std::string_view> request_field(const RequestContext& context, std::string_view name) {
  const auto same_name = [name](const auto& field) { return base::iequals(field.first, name); };
  const FieldEdits& edits = context.request_edits;
  const auto set = std::ranges::find_if(edits.sets() | std::views::reverse, same_name);
  if (set != edits.sets().rend() && !set->second.empty()) return set->second;
  if (set == edits.sets().rend()) {
    if (const auto value = context.head->find(name)) return value;
  }
  const auto added = std::ranges::find_if(edits.adds(), same_name);
  if (added != edits.adds().end()) return added->second;
  return std::nullopt;
}

std::expected<http::ClientAddressRule, std::string> address_rule_from(std::string_view setting,
                                                                      const config::IpStrategy& strategy) {
  http::ClientAddressRule rule;
  rule.depth = strategy.depth;
  for (const std::string& text : strategy.excluded_ips) {
    const auto range = net::IpRange::parse(base::trim(text));
    if (!range) {
      return std::unexpected(fmt::format(
          "{}.ipStrategy.excludedIPs holds \"{}\", expected an address or a range such as 10.0.0.0/8",
          setting, text));
    }
    rule.excluded.push_back(*range);
  }
  return rule;
}

std::optional<net::IpAddress> client_address(const http::ClientAddressRule& rule,
                                             const RequestContext& context) {
  if (is_remote(rule)) return context.client;
  return net::IpAddress::parse(address_part(forwarded_entry(rule, context)));
}

std::expected<SourceKey, std::string> SourceKey::make(std::string_view setting,
                                                      const std::optional<config::SourceCriterion>& criterion,
                                                      Default otherwise) {
  const std::string key = fmt::format("{}.sourceCriterion", setting);
  const int given = criterion ? static_cast<int>(criterion->ip_strategy.has_value()) +
                                    static_cast<int>(!criterion->request_header_name.empty()) +
                                    static_cast<int>(criterion->request_host)
                              : 0;
  if (given > 1) {
    return std::unexpected(fmt::format(
        "{} has {} criteria, expected one of ipStrategy, requestHeaderName and requestHost", key, given));
  }
  if (given == 0) {
    return otherwise == Default::kHost ? SourceKey(Host{}) : SourceKey(http::ClientAddressRule{});
  }
  if (criterion->request_host) return SourceKey(Host{});
  if (criterion->ip_strategy) {
    auto rule = address_rule_from(key, *criterion->ip_strategy);
    if (!rule) return std::unexpected(std::move(rule.error()));
    return SourceKey(std::move(*rule));
  }
  if (!http::is_token(criterion->request_header_name)) {
    return std::unexpected(
        fmt::format("{}.requestHeaderName is \"{}\", expected a header name such as X-User", key,
                    criterion->request_header_name));
  }
  return SourceKey(FieldName{criterion->request_header_name});
}

std::string_view SourceKey::of(const RequestContext& context, std::string& scratch) const {
  if (std::holds_alternative<Host>(kind_)) return context.host;
  if (const auto* field = std::get_if<FieldName>(&kind_)) {
    return request_field(context, field->name).value_or(std::string_view());
  }
  const auto& rule = std::get<http::ClientAddressRule>(kind_);
  if (is_remote(rule)) return bytes_of(context.client, scratch);
  const std::string_view entry = forwarded_entry(rule, context);
  const auto address = net::IpAddress::parse(address_part(entry));
  return address ? bytes_of(*address, scratch) : entry;
}

}  // namespace limpet::proxy
