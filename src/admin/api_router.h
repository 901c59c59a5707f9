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
  std::string name;  ///< what stands for "{name}" in the endpoint's path, decoded
};

/// One path of the API and what answers it.
struct ApiEndpoint {
  std::string_view method;  ///< "GET" (HEAD is answered likewise) or "POST"
  std::string_view path;    ///< "/api/http/routers/{name}"
  routing::InternalAnswer (*answer)(const ApiCall& call) = nullptr;
};

/// All of them.
[[nodiscard]] std::span<const ApiEndpoint> api_endpoints();

/// The answer to a request for `path`, which begins with "/api" whatever the base path is: 404 for an unknown
/// path, 405 for a method that it does not have.
[[nodiscard]] routing::InternalAnswer answer_api(const routing::InternalRequest& request,
                                                 std::string_view path, ControlState& state);

}  // namespace limpet::admin
