#include "proxy/middlewares/edit_headers.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <array>
#include <iterator>
#include <map>

#include "base/log.h"
#include "base/text.h"
#include "http/syntax.h"

namespace limpet::proxy {
namespace {

std::expected<void, std::string> check_fields(std::string_view setting,
                                              const std::map<std::string, std::string>& fields) {
  for (const auto& [name, value] : fields) {
    if (!http::is_token(name)) {
      return std::unexpected(fmt::format(
          "headers.{} names \"{}\", expected a header name such as X-Frame-Options", setting, name));
    }
    if (!http::is_field_value(value)) {
      return std::unexpected(
          fmt::format("headers.{}.{} holds a control character, expected one line of text", setting, name));
    }
  }
  return {};
}

std::expected<void, std::string> check_list(std::string_view setting, const std::vector<std::string>& items,
                                            bool tokens) {
  for (const std::string& item : items) {
    if (tokens ? item == "*" || http::is_token(item) : http::is_field_value(item)) continue;
    return std::unexpected(
        fmt::format("headers.{} holds \"{}\", expected {}", setting, item,
                    tokens ? "names without blanks, or *" : "origins such as https://example.com"));
  }
  return {};
}

FieldEdits::Fields settable(std::string_view setting, const std::map<std::string, std::string>& fields) {
  FieldEdits::Fields kept;
  for (const auto& [name, value] : fields) {
    if (frames_messages(name)) {
      base::log_warn("headers.{}.{} has no effect: this header is set by Limpet itself", setting, name);
      continue;
    }
    if (value.empty() && base::iequals(name, "Host")) continue;
    kept.emplace_back(name, base::trim(value));
  }
  return kept;
}

bool has_access_control(const config::Headers& settings) {
  return settings.access_control_allow_credentials || !settings.access_control_allow_headers.empty() ||
         !settings.access_control_allow_methods.empty() ||
         !settings.access_control_allow_origin_list.empty() ||
         !settings.access_control_expose_headers.empty() || settings.access_control_max_age != 0 ||
         settings.add_vary_header;
}

}  // namespace

std::expected<std::shared_ptr<Middleware>, std::string> EditHeaders::make(const config::Headers& settings) {
  const std::array checks = {
      check_fields("customRequestHeaders", settings.custom_request_headers),
      check_fields("customResponseHeaders", settings.custom_response_headers),
      check_list("accessControlAllowMethods", settings.access_control_allow_methods, true),
      check_list("accessControlAllowHeaders", settings.access_control_allow_headers, true),
      check_list("accessControlExposeHeaders", settings.access_control_expose_headers, true),
      check_list("accessControlAllowOriginList", settings.access_control_allow_origin_list, false)};
  for (const auto& check : checks) {
    if (!check) return std::unexpected(check.error());
  }
  for (const auto& [name, value] : settings.custom_request_headers) {
    if (base::iequals(name, "Host") && !value.empty() && !http::is_authority(value)) {
      return std::unexpected(
          fmt::format("headers.customRequestHeaders.{} is \"{}\", expected a host such as example.com or "
                      "example.com:8080",
                      name, value));
    }
  }
  return std::make_shared<EditHeaders>(settings);
}

EditHeaders::EditHeaders(const config::Headers& settings)
    : request_fields_(settable("customRequestHeaders", settings.custom_request_headers)),
      allowed_origins_(settings.access_control_allow_origin_list),
      access_control_(has_access_control(settings)),
      vary_(settings.add_vary_header) {
  constexpr std::string_view kCredentials = "Access-Control-Allow-Credentials";
  const auto joined = [](const std::vector<std::string>& items) {
    return fmt::format("{}", fmt::join(items, ","));
  };
  if (settings.access_control_allow_credentials) {
    response_fields_.emplace_back(kCredentials, "true");
    preflight_fields_.emplace_back(kCredentials, "true");
  }
  if (!settings.access_control_expose_headers.empty()) {
    response_fields_.emplace_back("Access-Control-Expose-Headers",
                                  joined(settings.access_control_expose_headers));
  }
  if (!settings.access_control_allow_headers.empty()) {
    preflight_fields_.emplace_back("Access-Control-Allow-Headers",
                                   joined(settings.access_control_allow_headers));
  }
  if (!settings.access_control_allow_methods.empty()) {
    preflight_fields_.emplace_back("Access-Control-Allow-Methods",
                                   joined(settings.access_control_allow_methods));
  }
  preflight_fields_.emplace_back("Access-Control-Max-Age",
                                 fmt::format("{}", settings.access_control_max_age));
  // The first one counts, and access control comes before custom fields.
  std::ranges::move(settable("customResponseHeaders", settings.custom_response_headers),
                    std::back_inserter(response_fields_));
}

Verdict EditHeaders::on_request(RequestContext& context) {
  const http::RequestHead& head = *context.head;
  const std::string_view origin = head.find(http::FieldId::kOrigin).value_or(std::string_view());
  if (access_control_ && head.method == http::Method::kOptions && !origin.empty() &&
      !head.find("Access-Control-Request-Method").value_or(std::string_view()).empty()) {
    return preflight_answer(origin);
  }

  for (const auto& [name, value] : request_fields_) context.request_edits.set(name, value);
  const auto set_response = [&edits = context.response_edits](std::string_view name, std::string_view value) {
    if (!edits.hides(name)) edits.set(name, value);
  };
  if (const std::string_view allowed = allowed_origin(origin); !allowed.empty()) {
    set_response("Access-Control-Allow-Origin", allowed);
  }
  for (const auto& [name, value] : response_fields_) set_response(name, value);
  if (vary_) context.response_edits.add("Vary", "Origin");
  return Continue{};
}

Answer EditHeaders::preflight_answer(std::string_view origin) const {
  Answer answer;
  answer.fields = preflight_fields_;
  if (const std::string_view allowed = allowed_origin(origin); !allowed.empty()) {
    answer.fields.emplace_back("Access-Control-Allow-Origin", allowed);
  }
  return answer;
}

std::string_view EditHeaders::allowed_origin(std::string_view origin) const {
  const auto found = std::ranges::find_if(
      allowed_origins_, [origin](const std::string& allowed) { return allowed == "*" || allowed == origin; });
  return found == allowed_origins_.end() ? std::string_view() : std::string_view(*found);
}

}  // namespace limpet::proxy
