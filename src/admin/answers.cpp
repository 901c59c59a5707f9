#include "admin/answers.h"

#include <utility>

#include "base/text.h"
#include "http/cookie.h"

namespace limpet::admin {

routing::InternalAnswer json_answer(const Json& body, std::uint16_t status) {
  routing::InternalAnswer answer;
  answer.status = status;
  answer.fields = {{"Content-Type", "application/json"},
                   {"Cache-Control", "no-store"},
                   {"X-Content-Type-Options", "nosniff"}};
  answer.body = body.dump(-1, ' ', false, Json::error_handler_t::replace);
  answer.body += '\n';
  return answer;
}

routing::InternalAnswer error_answer(std::uint16_t status, std::string_view message) {
  return json_answer(Json{{"message", message}}, status);
}

routing::InternalAnswer method_not_allowed(std::string_view allowed) {
  routing::InternalAnswer answer = error_answer(405, "method not allowed");
  answer.fields.emplace_back("Allow", allowed);
  return answer;
}

routing::InternalAnswer text_answer(std::uint16_t status, std::string body) {
  routing::InternalAnswer answer;
  answer.status = status;
  answer.fields = {{"Content-Type", "text/plain; charset=utf-8"}, {"Cache-Control", "no-store"}};
  answer.body = std::move(body);
  return answer;
}

std::optional<std::string_view> find_field(const routing::InternalRequest& request,
                                           std::string_view name) noexcept {
  for (const auto& [key, value] : request.fields) {
    if (base::iequals(key, name)) return value;
  }
  return std::nullopt;
}

bool only_reads(const routing::InternalRequest& request) noexcept {
  return request.method == "GET" || request.method == "HEAD";
}

std::string query_value(const routing::InternalRequest& request, std::string_view name) {
  const auto value = http::find_query(request.query, name);
  return value ? http::percent_decode(*value, true) : std::string();
}

}  // namespace limpet::admin
