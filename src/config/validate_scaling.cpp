#include "config/validate_scaling.h"

#include <fmt/format.h>

#include <algorithm>
#include <string_view>
#include <utility>

#include "config/scaling_texts.h"
#include "http/syntax.h"
#include "http/url.h"
#include "net/address.h"

namespace limpet::config {
namespace {

class Check {
 public:
  void error(std::string_view key, std::string message) {
    problems_.push_back(
        {.key = fmt::format("scaling{}{}", key.empty() ? "" : ".", key), .message = std::move(message)});
  }
  [[nodiscard]] std::vector<ScalingProblem> take() { return std::move(problems_); }

  void share(std::string_view key, double value) {
    if (!(value > 0 && value <= 1)) error(key, fmt::format("expected above 0 and at most 1, got {}", value));
  }
  void time(std::string_view key, base::Duration value) {
    if (value <= base::Duration::zero()) error(key, "expected a time above 0");
  }

  void path(std::string_view key, const std::string& value) {
    if (value.empty()) return;
    if (value.front() != '/' || value.find_first_of(" \t\r\n#") != std::string::npos) {
      error(key, fmt::format("expected a path such as /health, got \"{}\"", value));
    }
  }

  void process(const ProcessDriver& driver) {
    if (driver.command.empty()) {
      error("process.command", "expected a command, such as node server.js --port {port}");
    } else if (const auto words = split_command(driver.command); !words) {
      error("process.command", fmt::format("expected {} at column {} of the command", words.error().expected,
                                           words.error().offset + 1));
    }
    if (!parse_port_range(driver.ports)) {
      error("process.ports", fmt::format("expected two ports such as 20000-20999, got \"{}\"", driver.ports));
    }
    const bool has_port = driver.url.find("{port}") != std::string::npos;
    const auto url = http::parse_server_url(with_port(driver.url, 1));
    const bool is_here = url && (url->host == "localhost" || net::IpAddress::parse(url->host));
    if (!has_port || !is_here || url->scheme != http::Scheme::kHttp) {
      error("process.url",
            fmt::format("expected an address such as http://127.0.0.1:{{port}}, got \"{}\"", driver.url));
    }
    path("process.readyPath", driver.ready_path);
    for (const auto& [name, value] : driver.env) {
      if (name.empty() || name.find('=') != std::string::npos || name.find('\0') != std::string::npos ||
          value.find('\0') != std::string::npos) {
        error("process.env", fmt::format("\"{}\" is not the name of a variable", name));
      }
    }
    time("process.readyTimeout", driver.ready_timeout);
    if (!parse_signal(driver.stop_signal)) {
      error("process.stopSignal",
            fmt::format("expected TERM, INT, QUIT, HUP, USR1, USR2 or KILL, got \"{}\"", driver.stop_signal));
    }
  }

  void webhook(const WebhookDriver& driver) {
    const auto url = http::parse_server_url(driver.url);
    if (!url || url->scheme != http::Scheme::kHttp) {
      error("webhook.url",
            fmt::format("expected an address such as http://127.0.0.1:9000/scale, got \"{}\"", driver.url));
    }
    for (const auto& [name, value] : driver.headers) {
      if (!http::is_token(name) || !http::is_field_value(value)) {
        error("webhook.headers", fmt::format("\"{}\" is not a header", name));
      }
    }
    time("webhook.timeout", driver.timeout);
    time("webhook.startTimeout", driver.start_timeout);
  }

  void docker(const DockerDriver& driver) {
    if (driver.project.empty()) error("docker.project", "expected the name of a Compose project");
    if (driver.service.empty()) error("docker.service", "expected the name of a service of the project");
    if (!driver.discovered && driver.port == 0) {
      error("docker.port", "expected the port that a container listens on, from 1 to 65535");
    }
    path("docker.readyPath", driver.ready_path);
    time("docker.startTimeout", driver.start_timeout);
  }

 private:
  std::vector<ScalingProblem> problems_;
};

}  // namespace

std::vector<ScalingProblem> scaling_problems(const LoadBalancer& settings) {
  if (!settings.scaling) return {};
  const Scaling& scaling = *settings.scaling;
  Check check;
  if (scaling.min > scaling.max) {
    check.error("min", fmt::format("expected at most max, which is {}, got {}", scaling.max, scaling.min));
  }
  if (scaling.capacity && settings.capacity != 0 && *scaling.capacity > settings.capacity) {
    check.error("capacity", fmt::format("expected at most the service's capacity, which is {}, got {}",
                                        settings.capacity, *scaling.capacity));
  }
  check.share("target", scaling.target);
  check.share("soft", scaling.soft);
  check.time("interval", scaling.interval);
  if (scaling.process) check.process(*scaling.process);
  if (scaling.webhook) check.webhook(*scaling.webhook);
  if (scaling.docker) check.docker(*scaling.docker);
  const int drivers =
      int(scaling.process.has_value()) + int(scaling.webhook.has_value()) + int(scaling.docker.has_value());
  if (drivers != 1) {
    check.error(
        "", fmt::format("expected one of process, webhook, docker{}", drivers > 1 ? ", not several" : ""));
  }
  const bool finds_them = scaling.docker && !scaling.docker->discovered;
  if ((scaling.process || finds_them) && !std::ranges::all_of(settings.servers, &Server::driven)) {
    check.error(scaling.process ? "process" : "docker",
                "expected no servers beside it, since it starts them");
  }
  return check.take();
}

}  // namespace limpet::config
