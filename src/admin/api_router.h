#pragma once

#include <span>
#include <string>
#include <string_view>

#include "admin/state.h"
#include "routing/internal.h"

/// Which function answers which path of the API.
namespace limpet::admin {

/// A request that has found its endpoint.
struct ApiCall {
  const routing::InternalRequest& request;
  ControlState& state;
  std::string name;         ///< what stands for "{name}" in the endpoint's path, decoded
  std::string second_name;  ///< the same for "{key}"
};

/// One path of the API and what answers it.
struct ApiEndpoint {
  std::string_view method;  ///< "GET" (HEAD is answered likewise), "POST" or "DELETE"
  std::string_view path;    ///< "/api/http/routers/{name}"
  routing::InternalAnswer (*answer)(const ApiCall& call) = nullptr;
  /// Instead of `answer`: replies when what was asked for is done, perhaps later and on another thread.
  void (*answer_later)(const ApiCall& call, routing::InternalHandler::Reply reply) = nullptr;
};

/// All of them.
[[nodiscard]] std::span<const ApiEndpoint> api_endpoints();

/// The answer to a request for `path`, which begins with "/api" whatever the base path is: 404 for an unknown
/// path, 405 for a method that it does not have.
void answer_api(const routing::InternalRequest& request, std::string_view path, ControlState& state,
                routing::InternalHandler::Reply reply);

}  // namespace limpet::admin
