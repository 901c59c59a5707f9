#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "balancing/server_state.h"
#include "base/clock.h"
#include "base/diagnostics.h"
#include "config/model/dynamic.h"
#include "config/model/static.h"
#include "placement/ledger.h"
#include "placement/placer.h"
#include "routing/snapshot_builder.h"
#include "scaling/controller.h"
#include "telemetry/request_metrics.h"

namespace limpet::admin {

/// The name of the entry point that the app makes for the admin API when it is not insecure.
inline constexpr const char* kAdminEntryPoint = "limpet-admin";

/// How a provider fares.
struct ProviderStatus {
  bool failed = false;         ///< its last reading was broken; what it gave before is still in force
  base::Diagnostics problems;  ///< errors of a failed reading, or warnings of a good one
  base::WallTime last_success{};
};

/// What the API and the metrics tell about: kept by the app, read here. Control thread only.
struct ControlState {
  config::Static settings;
  base::WallTime started_at{};
  /// Names and real addresses of entry points ("web" -> "0.0.0.0:80"), the admin one too.
  std::map<std::string, std::string> addresses;
  /// The merged configuration that `built` was made of.
  std::map<config::QualifiedName, config::Router> routers;
  std::map<config::QualifiedName, config::Service> services;
  std::map<config::QualifiedName, config::Middleware> middlewares;
  routing::BuildResult built;
  std::map<std::string, ProviderStatus> providers;
  std::uint64_t reloads = 0;         ///< snapshots built
  std::uint64_t failed_reloads = 0;  ///< readings that were broken
  base::WallTime last_reload{};
  bool last_reload_ok = true;
  telemetry::RequestMetrics* metrics = nullptr;  ///< null: metrics are switched off
  placement::Ledger* placements = nullptr;       ///< never null once the API answers
  placement::Placer* placer = nullptr;           ///< likewise
  const balancing::Admissions* admissions = nullptr;
  scaling::Controller* scaler = nullptr;  ///< set before the first request
  bool stopping = false;                  ///< a stop signal came: /ping says so
};

}  // namespace limpet::admin
