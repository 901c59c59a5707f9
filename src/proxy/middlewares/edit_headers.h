#pragma once

#include <expected>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "config/model/dynamic.h"
#include "proxy/middleware.h"

namespace limpet::proxy {

/// headers: sets, replaces and removes fields of requests and responses, answers CORS preflight requests and
/// adds the Access-Control fields to responses. Several in one chain: the last one decides about a request's
/// field and the first one about a response's, as in Traefik, where responses pass them backwards. Fields
/// that frame a message (Content-Length, Connection and their kind) are Limpet's own; setting one has no
/// effect and is logged once.
class EditHeaders final : public Middleware {
 public:
  /// Fails with a sentence if the settings are not usable.
  [[nodiscard]] static std::expected<std::shared_ptr<Middleware>, std::string> make(
      const config::Headers& settings);
  /// `settings` are checked.
  explicit EditHeaders(const config::Headers& settings);
  [[nodiscard]] Verdict on_request(RequestContext& context) override;

 private:
  [[nodiscard]] Answer preflight_answer(std::string_view origin) const;
  [[nodiscard]] std::string_view allowed_origin(std::string_view origin) const;

  FieldEdits::Fields request_fields_;
  FieldEdits::Fields response_fields_;   // without the one that depends on the origin
  FieldEdits::Fields preflight_fields_;  // likewise
  std::vector<std::string> allowed_origins_;
  bool access_control_;
  bool vary_;
};

}  // namespace limpet::proxy
