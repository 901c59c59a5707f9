#include "scaling/drivers/process_driver.h"

#include <fmt/format.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <csignal>
#include <string_view>
#include <utility>

#include "base/check.h"
#include "base/log.h"
#include "base/units.h"
#include "http/url.h"
#include "net/socket.h"
#include "scaling/drivers/readiness.h"

namespace limpet::scaling {
namespace {

using State = DrivenServer::State;

constexpr base::Duration kFirstProbe = std::chrono::milliseconds(20);
constexpr base::Duration kLongestProbe = std::chrono::milliseconds(500);
constexpr base::Duration kPoll = std::chrono::milliseconds(10);

net::SocketAddress address_of(const std::string& url, std::uint16_t port) {
  const auto parsed = http::parse_server_url(url);
  const auto literal = parsed ? net::IpAddress::parse(parsed->host) : std::nullopt;
  return {literal.value_or(net::IpAddress::from_v4(INADDR_LOOPBACK)), port};
}

/// Whether a server could listen there now.
bool is_free(const net::SocketAddress& address) {
  const net::Fd fd(::socket(address.family(), SOCK_STREAM | SOCK_CLOEXEC, 0));
  const int on = 1;
  ::setsockopt(fd.get(), SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
  return ::bind(fd.get(), address.native(), address.native_length()) == 0;
}

std::string unqualified(std::string_view service) {
  return std::string(service.substr(0, service.rfind('@')));
}

}  // namespace

ProcessDriver::Instance::Instance(ProcessDriver& owner, std::string name, std::string url,
                                  std::uint16_t number)
    : driver(owner),
      server({.name = std::move(name), .url = std::move(url)}),
      port(number),
      settings(owner.settings_),
      kill_timer(
          [](void* self) noexcept {
            auto* instance = static_cast<Instance*>(self);
            base::log_warn("{} did not end within {}: killed", instance->server.name,
                           base::format_duration(instance->settings.stop_timeout));
            instance->process->kill();
          },
          this) {}

ProcessDriver::ProcessDriver(net::Reactor& reactor, std::string service,
                             const config::ProcessDriver& settings, DriverEvents& events)
    : reactor_(reactor),
      service_(std::move(service)),
      settings_(settings),
      ports_(config::parse_port_range(settings.ports).value_or(config::PortRange{})),
      events_(events) {}

ProcessDriver::~ProcessDriver() {
  LIMPET_CHECK(waiting_ == 0);
}

std::vector<DrivenServer> ProcessDriver::servers() const {
  std::vector<DrivenServer> out;
  for (const auto& instance : instances_) {
    if (instance->gone) continue;
    out.push_back(instance->server);
    out.back().current = instance->settings == settings_;
  }
  return out;
}

bool ProcessDriver::reconfigure(const config::Scaling& settings) {
  if (!settings.process) return false;
  if (settings_ == *settings.process) return true;
  settings_ = *settings.process;
  const auto ports = config::parse_port_range(settings_.ports).value_or(config::PortRange{});
  if (std::exchange(ports_, ports) != ports) next_port_ = 0;
  return true;
}

void ProcessDriver::carry_out(const Order& order) {
  forget_gone();
  for (const std::string& url : order.stop) {
    for (const auto& instance : instances_) {
      if (instance->server.url == url && !instance->gone) end(*instance);
    }
  }
  for (std::uint32_t i = 0; i < order.launch && !stopping_; ++i) launch_one();
}

std::optional<std::uint16_t> ProcessDriver::free_port() {
  for (std::uint32_t tried = 0; tried < ports_.size(); ++tried) {
    const auto port = static_cast<std::uint16_t>(ports_.first + next_port_);
    next_port_ = (next_port_ + 1) % ports_.size();
    const bool is_ours = std::ranges::any_of(
        instances_, [port](const auto& each) { return each->port == port && !each->gone; });
    if (!is_ours && is_free(address_of(config::with_port(settings_.url, port), port))) return port;
  }
  return std::nullopt;
}

std::string ProcessDriver::free_name() const {
  for (std::size_t number = 1;; ++number) {
    std::string name = fmt::format("{}-{}", unqualified(service_), number);
    const bool is_taken = std::ranges::any_of(
        instances_, [&](const auto& each) { return each->server.name == name && !each->gone; });
    if (!is_taken) return name;
  }
}

ProcessSpec ProcessDriver::spec_for(const Instance& instance) const {
  ProcessSpec spec{.workdir = settings_.workdir};
  const auto words = config::split_command(settings_.command).value_or(std::vector<std::string>{});
  for (const std::string& word : words) {
    spec.command.push_back(config::with_port(word, instance.port));
  }
  std::map<std::string, std::string> variables;
  for (char** entry = environ; *entry != nullptr; ++entry) {
    const std::string_view text = *entry;
    const std::size_t sign = text.find('=');
    if (sign != std::string_view::npos) variables[std::string(text.substr(0, sign))] = text.substr(sign + 1);
  }
  variables["PORT"] = std::to_string(instance.port);
  variables["LIMPET_SERVICE"] = service_;
  variables["LIMPET_SERVER"] = instance.server.name;
  for (const auto& [name, value] : settings_.env) {
    if (value.empty()) {
      variables.erase(name);
    } else {
      variables[name] = config::with_port(value, instance.port);
    }
  }
  for (const auto& [name, value] : variables) spec.environment.push_back(fmt::format("{}={}", name, value));
  return spec;
}

void ProcessDriver::launch_failed(std::string why) {
  base::log_error("scaling {}: {}", service_, why);
  events_.on_launch_failed(why);
}

void ProcessDriver::launch_one() {
  const auto port = free_port();
  if (!port) {
    return launch_failed(fmt::format("no port of scaling.process.ports ({}) is free", settings_.ports));
  }
  auto instance =
      std::make_shared<Instance>(*this, free_name(), config::with_port(settings_.url, *port), *port);
  instance->server.started_at = base::Clock::now();
  Instance& it = *instance;
  auto process = ChildProcess::start(
      reactor_, spec_for(it),
      [&it](std::string_view line) {
        it.last_line = line;
        base::log_info("{}: {}", it.server.name, line);
      },
      [this, &it](const std::string& why) { ended(it, why); });
  if (!process) return launch_failed(process.error());
  it.process = std::move(*process);
  instances_.push_back(instance);
  net::spawn(wait_until_ready(std::move(instance)));
}

net::Task<void> ProcessDriver::wait_until_ready(std::shared_ptr<Instance> instance) {
  ++waiting_;
  const base::TimePoint deadline = instance->server.started_at + instance->settings.ready_timeout;
  base::Duration pause = kFirstProbe;
  while (!instance->gone && instance->server.state == State::kStarting) {
    const bool is_up = co_await answers(reactor_, address_of(instance->server.url, instance->port),
                                        instance->server.url, instance->settings.ready_path);
    if (instance->gone || instance->server.state != State::kStarting) break;
    if (is_up) {
      ready(*instance);
      break;
    }
    if (base::Clock::now() >= deadline) {
      instance->trouble =
          fmt::format("was not ready within {}", base::format_duration(instance->settings.ready_timeout));
      instance->process->kill();
      break;
    }
    net::Sleep sleep(reactor_, pause);
    co_await sleep;
    pause = std::min(pause * 2, kLongestProbe);
  }
  --waiting_;
}

void ProcessDriver::ready(Instance& instance) {
  instance.server.state = State::kReady;
  const base::Duration took = base::Clock::now() - instance.server.started_at;
  base::log_info("scaling {}: {} is ready at {} after {}", service_, instance.server.name,
                 instance.server.url,
                 base::format_duration(std::chrono::duration_cast<std::chrono::milliseconds>(took)));
  events_.on_ready(instance.server.url, took);
}

void ProcessDriver::end(Instance& instance) {
  if (std::exchange(instance.server.state, State::kStopping) == State::kStopping) return;
  base::log_info("scaling {}: stopping {}", service_, instance.server.name);
  instance.process->signal(config::parse_signal(instance.settings.stop_signal).value_or(SIGTERM));
  reactor_.timers().arm(instance.kill_timer, base::Clock::now() + instance.settings.stop_timeout);
}

void ProcessDriver::ended(Instance& instance, const std::string& why) {
  instance.gone = true;
  instance.kill_timer.disarm();
  const DrivenServer& server = instance.server;
  if (server.state == State::kStopping) {
    base::log_info("scaling {}: {} has ended: {}", service_, server.name, why);
    events_.on_gone(server.url, true, why);
    return;
  }
  std::string reason = fmt::format(
      "{} {}", server.name, instance.trouble.empty() ? fmt::format("ended: {}", why) : instance.trouble);
  if (!instance.last_line.empty()) reason += fmt::format(", its last line: {}", instance.last_line);
  if (server.state == State::kStarting) return launch_failed(std::move(reason));
  base::log_error("scaling {}: {}", service_, reason);
  events_.on_gone(server.url, false, reason);
}

void ProcessDriver::forget_gone() {
  std::erase_if(instances_, [](const auto& instance) { return instance->gone; });
}

net::Task<void> ProcessDriver::stop() {
  stopping_ = true;
  for (const auto& instance : instances_) {
    if (!instance->gone) end(*instance);
  }
  const auto is_over = [this] {
    return waiting_ == 0 && std::ranges::all_of(instances_, [](const auto& each) { return each->gone; });
  };
  while (!is_over()) {
    net::Sleep pause(reactor_, kPoll);
    co_await pause;
  }
  instances_.clear();
}

}  // namespace limpet::scaling
