#pragma once

#include <optional>

#include "admin/state.h"
#include "routing/internal.h"

/// Who may ask what. The API usually listens on loopback, which every web page in a browser on the same
/// machine can reach, so the absence of a token is no reason to answer just anybody.
namespace limpet::admin {

/// What an internal service is asked for, as far as access goes.
enum class Subject : std::uint8_t {
  kPing,       ///< tells nothing: no token is asked for
  kDashboard,  ///< the page's own files, which are the same everywhere: no token is asked for
  kData,       ///< the API and the metrics
};

/// The refusal of a request, or nothing if it may be answered:
/// - 403 on the admin entry point, and on `traefik` under api.insecure, while it listens on loopback, unless
/// the
///   Host is localhost, a loopback address, or what the entry point is bound to: else a page whose name is
///   made to resolve to 127.0.0.1 (DNS rebinding) could read and change everything;
/// - 401 for kData without the token of `api.token`, if there is one;
/// - 403 for a request that changes something and has an Origin other than the Host (cross-site request
/// forgery).
[[nodiscard]] std::optional<routing::InternalAnswer> refuse(const routing::InternalRequest& request,
                                                            Subject subject, const ControlState& state);

}  // namespace limpet::admin
