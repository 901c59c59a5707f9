#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "apis/docker/client.h"
#include "apis/docker/compose.h"
#include "config/model/dynamic.h"
#include "net/reactor.h"
#include "net/timer.h"
#include "scaling/drivers/driver.h"
#include "scaling/drivers/stop_watch.h"

namespace limpet::scaling {

/// Where the Docker Engine is, for drivers.
struct DockerAccess {
  apis::docker::Endpoint endpoint;
  base::Duration timeout{};  ///< of each call, 0: the usual one
};

/// Servers are the containers of a Docker Compose service, whoever made them; those that exist at the start
/// are taken over. One more is made as `docker-compose up --scale` does it: a replica that has ended is
/// started, else one is created like those there are, with the next number. One less is stopped with its own
/// signal and timeout, and removed; the last replica is only stopped, so that another can be made like it. A
/// replica is ready when it answers and, if a provider finds the servers, has been found. One that was
/// started here and does not get ready fails, and is removed if it was made here. While somebody else stops
/// the service's containers, none is started. Containers live on when the driver ends.
class DockerDriver final : public Driver {
 public:
  /// `service` is the qualified name; `settings` are valid. `events` and the reactor outlive it.
  DockerDriver(net::Reactor& reactor, std::string service, const config::DockerDriver& settings,
               DockerAccess access, DriverEvents& events);
  /// Nothing is under way: await stop() first.
  ~DockerDriver() override;

  [[nodiscard]] std::string_view name() const noexcept override { return "docker"; }
  void carry_out(const Order& order) override;
  [[nodiscard]] std::vector<DrivenServer> servers() const override;
  [[nodiscard]] bool publishes() const noexcept override { return !settings_.discovered; }
  [[nodiscard]] bool tracks() const noexcept override { return true; }
  [[nodiscard]] bool owns_servers() const noexcept override { return false; }
  [[nodiscard]] bool knows() const noexcept override { return synced_; }
  [[nodiscard]] std::vector<std::string> admitted() const override;
  [[nodiscard]] std::string trouble() const override;
  [[nodiscard]] bool reconfigure(const config::Scaling& settings) override;
  void discovered(const std::vector<std::string>& urls) override;
  [[nodiscard]] net::Task<void> stop() override;

 private:
  /// A container of the service.
  struct Member {
    apis::docker::Replica replica;
    std::string url;  // where it answers; empty while it is not known
    base::TimePoint made_at{};
    base::TimePoint since{};       // launched, or first seen running
    std::uint64_t valid_from = 0;  // lists asked for before this one know less of it than we do
    bool adopted = false;          // it ran before we did
    bool ready = false;
    bool launched = false;  // by us, and not ready yet
    bool made = false;      // by that launch
    bool failed = false;    // not to be started again
    bool stopping = false;  // by us
    bool removing = false;
  };
  using Members = std::map<std::string, Member>;  // by id
  struct Wish {
    std::string name;
    base::TimePoint since;
  };

  // The Engine's news.
  [[nodiscard]] net::Task<void> run();
  [[nodiscard]] net::Task<bool> follow();
  [[nodiscard]] net::Task<void> handle(apis::docker::Event event);
  [[nodiscard]] net::Task<bool> refresh();
  void apply(const std::vector<apis::docker::Replica>& replicas, std::uint64_t number);
  void note(const apis::docker::Replica& replica, std::uint64_t list, bool is_first);
  [[nodiscard]] net::Task<void> find_image();

  // What becomes of containers.
  void look_at_all();
  void look_at(Member& member);
  void ended(Member& member, const std::string& why);
  void remove_outdated();
  void fail_the_late();
  [[nodiscard]] std::string url_of(const apis::docker::Replica& replica) const;
  [[nodiscard]] std::string why_not_ready(const Member& member) const;
  void ask(const std::string& url);
  [[nodiscard]] net::Task<void> ask_until_answered(std::string url);
  [[nodiscard]] bool is_wanted(const std::string& url) const;

  // Launching.
  [[nodiscard]] net::Task<void> launch_all();
  [[nodiscard]] net::Task<void> launch_one();
  [[nodiscard]] Member* startable();
  [[nodiscard]] const Member* best_example() const;
  [[nodiscard]] net::Task<Member*> make();
  [[nodiscard]] net::Task<void> start(std::string id);
  void fail_launch(Member& member, std::string why);
  [[nodiscard]] net::Task<void> clear_away(std::string id, std::string why);
  void launch_failed(const std::string& why);

  // Stopping.
  [[nodiscard]] net::Task<void> stop_member(std::string id);
  [[nodiscard]] net::Task<void> remove_member(std::string id, bool force);

  [[nodiscard]] std::string hindrance() const;
  [[nodiscard]] bool is_current(const Member& member) const;
  [[nodiscard]] std::size_t running() const;
  [[nodiscard]] Member* find(const std::string& id);
  [[nodiscard]] net::Task<void> pause(base::Duration duration);
  void spawn(net::Task<void> task);
  [[nodiscard]] net::Task<void> counted(net::Task<void> task);

  net::Reactor& reactor_;
  std::string service_;
  config::DockerDriver settings_;
  apis::docker::ComposeService compose_;
  DriverEvents& events_;
  apis::docker::Client client_;
  apis::docker::EventStream* stream_ = nullptr;  // while one is open
  Members members_;
  std::deque<Wish> wishes_;         // launches that have not begun
  std::string like_;                // inspection of the container that the last replica was made like
  std::string image_id_;            // what settings_.image stands for; empty while that is not known
  std::set<std::string> listed_;    // URLs that the provider finds
  std::set<std::string> answered_;  // of the URLs that are wanted
  std::set<std::string> asking_;
  StopWatch others_;               // who stops containers besides us
  std::string engine_trouble_;     // why the Engine can't be asked
  std::string image_trouble_;      // why the wanted image can't be used
  std::uint64_t lists_ = 0;        // asked for
  std::uint64_t newest_list_ = 0;  // applied
  std::size_t tasks_ = 0;          // coroutines under way
  std::size_t clearing_ = 0;       // failed launches being cleared away
  net::Timer timer_;
  bool synced_ = false;
  bool launching_ = false;
  bool finding_image_ = false;
  bool stopping_ = false;
};

}  // namespace limpet::scaling
