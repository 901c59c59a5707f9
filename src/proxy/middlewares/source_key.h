#pragma once

#include <cstdint>
#include <expected>
#include <optional>
#include <string>
#include <string_view>
#include <variant>

#include "config/model/dynamic.h"
#include "http/forwarded.h"
#include "proxy/middleware.h"

/// Who a request comes from, as ipAllowList, rateLimit and inFlightReq see it.
namespace limpet::proxy {

/// The value of a request's field as the server will see it, so far: earlier middlewares may have set or
/// removed it.
[[nodiscard]] std::optional<std::string_view> request_field(const RequestContext& context,
                                                            std::string_view name);

/// Reads an ipStrategy; fails with a sentence that begins with the setting's name.
[[nodiscard]] std::expected<http::ClientAddressRule, std::string> address_rule_from(
    std::string_view setting, const config::IpStrategy& strategy);

/// The client's address by a rule. A port beside an address in X-Forwarded-For and a zone are passed over.
/// Nothing if X-Forwarded-For is not trusted, lacks such an entry, or the entry is no address.
[[nodiscard]] std::optional<net::IpAddress> client_address(const http::ClientAddressRule& rule,
                                                           const RequestContext& context);

/// A sourceCriterion, compiled.
class SourceKey {
 public:
  enum class Default : std::uint8_t { kAddress, kHost };
  /// Fails with a sentence if more than one criterion is given or one is malformed. `setting` is the
  /// middleware's name.
  [[nodiscard]] static std::expected<SourceKey, std::string> make(
      std::string_view setting, const std::optional<config::SourceCriterion>& criterion, Default otherwise);
  /// The key of a request. A view of the request and its edits, or of `scratch`. All that have no source
  /// share the empty key.
  [[nodiscard]] std::string_view of(const RequestContext& context, std::string& scratch) const;

 private:
  struct Host {};
  struct FieldName {
    std::string name;
  };
  using Kind = std::variant<Host, FieldName, http::ClientAddressRule>;
  explicit SourceKey(Kind kind) : kind_(std::move(kind)) {}
  Kind kind_;
};

}  // namespace limpet::proxy
