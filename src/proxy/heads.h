#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "http/forwarded.h"
#include "http/head.h"
#include "proxy/middleware.h"

/// The heads Limpet writes: always anew, field by field, with framing and connection fields of its own.
namespace limpet::proxy {

/// Appends the head of a request as the server gets it.
/// `host` is what Host says, `path_prefix` comes before the context's path, `upgrade` is the Upgrade token to
/// ask for (empty: none).
struct ServerRequest {
  const RequestContext* context = nullptr;
  http::ForwardedInput forwarded;
  std::string_view host;
  std::string_view path_prefix;
  std::string_view upgrade;
};
void compose_request_head(std::string& out, const ServerRequest& request);

/// Appends the head of a server's answer as the client gets it.
struct ClientResponse {
  const http::ResponseHead* head = nullptr;
  const FieldEdits* edits = nullptr;
  const std::vector<std::string>* cookies = nullptr;  ///< Set-Cookie values to add
  http::Framing framing;                              ///< as the client gets the body
  bool close = false;                                 ///< say "Connection: close"
  bool keep_alive_1_0 = false;                        ///< say "Connection: keep-alive" to an HTTP/1.0 client
  std::string_view upgrade;                           ///< the Upgrade token of a 101
  bool keep_length = false;  ///< pass Content-Length on although there is no body: HEAD, 304
};
void compose_response_head(std::string& out, const ClientResponse& response);

}  // namespace limpet::proxy
