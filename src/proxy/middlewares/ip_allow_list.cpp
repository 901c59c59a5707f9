#include "proxy/middlewares/ip_allow_list.h"

#include <fmt/format.h>

#include "base/text.h"
#include "proxy/middlewares/plain_answer.h"
#include "proxy/middlewares/source_key.h"

namespace limpet::proxy {

std::expected<std::shared_ptr<Middleware>, std::string> IpAllowList::make(
    const config::IpAllowList& settings) {
  if (settings.source_range.empty()) {
    return std::unexpected(
        "ipAllowList.sourceRange is empty, expected addresses or ranges such as 10.0.0.0/8");
  }
  std::vector<net::IpRange> allowed;
  for (const std::string& text : settings.source_range) {
    const auto range = net::IpRange::parse(base::trim(text));
    if (!range) {
      return std::unexpected(fmt::format(
          "ipAllowList.sourceRange holds \"{}\", expected an address or a range such as 10.0.0.0/8", text));
    }
    allowed.push_back(*range);
  }
  auto rule = address_rule_from("ipAllowList", settings.ip_strategy.value_or(config::IpStrategy{}));
  if (!rule) return std::unexpected(std::move(rule.error()));
  if (settings.reject_status_code < 400 || settings.reject_status_code > 599) {
    return std::unexpected(
        fmt::format("ipAllowList.rejectStatusCode is {}, expected a status from 400 to 599",
                    settings.reject_status_code));
  }
  return std::make_shared<IpAllowList>(std::move(allowed), std::move(*rule),
                                       static_cast<std::uint16_t>(settings.reject_status_code));
}

Verdict IpAllowList::on_request(RequestContext& context) {
  const auto address = client_address(rule_, context);
  if (address && net::contains(allowed_, *address)) return Continue{};
  return plain_answer(reject_status_);
}

}  // namespace limpet::proxy
