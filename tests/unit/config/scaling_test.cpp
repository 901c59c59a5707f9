#include <gtest/gtest.h>

#include <chrono>
#include <string>
#include <string_view>
#include <variant>

#include "config/bind.h"
#include "config/readers/yaml.h"
#include "config/validate.h"

namespace limpet::config {
namespace {

using namespace std::chrono_literals;

/// Binds and checks a service with these lines below loadBalancer.
struct Read {
  explicit Read(const std::string& lines) {
    const std::string text = "http:\n  services:\n    app:\n      loadBalancer:\n" + lines;
    auto node = read_yaml(text, "d.yml");
    if (!node) {
      problems = node.error().text();
      return;
    }
    base::Diagnostics found;
    Service service = bind_dynamic(*node, {}, found).services.at("app");
    service.place = {};
    settings = std::get<LoadBalancer>(service.kind);
    problems = found.text() + check_service(service).text();
  }
  LoadBalancer settings;
  std::string problems;
};

TEST(Scaling, HasDefaultsAndGivesTheServiceACapacity) {
  const Read read("        scaling:\n          process: {command: 'node server.js {port}'}\n");
  EXPECT_EQ(read.problems, "");
  ASSERT_TRUE(read.settings.scaling);
  const Scaling& scaling = *read.settings.scaling;
  EXPECT_EQ(scaling.min, 1U);
  EXPECT_EQ(scaling.max, 10U);
  EXPECT_EQ(scaling.placement, ScalingPlacement::kPack);
  EXPECT_EQ(scaling.drain, std::nullopt);
  EXPECT_EQ(read.settings.capacity, 100U);
}

TEST(Scaling, ReadsEveryKey) {
  const Read read(R"(
        capacity: 60
        scaling:
          min: 0
          max: 6
          capacity: 50
          target: 0.7
          headroom: 10
          soft: 0.8
          placement: spread
          drain: 1h
          closeWindow: 30s
          interval: 1s
          stabilisation: 1m
          process:
            command: ./server --port {port}
            workdir: /srv
            env: {MODE: live}
            ports: 3001-3006
            url: http://localhost:{port}
            readyPath: /health
            readyTimeout: 10s
            stopSignal: INT
            stopTimeout: 2s
)");
  EXPECT_EQ(read.problems, "");
  const Scaling& scaling = read.settings.scaling.value();
  EXPECT_EQ(read.settings.capacity, 60U);
  EXPECT_EQ(scaling.capacity, 50U);
  EXPECT_EQ(scaling.target, 0.7);
  EXPECT_EQ(scaling.drain, base::Duration(1h));
  EXPECT_EQ(scaling.stabilisation, base::Duration(1min));
  const ProcessDriver& process = scaling.process.value();
  EXPECT_EQ(process.env.at("MODE"), "live");
  EXPECT_EQ(process.ports, "3001-3006");
  EXPECT_EQ(process.stop_signal, "INT");
}

TEST(Scaling, NamesTheKeyAndWhatIsAllowed) {
  EXPECT_EQ(
      Read(R"(
        servers: [{url: http://127.0.0.1:1}]
        capacity: 5
        scaling:
          min: 9
          max: 3
          capacity: 6
          target: 1.5
          interval: 0s
          process:
            command: "a 'b"
            ports: 9-1
            url: http://127.0.0.1:80
            readyPath: health
            stopSignal: STOP
          webhook: {url: 'https://x'}
)")
          .problems,
      "error: loadBalancer.scaling.min: expected at most max, which is 3, got 9\n"
      "error: loadBalancer.scaling.capacity: expected at most the service's capacity, which is 5, got 6\n"
      "error: loadBalancer.scaling.target: expected above 0 and at most 1, got 1.5\n"
      "error: loadBalancer.scaling.interval: expected a time above 0\n"
      "error: loadBalancer.scaling.process.command: expected an end of the quote at column 3 of the "
      "command\n"
      "error: loadBalancer.scaling.process.ports: expected two ports such as 20000-20999, got \"9-1\"\n"
      "error: loadBalancer.scaling.process.url: expected an address such as http://127.0.0.1:{port}, got "
      "\"http://127.0.0.1:80\"\n"
      "error: loadBalancer.scaling.process.readyPath: expected a path such as /health, got \"health\"\n"
      "error: loadBalancer.scaling.process.stopSignal: expected TERM, INT, QUIT, HUP, USR1, USR2 or "
      "KILL, got \"STOP\"\n"
      "error: loadBalancer.scaling.webhook.url: expected an address such as http://127.0.0.1:9000/scale, "
      "got \"https://x\"\n"
      "error: loadBalancer.scaling: expected one of process, webhook, docker, not several\n"
      "error: loadBalancer.scaling.process: expected no servers beside it, since it starts them\n");
}

TEST(Scaling, FindsContainersByProjectServiceAndPort) {
  EXPECT_EQ(Read("        scaling: {docker: {project: demo, service: web, port: 3000}}\n").problems, "");
  EXPECT_EQ(
      Read(R"(
        servers: [{url: http://127.0.0.1:1}]
        scaling: {docker: {readyPath: up, startTimeout: 0s}}
)")
          .problems,
      "error: loadBalancer.scaling.docker.project: expected the name of a Compose project\n"
      "error: loadBalancer.scaling.docker.service: expected the name of a service of the project\n"
      "error: loadBalancer.scaling.docker.port: expected the port that a container listens on, from 1 to "
      "65535\n"
      "error: loadBalancer.scaling.docker.readyPath: expected a path such as /health, got \"up\"\n"
      "error: loadBalancer.scaling.docker.startTimeout: expected a time above 0\n"
      "error: loadBalancer.scaling.docker: expected no servers beside it, since it starts them\n");
}

TEST(Scaling, NeedsADriver) {
  EXPECT_EQ(Read("        scaling: {min: 2}\n").problems,
            "error: loadBalancer.scaling: expected one of process, webhook, docker\n");
  EXPECT_EQ(
      Read("        scaling: {mni: 2, process: {command: a}}\n").problems,
      "d.yml:5:19: error: http.services.app.loadBalancer.scaling.mni: unknown key, did you mean min?\n");
}

}  // namespace
}  // namespace limpet::config
