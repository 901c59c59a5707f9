#include "cli/commands/check.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstddef>
#include <filesystem>
#include <map>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "admin/internal_services.h"
#include "balancing/server_state.h"
#include "base/diagnostics.h"
#include "base/text.h"
#include "cli/json_line.h"
#include "config/check.h"
#include "config/document.h"
#include "config/effective.h"
#include "net/address.h"
#include "proxy/middlewares/chain_factory.h"
#include "routing/snapshot_builder.h"

namespace limpet::cli {
namespace {

using base::Diagnostics;

constexpr std::string_view kProvider = "file";

template <class Object>
void add_qualified(std::string_view provider, const std::map<std::string, Object>& objects,
                   std::map<config::QualifiedName, Object>& out) {
  for (const auto& [name, object] : objects) out[{.name = name, .provider = std::string(provider)}] = object;
}

void add_dynamic(std::string_view provider, const config::Dynamic& dynamic, routing::BuildInput& input) {
  add_qualified(provider, dynamic.routers, input.routers);
  add_qualified(provider, dynamic.services, input.services);
  add_qualified(provider, dynamic.middlewares, input.middlewares);
}

void add_entry_points(const config::Checked& checked, routing::BuildInput& input) {
  if (!checked.settings) {
    // Nobody has said which entry points there are, so every name is taken for one.
    input.entry_points["http"] = {};
    for (const auto& [name, router] : checked.dynamic.routers) {
      for (const std::string& entry_point : router.entry_points) input.entry_points[entry_point] = {};
    }
    return;
  }
  const config::Static& settings = *checked.settings;
  const std::vector<std::string> defaults = config::default_entry_points(settings);
  for (const auto& [name, entry_point] : settings.entry_points) {
    input.entry_points[name] = {.as_default = std::ranges::find(defaults, name) != defaults.end(),
                                .middlewares = entry_point.middlewares};
  }
  if (!settings.api || !settings.api->insecure) input.entry_points[admin::kAdminEntryPoint].internal = true;
  add_dynamic(config::kInternalProvider, config::internal_dynamic(settings), input);
}

void add_reports(const routing::Reports& reports, Diagnostics& out) {
  for (const auto& [name, report] : reports) {
    for (const base::Diagnostic& problem : report.problems()) out.add(problem);
  }
}

/// What only shows when everything is put together: rules, references, middlewares' settings.
void check_together(const config::Checked& checked, Diagnostics& out) {
  const config::Dynamic& dynamic = checked.dynamic;
  if (dynamic.routers.empty() && dynamic.services.empty() && dynamic.middlewares.empty()) return;
  routing::BuildInput input;
  add_dynamic(kProvider, dynamic, input);
  add_entry_points(checked, input);
  using enum routing::InternalService;
  input.internal_services = {kApi, kDashboard, kPing, kPrometheus, kJoin, kNoop};
  balancing::ServerRegistry registry(1);
  input.registry = &registry;
  input.resolve = [](const std::string& /*host*/) { return std::vector{net::IpAddress()}; };
  input.make_chain = proxy::make_chain;
  const routing::BuildResult built = routing::build_snapshot(input);
  out.add_all(built.entry_points);
  add_reports(built.routers, out);
  add_reports(built.services, out);
  add_reports(built.middlewares, out);
}

bool is_traefiks(const std::string& path) {
  return base::to_lower(std::filesystem::path(path).filename().string()).starts_with("traefik.");
}

Diagnostics problems_of(const std::vector<std::string>& paths, bool lenient) {
  config::Checked checked = config::check_files(paths, lenient);
  // The static file's compat.lenient holds for the dynamic files beside it, as when Limpet runs.
  if (!lenient && checked.settings && checked.settings->compat_lenient)
    checked = config::check_files(paths, true);
  Diagnostics all = std::move(checked.problems);
  check_together(checked, all);
  return config::in_reading_order(all);
}

void print_json(const Diagnostics& problems, std::size_t errors, Console& console) {
  nlohmann::ordered_json out{{"errors", errors}, {"warnings", problems.items().size() - errors}};
  out["problems"] = nlohmann::ordered_json::array();
  for (const base::Diagnostic& problem : problems.items()) {
    out["problems"].push_back({{"severity", problem.severity == base::Severity::kError ? "error" : "warning"},
                               {"file", problem.place.source},
                               {"line", problem.place.line},
                               {"column", problem.place.column},
                               {"key", problem.key},
                               {"message", problem.message}});
  }
  console.out << json_line(out);
}

std::string count_text(std::size_t count, std::string_view what) {
  return fmt::format("{} {}{}", count, what, count == 1 ? "" : "s");
}

}  // namespace

int check(const Call& call) {
  const std::vector<std::string>& paths = call.arguments.words;
  const bool lenient = call.arguments.has("lenient") || std::ranges::any_of(paths, is_traefiks);
  const Diagnostics problems = problems_of(paths, lenient);
  const auto errors = static_cast<std::size_t>(
      std::ranges::count(problems.items(), base::Severity::kError,
                         [](const base::Diagnostic& problem) { return problem.severity; }));
  if (call.arguments.has("json")) {
    print_json(problems, errors, call.console);
  } else {
    call.console.out << problems.text()
                     << fmt::format("{}, {}\n", count_text(errors, "error"),
                                    count_text(problems.items().size() - errors, "warning"));
  }
  return errors == 0 ? kExitFine : kExitFailed;
}

}  // namespace limpet::cli
