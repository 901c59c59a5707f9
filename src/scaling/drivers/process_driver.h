#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "config/model/dynamic.h"
#include "config/scaling_texts.h"
#include "net/address.h"
#include "net/reactor.h"
#include "net/timer.h"
#include "scaling/drivers/child_process.h"
#include "scaling/drivers/driver.h"

namespace limpet::scaling {

/// Servers are processes on this machine, each with a port of its own. A server is ready when it answers
/// `readyPath` (or takes a TCP connection); one that is not within `readyTimeout` is killed and counts as a
/// failed launch. A server to be stopped gets `stopSignal`, and what is left after `stopTimeout` is killed.
/// Output goes to the log, each line with the server's name. Environment: Limpet's own, the configured
/// variables, PORT, LIMPET_SERVICE and LIMPET_SERVER (the name).
class ProcessDriver final : public Driver {
 public:
  /// `service` is the qualified name; `settings` are valid. `events` and the reactor outlive it.
  ProcessDriver(net::Reactor& reactor, std::string service, const config::ProcessDriver& settings,
                DriverEvents& events);
  /// Everything has ended: await stop() first.
  ~ProcessDriver() override;

  [[nodiscard]] std::string_view name() const noexcept override { return "process"; }
  void carry_out(const Order& order) override;
  [[nodiscard]] std::vector<DrivenServer> servers() const override;
  [[nodiscard]] bool publishes() const noexcept override { return true; }
  [[nodiscard]] bool reconfigure(const config::Scaling& settings) override;
  void discovered(const std::vector<std::string>& /*urls*/) override {}
  [[nodiscard]] net::Task<void> stop() override;

 private:
  /// One server. Shared by the list and by the coroutine that waits for it to be ready: either ends first.
  struct Instance {
    Instance(ProcessDriver& owner, std::string name, std::string url, std::uint16_t port);
    ProcessDriver& driver;
    DrivenServer server;
    std::uint16_t port;
    config::ProcessDriver settings;  // it was started with
    std::unique_ptr<ChildProcess> process;
    std::string last_line;
    std::string trouble;  // why it is being ended although nobody asked for that
    net::Timer kill_timer;
    bool gone = false;
  };
  using Instances = std::vector<std::shared_ptr<Instance>>;

  void launch_one();
  void launch_failed(std::string why);
  [[nodiscard]] std::optional<std::uint16_t> free_port();
  [[nodiscard]] std::string free_name() const;
  [[nodiscard]] ProcessSpec spec_for(const Instance& instance) const;
  [[nodiscard]] net::Task<void> wait_until_ready(std::shared_ptr<Instance> instance);
  void ready(Instance& instance);
  void end(Instance& instance);
  void ended(Instance& instance, const std::string& why);
  void forget_gone();

  net::Reactor& reactor_;
  std::string service_;
  config::ProcessDriver settings_;
  config::PortRange ports_;
  std::uint32_t next_port_ = 0;  // offset in the range
  DriverEvents& events_;
  Instances instances_;
  std::size_t waiting_ = 0;  // coroutines of wait_until_ready
  bool stopping_ = false;
};

}  // namespace limpet::scaling
