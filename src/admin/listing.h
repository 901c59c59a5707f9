#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "admin/answers.h"
#include "config/model/dynamic.h"
#include "routing/internal.h"

/// Traefik's lists: filtered by `search`, `status`, `serviceName` and `middlewareName`, sorted by `sortBy`
/// and `direction`, cut into pages by `page` and `per_page`, with X-Next-Page in the answer (1 after the last
/// page).
namespace limpet::admin {

/// One object of a list: what it is found and sorted by. What a kind of object does not have stays empty.
struct ListRow {
  config::QualifiedName key;
  std::string name;  ///< "webapp@docker"
  std::string_view status;
  std::string type;
  std::string_view rule;
  std::string_view service;              ///< as written in the router
  std::vector<std::string> middlewares;  ///< as written, and qualified
  std::int64_t priority = 0;
  std::size_t entry_points = 0;
  std::size_t servers = 0;
};

/// The page that a request asks for. `to_json` is asked for the objects of that page only.
[[nodiscard]] routing::InternalAnswer answer_list(const routing::InternalRequest& request,
                                                  std::vector<ListRow> rows,
                                                  const std::function<Json(const ListRow&)>& to_json);

}  // namespace limpet::admin
