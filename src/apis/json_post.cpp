#include "apis/json_post.h"

#include <fmt/format.h>

#include <utility>

#include "base/text.h"
#include "http/url.h"

namespace limpet::apis {

std::expected<JsonPost, std::string> json_post(std::string_view url,
                                               const std::map<std::string, std::string>& fields,
                                               std::string body, const FindHost& find_host) {
  const auto target = http::parse_server_url(url);
  if (!target) return std::unexpected(fmt::format("its address is not {}", target.error().expected));
  JsonPost post;
  if (const auto literal = net::IpAddress::parse(target->host)) {
    post.addresses.emplace_back(*literal, target->port);
  } else if (const auto found = find_host(target->host)) {
    for (const net::IpAddress& address : *found) post.addresses.emplace_back(address, target->port);
  } else {
    return std::unexpected(found.error());
  }
  post.request = {.method = "POST",
                  .target = target->path,
                  .host = target->authority,
                  .fields = {{"Content-Type", "application/json"}},
                  .body = std::move(body)};
  for (const auto& [name, value] : fields) {
    if (!base::iequals(name, "Content-Type")) post.request.fields.emplace_back(name, value);
  }
  return post;
}

}  // namespace limpet::apis
