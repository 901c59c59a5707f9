#include "admin/listing.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <compare>
#include <expected>

#include "base/text.h"

namespace limpet::admin {
namespace {

constexpr std::int64_t kDefaultPerPage = 100;

struct Criterion {
  std::string search;  // in lower case
  std::string status;
  std::string service_name;
  std::string middleware_name;
};

bool is_found(const ListRow& row, const std::string& search) {
  return search.empty() || base::to_lower(row.name).contains(search) ||
         base::to_lower(row.rule).contains(search);
}

bool uses_service(const ListRow& row, std::string_view wanted) {
  if (wanted.empty()) return true;
  if (row.service.contains('@')) return row.service == wanted;
  return row.service == wanted.substr(0, wanted.find('@'));
}

bool is_kept(const ListRow& row, const Criterion& criterion) {
  return (criterion.status.empty() || base::iequals(row.status, criterion.status)) &&
         is_found(row, criterion.search) && uses_service(row, criterion.service_name) &&
         (criterion.middleware_name.empty() ||
          std::ranges::count(row.middlewares, criterion.middleware_name) > 0);
}

std::strong_ordering compare_by(std::string_view key, const ListRow& a, const ListRow& b) {
  if (key == "provider") return a.key.provider <=> b.key.provider;
  if (key == "priority") return a.priority <=> b.priority;
  if (key == "status") return a.status <=> b.status;
  if (key == "rule") return a.rule <=> b.rule;
  if (key == "service") return a.service <=> b.service;
  if (key == "entryPoints") return a.entry_points <=> b.entry_points;
  if (key == "type") return a.type <=> b.type;
  if (key == "servers") return a.servers <=> b.servers;
  return std::strong_ordering::equal;
}

void sort_rows(std::vector<ListRow>& rows, std::string_view key, bool ascending) {
  std::ranges::sort(rows, [key, ascending](const ListRow& a, const ListRow& b) {
    std::strong_ordering order = compare_by(key, a, b);
    if (order == std::strong_ordering::equal) order = a.name <=> b.name;
    return ascending ? order < 0 : order > 0;
  });
}

/// A whole number above 0; else Traefik's words for it.
std::expected<std::int64_t, std::string> whole_parameter(const routing::InternalRequest& request,
                                                         std::string_view key, std::int64_t by_default) {
  const std::string text = query_value(request, key);
  if (text.empty()) return by_default;
  std::int32_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size()) value = 0;
  if (value <= 0) return std::unexpected(fmt::format("invalid request: {}: {}", key, value));
  return value;
}

}  // namespace

routing::InternalAnswer answer_list(const routing::InternalRequest& request, std::vector<ListRow> rows,
                                    const std::function<Json(const ListRow&)>& to_json) {
  const Criterion criterion{.search = base::to_lower(query_value(request, "search")),
                            .status = query_value(request, "status"),
                            .service_name = query_value(request, "serviceName"),
                            .middleware_name = query_value(request, "middlewareName")};
  std::erase_if(rows, [&criterion](const ListRow& row) { return !is_kept(row, criterion); });
  const std::string direction = query_value(request, "direction");
  sort_rows(rows, query_value(request, "sortBy"), direction.empty() || direction == "asc");

  const auto per_page = whole_parameter(request, "per_page", kDefaultPerPage);
  if (!per_page) return error_answer(400, per_page.error());
  const auto page = whole_parameter(request, "page", 1);
  if (!page) return error_answer(400, page.error());
  const auto total = static_cast<std::int64_t>(rows.size());
  const std::int64_t start = (*page - 1) * *per_page;
  if (start != 0 && start >= total) {
    return error_answer(400, fmt::format("invalid request: page: {}, per_page: {}", *page, *per_page));
  }
  const std::int64_t end = std::min(start + *per_page, total);
  Json list = Json::array();
  for (std::int64_t i = start; i < end; ++i) list.push_back(to_json(rows[static_cast<std::size_t>(i)]));
  routing::InternalAnswer answer = json_answer(list);
  answer.fields.emplace_back("X-Next-Page", std::to_string(end < total ? *page + 1 : 1));
  return answer;
}

}  // namespace limpet::admin
