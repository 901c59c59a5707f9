#pragma once

#include <cstdint>
#include <expected>
#include <memory>
#include <string>
#include <vector>

#include "config/model/dynamic.h"
#include "http/forwarded.h"
#include "net/address.h"
#include "proxy/middleware.h"

namespace limpet::proxy {

/// ipAllowList: refuses clients whose address is in none of the ranges, and those whose address is not known
/// (an ipStrategy without a trusted X-Forwarded-For that is long enough).
class IpAllowList final : public Middleware {
 public:
  /// Fails with a sentence if the settings are not usable.
  [[nodiscard]] static std::expected<std::shared_ptr<Middleware>, std::string> make(
      const config::IpAllowList& settings);
  IpAllowList(std::vector<net::IpRange> allowed, http::ClientAddressRule rule, std::uint16_t reject_status)
      : allowed_(std::move(allowed)), rule_(std::move(rule)), reject_status_(reject_status) {}
  [[nodiscard]] Verdict on_request(RequestContext& context) override;

 private:
  std::vector<net::IpRange> allowed_;
  http::ClientAddressRule rule_;
  std::uint16_t reject_status_;
};

}  // namespace limpet::proxy
