#include "admin/dashboard.h"

#include <fmt/format.h>

#include <array>
#include <string>

#include "admin/answers.h"
#include "dashboard_assets.h"

namespace limpet::admin {
namespace {

struct Asset {
  std::string_view name;
  std::string_view content_type;
  std::string_view text;
};

constexpr std::string_view kScript = "text/javascript; charset=utf-8";

constexpr std::array kAssets = {
    Asset{"", "text/html; charset=utf-8", assets::page_html},
    Asset{"app.js", kScript, assets::app_js},
    Asset{"api.js", kScript, assets::api_js},
    Asset{"chart.js", kScript, assets::chart_js},
    Asset{"scaling.js", kScript, assets::scaling_js},
    Asset{"servers.js", kScript, assets::servers_js},
    Asset{"view.js", kScript, assets::view_js},
    Asset{"style.css", "text/css; charset=utf-8", assets::style_css},
    Asset{"icon.svg", "image/svg+xml", assets::icon_svg},
};

constexpr std::string_view kContentSecurityPolicy =
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; "
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

routing::InternalAnswer asset_answer(const Asset& asset) {
  routing::InternalAnswer answer;
  answer.fields = {{"Content-Type", std::string(asset.content_type)},
                   {"Cache-Control", "no-cache"},
                   {"Content-Security-Policy", std::string(kContentSecurityPolicy)},
                   {"X-Content-Type-Options", "nosniff"},
                   {"X-Frame-Options", "DENY"},
                   {"Referrer-Policy", "no-referrer"}};
  answer.body = asset.text;
  return answer;
}

}  // namespace

routing::InternalAnswer answer_dashboard(const routing::InternalRequest& request, std::string_view path) {
  if (!only_reads(request)) return method_not_allowed("GET, HEAD");
  if (path.empty() || path == "/dashboard") {
    routing::InternalAnswer answer = text_answer(302, "Found\n");
    const std::size_t last_segment = request.path.rfind('/') + 1;
    answer.fields.emplace_back("Location", request.path.substr(last_segment) + "/");
    return answer;
  }
  constexpr std::string_view kFolder = "/dashboard/";
  const std::string_view name = path.substr(path.starts_with(kFolder) ? kFolder.size() : 1);
  for (const Asset& asset : kAssets) {
    if (asset.name == name) return asset_answer(asset);
  }
  return text_answer(404, "404 page not found\n");
}

}  // namespace limpet::admin
