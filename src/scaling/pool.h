#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <expected>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "balancing/server_state.h"
#include "base/clock.h"
#include "config/model/dynamic.h"
#include "net/task.h"
#include "scaling/drivers/driver.h"
#include "scaling/host.h"
#include "scaling/policy.h"
#include "scaling/signals.h"

namespace limpet::scaling {

/// What people change for a while, without the configuration. It ends with the process.
struct Override {
  std::optional<std::uint32_t> min;
  std::optional<std::uint32_t> max;
  bool paused = false;                 ///< nothing is decided
  std::optional<std::string> command;  ///< of driver `process`: servers move to it
  std::optional<std::string> image;    ///< of driver `docker`: servers move to it

  bool operator==(const Override&) const = default;
};

/// A service's pool as the API and the metrics tell of it.
struct PoolView {
  struct Member {
    std::string name;  ///< empty if no driver of ours made it
    std::string url;   ///< empty while it is not known
    Phase phase = Phase::kStarting;
    bool stopping = false;
    bool current = true;
    std::uint32_t connections = 0;
    std::uint32_t reserved = 0;
  };
  struct Past {
    base::WallTime at{};
    bool acts = false;
    std::string why;
  };
  std::string service;
  std::string_view driver;
  std::uint32_t min = 0, max = 0, capacity = 0;  ///< in force
  Override changed;
  std::uint32_t wanted = 0, kept = 0;  ///< of the last decision
  std::uint32_t ready = 0, starting = 0, draining = 0, stopping = 0, down = 0;
  std::uint32_t waiting = 0;
  double arrivals = 0;          ///< users a second
  base::Duration start_time{};  ///< measured
  std::uint32_t failures = 0;   ///< launches in a row
  base::Duration retry_in{};
  std::string
      trouble;  ///< what is in the way now, else why the last launch failed or a server ended by itself
  std::uint64_t launches = 0, failed_launches = 0, drains = 0, taken_back = 0, closed = 0,
                stops = 0;  ///< ever
  std::vector<Member> members;
  std::vector<Past> decisions;  ///< the newest last
};

/// The settings of the policy that a service's configuration asks for.
[[nodiscard]] Settings settings_of(const config::LoadBalancer& settings, const Override& changed);

/// The servers of one service that is scaled: observes them, lets the policy decide, and has a driver carry
/// it out. Control thread only.
class Pool final : public DriverEvents {
 public:
  /// A server that discovery has in the service, whoever started it.
  struct Listed {
    std::shared_ptr<balancing::ServerState> state;
    bool fenced = false;
    bool resolved = true;
  };
  /// A server that lives shorter once it is ready counts as a failed launch.
  static constexpr base::Duration kProven = std::chrono::seconds(5);
  /// Between the moment a server is taken out of the service and its end: who came meanwhile saves it.
  static constexpr base::Duration kLeave = std::chrono::milliseconds(300);

  Pool(std::string service, Host& host) : service_(std::move(service)), host_(host) {}
  /// Before anything else. The driver tells its events to this pool.
  void set_driver(std::unique_ptr<Driver> driver) { driver_ = std::move(driver); }

  /// Takes a new configuration over. False: it needs another driver, so the pool was retired.
  [[nodiscard]] bool configure(const config::LoadBalancer& settings);
  /// What the service consists of now.
  void set_listed(std::vector<Listed> listed);
  /// The service is scaled no more: servers drain, and end with their last user.
  void retire();
  [[nodiscard]] bool is_over() const;
  /// Fails with a sentence if the change makes no sense for this service.
  [[nodiscard]] std::expected<void, std::string> change(const Override& changed);

  /// To be called every tenth of a second or so: decides if it is time, or if something has happened.
  void glance(base::TimePoint now);
  [[nodiscard]] PoolView view(base::TimePoint now) const;
  /// Ends all servers that were started; waits for that.
  [[nodiscard]] net::Task<void> stop();

  void on_ready(std::string_view url, base::Duration took) override;
  void on_launch_failed(std::string_view why) override;
  void on_gone(std::string_view url, bool expected, std::string_view why) override;

 private:
  /// What is known of a server besides what its state and the driver say.
  struct Record {
    std::shared_ptr<balancing::ServerState> state;
    base::TimePoint started_at{};
    std::optional<base::TimePoint> ready_at;
    std::optional<base::TimePoint> drain_since;
    bool ours = false;     // drained by us, so it may return
    bool closing = false;  // its tunnels are being closed
    bool proven = false;
    bool forced = false;  // ended whoever is on it
    std::optional<base::TimePoint> leaves_at;
  };

  Record& record_of(const std::string& url, base::TimePoint now);
  [[nodiscard]] std::vector<Server> observe(base::TimePoint now);
  [[nodiscard]] Server seen(const std::string& url, Record& record, bool is_up) const;
  void note_people(Record& record, bool fenced, base::TimePoint now) const;
  void note_arrivals(base::TimePoint now);
  void note_proven(base::TimePoint now);
  [[nodiscard]] bool something_happened();
  void decide_now(base::TimePoint now);
  void carry_out(const Decision& decision, const std::vector<Server>& servers, base::TimePoint now);
  void drain(const std::string& url, bool ours, base::TimePoint now);
  void take_back(const std::string& url);
  void close(const ClosePlan& plan);
  void let_go(const std::string& url, bool forced, base::TimePoint now);
  void finish_leaving(base::TimePoint now);
  void finish_retired(base::TimePoint now);
  void replace_old(std::vector<Server>& servers, base::TimePoint now);
  void publish();
  [[nodiscard]] bool takes_part(const std::string& url, bool& fenced) const;
  void limit_launches(Decision& decision) const;
  void remember(const Decision& decision);

  std::string service_;
  Host& host_;
  std::unique_ptr<Driver> driver_;
  config::LoadBalancer configured_;
  Override changed_;
  Settings settings_;
  History history_;
  ArrivalRate arrivals_;
  std::optional<std::uint64_t> arrivals_seen_;
  StartTimes start_times_;
  std::vector<Listed> listed_;
  std::map<std::string, Record> records_;  // by URL
  std::vector<std::string> published_;
  Admission admission_;
  base::TimePoint now_{};                // of the last glance: events come in between
  std::optional<base::TimePoint> next_;  // decision
  bool due_ = true;
  std::ptrdiff_t full_ = 0;  // servers
  bool retired_ = false;
  std::uint32_t old_ = 0;  // servers made with earlier settings
  Decision last_;
  std::deque<PoolView::Past> past_;
  std::string trouble_;
  std::uint64_t launches_ = 0, failed_launches_ = 0, drains_ = 0, taken_back_ = 0, closed_ = 0, stops_ = 0;
};

}  // namespace limpet::scaling
