#pragma once

#include <coroutine>
#include <expected>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "apis/docker/client.h"
#include "base/clock.h"
#include "base/diagnostics.h"
#include "config/model/static.h"
#include "net/host_names.h"
#include "net/reactor.h"
#include "net/task.h"
#include "net/timer.h"
#include "providers/docker/translation.h"
#include "providers/provider.h"
#include "providers/throttle.h"

namespace limpet::providers::docker {

/// Dynamic configuration from the labels of Docker's containers: a list of all at the start and after every
/// gap, and the Engine's events from then on. A container that is being stopped takes no new users from its
/// `kill` event on. While the Engine is out of reach, what was published last stays, and the provider tries
/// again at growing intervals. Control thread only; the reactor outlives the provider.
class DockerProvider final : public Provider {
 public:
  /// Changes that come within `throttle`, or 300 ms if that is longer, count together. Fails with what is
  /// wrong with the settings.
  [[nodiscard]] static std::expected<std::unique_ptr<DockerProvider>, base::Diagnostics> make(
      config::DockerProvider settings, base::Duration throttle, net::Reactor& reactor);
  DockerProvider(Translation translation, apis::docker::Endpoint endpoint, base::Duration throttle,
                 net::Reactor& reactor);
  /// stop() has been awaited, if it was started.
  ~DockerProvider() override;

  [[nodiscard]] std::string_view name() const noexcept override { return "docker"; }
  void start(Sink& sink) override;
  void reload() override;
  [[nodiscard]] net::Task<void> stop() override;
  [[nodiscard]] bool has_reported() const noexcept override { return has_reported_; }

 private:
  using Containers = std::map<std::string, Seen, std::less<>>;  // by id

  [[nodiscard]] net::Task<void> run();
  [[nodiscard]] net::Task<bool> follow();
  [[nodiscard]] net::Task<bool> read_all();
  [[nodiscard]] net::Task<bool> apply(apis::docker::Event event);
  [[nodiscard]] net::Task<bool> inspect(std::string id, Containers& into);
  [[nodiscard]] net::Task<void> pause(base::Duration duration);
  void note_change(bool is_urgent);
  void publish();
  void fail(const std::string& message);
  [[nodiscard]] std::string host_address();

  Translation translation_;
  std::string endpoint_;
  net::Reactor& reactor_;
  apis::docker::Client client_;
  Throttle throttle_;
  net::Timer timer_;
  std::optional<net::HostNames> host_names_;  // of the host, once a container in its network was seen
  Sink* sink_ = nullptr;
  apis::docker::EventStream* events_ = nullptr;  // while one is open
  Containers containers_;
  std::optional<base::TimePoint> last_publication_;
  std::coroutine_handle<> stop_waiter_;
  bool running_ = false;
  bool stopping_ = false;
  bool reload_wanted_ = false;
  bool has_failed_ = false;  // and has not published since
  bool has_reported_ = false;
};

}  // namespace limpet::providers::docker
