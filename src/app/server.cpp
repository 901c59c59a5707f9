#include "app/server.h"

#include <fmt/format.h>

#include <algorithm>
#include <csignal>
#include <random>
#include <stdexcept>
#include <string_view>
#include <utility>

#include "admin/placement_json.h"
#include "apis/docker/client.h"
#include "app/paced_close.h"
#include "base/log.h"
#include "base/timestamp.h"
#include "base/units.h"
#include "net/listener.h"
#include "net/socket.h"
#include "providers/docker/docker_provider.h"
#include "providers/file_provider.h"
#include "relay/engine.h"
#include "routing/snapshot.h"

namespace limpet::app {
namespace {

constexpr unsigned kBlockingThreads = 2;
constexpr base::Duration kTidyInterval = std::chrono::seconds(10);
constexpr base::Duration kFirstReport = std::chrono::seconds(2);
constexpr base::Duration kPlacementSweep = std::chrono::milliseconds(250);
constexpr base::Duration kPoll = std::chrono::milliseconds(20);
constexpr base::Duration kClosePatience = std::chrono::seconds(1);

std::uint32_t thread_count(const config::Static& settings) {
  if (settings.data_path.threads != 0) return settings.data_path.threads;
  return std::max(1U, std::thread::hardware_concurrency());
}

[[noreturn]] void fail(const std::string& sentence) {
  throw std::runtime_error(sentence);
}

/// The Engine that the provider asks, or else the local one.
scaling::DockerAccess docker_access(const config::Providers& providers) {
  const config::DockerProvider settings = providers.docker.value_or(config::DockerProvider{});
  auto endpoint = apis::docker::parse_endpoint(settings.endpoint);
  if (!endpoint) fail(fmt::format("providers.docker.endpoint: {}", endpoint.error()));
  return {.endpoint = std::move(*endpoint), .timeout = settings.http_client_timeout};
}

}  // namespace

Server::Server(const config::Loaded& loaded)
    : signals_(reactor_, [this](int signal) { on_signal(signal); }),
      threads_(thread_count(loaded.settings)),
      registry_(threads_),
      internal_(reactor_, state_),
      keys_(reactor_, state_),
      blocking_(kBlockingThreads),
      checker_(reactor_),
      tidy_timer_([](void* self) noexcept { static_cast<Server*>(self)->tidy_up(); }, this),
      placement_timer_([](void* self) noexcept { static_cast<Server*>(self)->sweep_placements(); }, this) {
  state_.settings = loaded.settings;
  state_.started_at = base::WallClock::now();
  base::set_up_log(state_.settings.log);
  for (const std::string& file : loaded.files) base::log_info("configuration from {}", file);
  for (const base::Diagnostic& warning : loaded.warnings.items()) base::log_warn("{}", warning.text());
  open_telemetry();
  open_entry_points();
  open_admin();
  open_placements();
  configuration_ = std::make_unique<Configuration>(
      reactor_, state_, registry_, admissions_,
      [this](const std::shared_ptr<const routing::Snapshot>& built) { use_snapshot(built); });
  start_workers();
  closer_ = std::make_unique<PacedClose>(workers_);
  scaling_host_ = std::make_unique<ScalingHost>(registry_, *configuration_, *closer_);
  scaler_ = std::make_unique<scaling::Controller>(
      reactor_, *scaling_host_, scaling::real_drivers(reactor_, docker_access(state_.settings.providers)));
  state_.scaler = scaler_.get();
  start_providers();
}

Server::~Server() {
  for (const auto& worker : workers_) worker->stop();
  worker_threads_.clear();
}

void Server::open_telemetry() {
  if (const auto& prometheus = state_.settings.prometheus) {
    metrics_ = std::make_unique<telemetry::RequestMetrics>(
        telemetry::RequestMetrics::Settings{.threads = threads_,
                                            .buckets = prometheus->buckets,
                                            .entry_points = prometheus->add_entry_points_labels,
                                            .routers = prometheus->add_routers_labels,
                                            .services = prometheus->add_services_labels});
    state_.metrics = metrics_.get();
  }
  if (const auto& wanted = state_.settings.access_log) {
    const auto format = telemetry::access_format_from_name(wanted->format);
    auto opened = telemetry::AccessLog::open({.file = wanted->file_path,
                                              .format = format.value_or(telemetry::AccessFormat::kCommon),
                                              .threads = threads_});
    if (!opened) fail(opened.error());
    access_log_ = std::move(*opened);
  }
}

void Server::listen(const std::string& name, const config::EntryPoint& settings) {
  auto prepared = proxy::prepare_entry_point(name, settings);
  if (!prepared) fail(prepared.error());
  const auto address = net::parse_listen_address(settings.address);
  if (!address) fail(fmt::format("entryPoints.{}.address: {}", name, address.error()));
  auto fd = net::listen_on(*address, settings.reuse_port);
  if (!fd) fail(fmt::format("entry point {}: {}", name, fd.error()));
  const net::SocketAddress real = net::local_address(fd->get());
  auto entry_point = std::make_unique<proxy::EntryPoint>(std::move(*prepared));
  entry_point->index = static_cast<std::uint32_t>(listening_.size());
  entry_point->port = real.port();
  state_.addresses[name] = real.text();
  base::log_info("entry point {} listens on {}", name, real.text());
  listening_.push_back({.entry_point = std::move(entry_point), .fd = std::move(*fd)});
}

void Server::open_entry_points() {
  if (state_.settings.entry_points.contains(admin::kAdminEntryPoint)) {
    fail(fmt::format("entryPoints.{}: this name is taken by the admin API; choose another",
                     admin::kAdminEntryPoint));
  }
  for (const auto& [name, settings] : state_.settings.entry_points) listen(name, settings);
}

void Server::open_admin() {
  const auto& api = state_.settings.api;
  if (api && api->insecure) return;
  config::EntryPoint settings;
  settings.address = api && !api->address.empty() ? api->address : "127.0.0.1:8080";
  try {
    listen(admin::kAdminEntryPoint, settings);
  } catch (const std::runtime_error& error) {
    // Nobody asked for the API, so its default address may be taken.
    if (api) throw;
    base::log_warn("the admin API is off: {}; set api.address to have it elsewhere", error.what());
  }
}

void Server::open_placements() {
  const config::PlacementStore& wanted = state_.settings.placement;
  std::vector<std::string> keys = wanted.ticket_keys;
  if (keys.empty()) {
    keys.push_back(fmt::format("start:{:016x}{:016x}{:016x}{:016x}", placement::random_id(),
                               placement::random_id(), placement::random_id(), placement::random_id()));
    base::log_info(
        "tickets are signed with a key made at this start; set placement.ticketKeys to keep them valid");
  }
  admissions_.keys = std::make_shared<balancing::TicketKeys>(keys);
  std::unique_ptr<placement::Journal> journal;
  if (!wanted.file.empty()) {
    auto opened = placement::Journal::open(wanted.file);
    if (!opened) fail(opened.error());
    journal = std::move(*opened);
  }
  placements_ = std::make_unique<placement::Ledger>(
      admissions_, std::move(journal),
      [this](std::string_view name) { return admin::find_leaf(state_, name); }, base::unix_ms());
  placer_ = std::make_unique<placement::Placer>(*placements_, [this](placement::WebhookCall call) {
    return placement::ask_webhook(
        reactor_, [this](const std::string& host) { return configuration_->find_host(host); },
        std::move(call));
  });
  state_.placements = placements_.get();
  state_.placer = placer_.get();
  state_.admissions = &admissions_;
}

void Server::sweep_placements() {
  placements_->sweep(base::unix_ms());
  reactor_.arm(placement_timer_, kPlacementSweep);
}

void Server::start_workers() {
  proxy::WorkerShared shared;
  shared.internal = &internal_;
  shared.keys = &keys_;
  shared.blocking = &blocking_;
  shared.max_idle_per_server = state_.settings.data_path.max_idle_connections_per_server;
  shared.pin_threads = state_.settings.data_path.pin_threads;
  shared.engine = relay::choose_engine(state_.settings.data_path.engine);
  shared.batch_delay = state_.settings.data_path.batch_delay;
  if (shared.batch_delay.count() > 0) {
    if (const auto why_not = relay::why_no_batch_delay(shared.engine)) {
      base::log_warn("dataPath.batchDelay has no effect: {}", *why_not);
    }
  }
  std::vector<proxy::Worker*> peers;
  for (std::uint32_t i = 0; i < threads_; ++i) {
    auto reporter = std::make_unique<proxy::Reporter>(metrics_ ? &metrics_->local(i) : nullptr,
                                                      access_log_ ? &access_log_->local(i) : nullptr);
    workers_.push_back(std::make_unique<proxy::Worker>(i, shared, std::move(reporter)));
    peers.push_back(workers_.back().get());
  }
  for (const auto& worker : workers_) {
    worker->set_peers(peers);
    for (const Listening& item : listening_) worker->listen(*item.entry_point, item.fd.get());
  }
}

void Server::start_providers() {
  const config::Providers& wanted = state_.settings.providers;
  if (wanted.file) {
    providers_.push_back(std::make_unique<providers::FileProvider>(
        *wanted.file, state_.settings.compat_lenient, wanted.throttle_duration, reactor_));
  }
  if (wanted.docker) {
    auto docker = providers::docker::DockerProvider::make(*wanted.docker, wanted.throttle_duration, reactor_);
    if (!docker) fail(docker.error().text());
    providers_.push_back(std::move(*docker));
  }
  configuration_->hold();
  for (const auto& provider : providers_) provider->start(*configuration_);
  // Who connects meanwhile waits in the listening sockets' queues, instead of finding no router.
  const base::TimePoint end = base::Clock::now() + kFirstReport;
  const auto reported = [](const auto& provider) { return provider->has_reported(); };
  while (!std::ranges::all_of(providers_, reported) && base::Clock::now() < end) reactor_.run_once(kPoll);
  configuration_->build();
}

void Server::use_snapshot(const std::shared_ptr<const routing::Snapshot>& snapshot) {
  // Before any user can take the seats.
  placements_->services_changed();
  for (const auto& worker : workers_) worker->use_snapshot(snapshot);
  routing::offer_to_waiting(snapshot, reactor_.now());
  std::vector<const balancing::Service*> services;
  for (const auto& [name, node] : snapshot->services) {
    const auto* service = std::get_if<std::unique_ptr<balancing::Service>>(&node->kind);
    if (service != nullptr) services.push_back(service->get());
  }
  checker_.update(services);
  scaler_->update(services);
}

void Server::tidy_up() {
  for (const auto& [name, node] : state_.built.snapshot->services) {
    if (const auto* service = std::get_if<std::unique_ptr<balancing::Service>>(&node->kind)) {
      (*service)->sids().sweep(reactor_.now());
    }
  }
  registry_.forget_unused();
  reactor_.arm(tidy_timer_, kTidyInterval);
}

void Server::run() {
  tidy_up();
  sweep_placements();
  // The first snapshot is posted already, so no request meets an empty one.
  for (const auto& worker : workers_) {
    worker_threads_.emplace_back([raw = worker.get()] { raw->run(); });
  }
  base::log_info("limpet {} is ready: {} data-plane threads", LIMPET_VERSION, threads_);
  reactor_.run();
}

void Server::on_signal(int signal) {
  switch (signal) {
    case SIGHUP:
      base::log_info("reloading");
      for (const auto& provider : providers_) provider->reload();
      return;
    case SIGUSR1:
      base::reopen_log();
      if (access_log_) access_log_->reopen();
      return;
    default:
      if (std::exchange(stopping_, true)) {
        base::log_warn("stopping at once at a second signal");
        hurry_ = true;
        return;
      }
      net::spawn(shut_down());
  }
}

std::uint32_t Server::tunnels_open() const noexcept {
  std::uint32_t open = 0;
  for (const auto& worker : workers_) open += worker->tunnels_open();
  return open;
}

std::uint32_t Server::requests_open() const noexcept {
  std::uint32_t open = 0;
  for (const auto& worker : workers_) open += worker->requests_open();
  return open;
}

net::Task<void> Server::wait_for_requests(base::Duration longest) {
  const base::TimePoint end = base::Clock::now() + longest;
  while (requests_open() > 0 && base::Clock::now() < end && !hurry_) {
    net::Sleep pause(reactor_, kPoll);
    co_await pause;
  }
}

net::Task<void> Server::wait_for_tunnels(base::Duration longest) {
  const base::TimePoint end = base::Clock::now() + longest;
  while (tunnels_open() > 0 && base::Clock::now() < end && !hurry_) {
    net::Sleep pause(reactor_, kPoll);
    co_await pause;
  }
}

void Server::stop_accepting() {
  // Closed only when no thread listens on them any more; until then connections would wait for nobody.
  accepting_ = workers_.size();
  for (const auto& worker : workers_) {
    worker->stop_accepting([this] {
      reactor_.post([this] {
        if (--accepting_ > 0) return;
        for (Listening& item : listening_) item.fd.reset();
      });
    });
  }
}

net::Task<void> Server::close_tunnels() {
  const base::Duration window = state_.settings.shutdown.close_window;
  if (tunnels_open() > 0 && window.count() > 0 && !hurry_) {
    base::log_info("closing {} tunnels, one by one over at most {}", tunnels_open(),
                   base::format_duration(window));
    closer_->begin_all(window, std::random_device{}());
    co_await wait_for_tunnels(window + kClosePatience);
  }
  if (tunnels_open() == 0) co_return;
  base::log_info("closing {} tunnels at once", tunnels_open());
  closer_->all_at_once(kClosePatience);
  hurry_ = false;
  co_await wait_for_tunnels(kClosePatience * 3);
}

net::Task<void> Server::shut_down() {
  state_.stopping = true;
  scaler_->hold();
  base::Duration accept_grace{};
  base::Duration request_grace{};
  for (const auto& [name, entry_point] : state_.settings.entry_points) {
    accept_grace = std::max(accept_grace, entry_point.transport.request_accept_grace_timeout);
    request_grace = std::max(request_grace, entry_point.transport.grace_timeout);
  }
  if (accept_grace.count() > 0) {
    base::log_info("stopping: accepting for another {}", base::format_duration(accept_grace));
    const base::TimePoint end = base::Clock::now() + accept_grace;
    while (base::Clock::now() < end && !hurry_) {
      net::Sleep pause(reactor_, kPoll);
      co_await pause;
    }
  }
  base::log_info("stopping: {} requests and {} tunnels are open", requests_open(), tunnels_open());
  stop_accepting();
  const base::TimePoint stopped = base::Clock::now();
  co_await wait_for_requests(request_grace);
  co_await wait_for_tunnels(state_.settings.shutdown.tunnel_grace - (base::Clock::now() - stopped));
  co_await close_tunnels();
  co_await placer_->stop(reactor_);
  for (const auto& provider : providers_) co_await provider->stop();
  co_await scaler_->stop();
  co_await checker_.stop();
  base::log_info("stopped");
  reactor_.stop();
}

}  // namespace limpet::app
