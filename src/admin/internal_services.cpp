#include "admin/internal_services.h"

#include <string>
#include <string_view>
#include <utility>

#include "admin/access.h"
#include "admin/answers.h"
#include "admin/api_router.h"
#include "admin/dashboard.h"
#include "admin/join.h"
#include "admin/metrics_page.h"

namespace limpet::admin {
namespace {

enum class Topic : std::uint8_t { kApi, kDashboard, kPing, kMetrics, kJoin, kNoop };

bool is_within(std::string_view path, std::string_view folder) {
  return path.starts_with(folder) && (path.size() == folder.size() || path[folder.size()] == '/');
}

/// The path without the base path, if it begins with it.
std::string_view without_base(std::string_view path, const config::Static& settings) {
  std::string_view base = settings.api ? std::string_view(settings.api->base_path) : "/";
  while (base.ends_with('/')) base.remove_suffix(1);
  return is_within(path, base) ? path.substr(base.size()) : path;
}

/// api@internal serves the dashboard beside the API, as Traefik's does.
Topic topic_of(const routing::InternalRequest& request, std::string_view path) {
  switch (request.service) {
    case routing::InternalService::kDashboard:
      return Topic::kDashboard;
    case routing::InternalService::kPing:
      return Topic::kPing;
    case routing::InternalService::kPrometheus:
      return Topic::kMetrics;
    case routing::InternalService::kJoin:
      return Topic::kJoin;
    case routing::InternalService::kNoop:
      return Topic::kNoop;
    case routing::InternalService::kApi:
      break;
  }
  if (is_within(path, "/api")) return Topic::kApi;
  if (request.entry_point == kAdminEntryPoint && path == "/ping") return Topic::kPing;
  if (request.entry_point == kAdminEntryPoint && path == "/metrics") return Topic::kMetrics;
  return Topic::kDashboard;
}

Subject subject_of(Topic topic) {
  switch (topic) {
    case Topic::kApi:
    case Topic::kMetrics:
      return Subject::kData;
    case Topic::kDashboard:
      return Subject::kDashboard;
    case Topic::kPing:
    case Topic::kJoin:
    case Topic::kNoop:
      return Subject::kPing;
  }
  return Subject::kData;
}

routing::InternalAnswer ping(const ControlState& state) {
  if (!state.stopping) return text_answer(200, "OK");
  const config::Ping settings = state.settings.ping.value_or(config::Ping{});
  return text_answer(static_cast<std::uint16_t>(settings.terminating_status_code), "Terminating");
}

routing::InternalAnswer answer_at_once(Topic topic, const routing::InternalRequest& request,
                                       std::string_view path, const ControlState& state) {
  switch (topic) {
    case Topic::kDashboard:
      if (state.settings.api && !state.settings.api->dashboard)
        return text_answer(404, "404 page not found\n");
      return answer_dashboard(request, path);
    case Topic::kPing:
      return only_reads(request) ? ping(state) : method_not_allowed("GET, HEAD");
    case Topic::kMetrics:
      return only_reads(request) ? metrics_page(state) : method_not_allowed("GET, HEAD");
    case Topic::kNoop:
      return text_answer(418, "I'm a teapot\n");
    case Topic::kApi:
    case Topic::kJoin:
      break;
  }
  return text_answer(404, "404 page not found\n");
}

}  // namespace

void InternalServices::handle(routing::InternalRequest request, Reply reply) {
  control_.post([this, request = std::move(request), reply = std::move(reply)]() mutable {
    answer(request, std::move(reply));
  });
}

void InternalServices::answer(const routing::InternalRequest& request, Reply reply) {
  const std::string_view path = without_base(request.path, state_.settings);
  const Topic topic = topic_of(request, path);
  // It has rules of its own about who may ask.
  if (topic == Topic::kJoin) return answer_join(request, state_, std::move(reply));
  if (auto refusal = refuse(request, subject_of(topic), state_)) return reply(std::move(*refusal));
  if (topic == Topic::kApi) return answer_api(request, path, state_, std::move(reply));
  reply(answer_at_once(topic, request, path, state_));
}

}  // namespace limpet::admin
