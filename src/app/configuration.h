#pragma once

#include <functional>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "admin/state.h"
#include "balancing/admissions.h"
#include "balancing/server_state.h"
#include "net/host_names.h"
#include "net/reactor.h"
#include "providers/provider.h"
#include "routing/snapshot_builder.h"
#include "scaling/host.h"

namespace limpet::app {

/// Merges what the providers publish, builds a snapshot of it and hands it on. Keeps the last good
/// configuration of each provider; counts of servers live on in the registry. Control thread only.
class Configuration final : public providers::Sink {
 public:
  using Publish = std::function<void(std::shared_ptr<const routing::Snapshot>)>;

  /// `reactor` is the control thread's; it, `state`, `registry` and `admissions` outlive it. `publish` is
  /// called with each new snapshot.
  Configuration(net::Reactor& reactor, admin::ControlState& state, balancing::ServerRegistry& registry,
                balancing::Admissions& admissions, Publish publish);

  void publish(std::string_view provider, config::Dynamic configuration, base::Diagnostics warnings) override;
  void failed(std::string_view provider, base::Diagnostics errors) override;
  /// Takes publications in without building, until build() is called: for the start, when several providers
  /// report at once.
  void hold() noexcept { held_ = true; }
  void build();

  /// The service (by its qualified name) has these servers besides those of its provider, as long as it is
  /// scaled: what its driver has started.
  void set_servers(const std::string& service, std::vector<config::Server> servers);
  /// Of the servers that its provider finds for a service with driver `docker`, these take new users, and
  /// these are left out. Before the first call none takes new users.
  void admit(const std::string& service, scaling::Admission admission);

  /// The addresses of a host name that the configuration names, a server's or a webhook's, without waiting.
  [[nodiscard]] net::HostNames::Found find_host(const std::string& host) const {
    return host_names_.find(host);
  }

 private:
  void add_driven_servers();
  void admit_found_servers();
  void use_host_names();
  void warn_of_loops() const;
  void log_problems(const routing::Reports& reports, std::string_view kind) const;

  admin::ControlState& state_;
  balancing::ServerRegistry& registry_;
  balancing::Admissions& admissions_;
  Publish publish_;
  std::map<std::string, config::Dynamic, std::less<>> latest_;              // by provider
  std::map<std::string, std::vector<config::Server>, std::less<>> driven_;  // by qualified service name
  std::map<std::string, scaling::Admission, std::less<>> admissions_of_;    // by qualified service name
  net::HostNames host_names_;
  bool held_ = false;
};

}  // namespace limpet::app
