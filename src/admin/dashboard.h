#pragma once

#include <string_view>

#include "admin/state.h"
#include "routing/internal.h"

namespace limpet::admin {

/// The status page at "/" and "/dashboard/" and its script and style beside it; 404 for anything else. It
/// asks the API for everything it shows. The files are the same everywhere, so they need no token; the page
/// asks for one if the API does. A strict Content-Security-Policy forbids everything from elsewhere, and
/// framing.
///
/// `path` is without the base path; "" and "/dashboard" are redirected to the same with a slash, since the
/// page finds its files and the API relative to itself.
[[nodiscard]] routing::InternalAnswer answer_dashboard(const routing::InternalRequest& request,
                                                       std::string_view path);

}  // namespace limpet::admin
