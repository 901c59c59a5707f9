#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.h"
#include "config/model/dynamic.h"
#include "net/task.h"

/// What starts and stops the servers of a service. Control thread only.
namespace limpet::scaling {

/// A server that a driver has made, is making, or is ending.
struct DrivenServer {
  enum class State : std::uint8_t { kStarting, kReady, kStopping };

  std::string name;  ///< for people: "chat-3"
  std::string url;   ///< empty while it is not known
  State state = State::kStarting;
  base::TimePoint started_at{};
  bool current = true;  ///< false: made with settings that have changed since, so it is to be replaced
};

/// What is to be done now, and what should be so.
struct Order {
  std::uint32_t launch = 0;        ///< servers to start
  std::vector<std::string> stop;   ///< URLs of servers to end now
  std::uint32_t wanted = 0;        ///< servers that should take users, those to be launched counted
  std::vector<std::string> drain;  ///< URLs of all that are draining
};

/// Whom a driver tells what became of its servers.
class DriverEvents {
 public:
  /// A server takes users from now on; `took` is how long it started.
  virtual void on_ready(std::string_view url, base::Duration took) = 0;
  /// A server was not to be had. `why` is a sentence without a full stop.
  virtual void on_launch_failed(std::string_view why) = 0;
  /// A server that was ready has ended, by itself (`expected` is false) or because it was to.
  virtual void on_gone(std::string_view url, bool expected, std::string_view why) = 0;

 protected:
  ~DriverEvents() = default;
};

/// Starts and stops servers of one service. Never blocks; tells its events later or within a call.
class Driver {
 public:
  Driver() = default;
  Driver(const Driver&) = delete;
  Driver& operator=(const Driver&) = delete;
  virtual ~Driver() = default;

  /// "process", "webhook", "docker".
  [[nodiscard]] virtual std::string_view name() const noexcept = 0;
  virtual void carry_out(const Order& order) = 0;
  [[nodiscard]] virtual std::vector<DrivenServer> servers() const = 0;
  /// Whether its ready servers are to be added to the service. If not, a provider discovers them.
  [[nodiscard]] virtual bool publishes() const noexcept = 0;
  /// Whether servers() tells of every server of the service. If not, only of those that are asked for and
  /// were not discovered yet.
  [[nodiscard]] virtual bool tracks() const noexcept { return publishes(); }
  /// Whether servers end when the service is scaled no more.
  [[nodiscard]] virtual bool owns_servers() const noexcept { return true; }
  /// Whether it has found out which servers there are. Nothing is decided before.
  [[nodiscard]] virtual bool knows() const noexcept { return true; }
  /// For a driver that tracks and does not publish: URLs of discovered servers that may take users.
  [[nodiscard]] virtual std::vector<std::string> admitted() const { return {}; }
  /// What is in its way at the moment, a sentence without a full stop; empty if nothing is.
  [[nodiscard]] virtual std::string trouble() const { return {}; }
  /// Takes changed settings over, if they are for this kind of driver; servers made before are no longer
  /// current. False: another driver is needed.
  [[nodiscard]] virtual bool reconfigure(const config::Scaling& settings) = 0;
  /// The URLs that discovery sees, for drivers that don't publish.
  virtual void discovered(const std::vector<std::string>& urls) = 0;
  /// Ends everything it owns and waits for that. No call but servers() after it.
  [[nodiscard]] virtual net::Task<void> stop() = 0;
};

}  // namespace limpet::scaling
