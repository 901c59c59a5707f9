#pragma once

#include <expected>
#include <functional>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "apis/http_client.h"
#include "net/address.h"

namespace limpet::apis {

/// Finds the addresses of a host name. Fails with a sentence.
using FindHost =
    std::function<std::expected<std::vector<net::IpAddress>, std::string>(const std::string& host)>;

/// What HttpExchange::open() needs to send JSON to a webhook.
struct JsonPost {
  std::vector<net::SocketAddress> addresses;
  HttpRequest request;
};

/// A POST of `body`, which is JSON, to an http:// URL with these fields besides. Fails with a sentence. As
/// `find_host`, it may block or not.
[[nodiscard]] std::expected<JsonPost, std::string> json_post(std::string_view url,
                                                             const std::map<std::string, std::string>& fields,
                                                             std::string body, const FindHost& find_host);

}  // namespace limpet::apis
