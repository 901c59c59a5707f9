#include "providers/docker/translation.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>
#include <string>
#include <utility>
#include <variant>
#include <vector>

namespace limpet::providers::docker {
namespace {

using apis::docker::Container;
using apis::docker::Health;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

/// An inspected container, as the Engine gives it.
nlohmann::json inspected(const std::string& name, const std::string& ip, const nlohmann::json& labels,
                         const std::vector<std::string>& ports = {}) {
  nlohmann::json exposed = nlohmann::json::object();
  for (const std::string& port : ports) exposed[port] = nullptr;
  return {{"Id", "id-" + name},
          {"Name", "/" + name},
          {"State", {{"Running", true}, {"Paused", false}, {"Restarting", false}, {"Dead", false}}},
          {"HostConfig", {{"NetworkMode", "demo_default"}}},
          {"Config", {{"Labels", labels}}},
          {"NetworkSettings",
           {{"Ports", exposed},
            {"Networks", {{"demo_default", {{"IPAddress", ip}, {"GlobalIPv6Address", ""}}}}}}}};
}

class DockerTranslation : public testing::Test {
 protected:
  Seen& add(const nlohmann::json& json) {
    auto container = apis::docker::parse_container(json.dump());
    EXPECT_TRUE(container.has_value()) << container.error();
    seen_.push_back(std::make_unique<Seen>(Seen{.container = std::move(*container)}));
    return *seen_.back();
  }
  Seen& add(const std::string& name, const std::string& ip, const nlohmann::json& labels,
            const std::vector<std::string>& ports = {}) {
    return add(inspected(name, ip, labels, ports));
  }
  config::Dynamic translate() {
    auto translation = Translation::make(settings);
    EXPECT_TRUE(translation.has_value()) << translation.error().text();
    std::vector<const Seen*> containers;
    for (const auto& seen : seen_) containers.push_back(seen.get());
    problems = base::Diagnostics();
    config::Dynamic dynamic = translation->translate(containers, "127.0.0.1", problems);
    base::Diagnostics again;
    std::ranges::reverse(containers);
    EXPECT_EQ(translation->translate(containers, "127.0.0.1", again), dynamic);
    EXPECT_EQ(again.text(), problems.text());
    return dynamic;
  }
  static std::vector<std::string> urls(const config::Dynamic& dynamic, const std::string& service) {
    std::vector<std::string> all;
    const auto found = dynamic.services.find(service);
    if (found == dynamic.services.end()) return {"no such service"};
    for (const config::Server& server : std::get<config::LoadBalancer>(found->second.kind).servers) {
      all.push_back(server.url + (server.fenced ? " fenced" : ""));
    }
    return all;
  }
  static std::vector<std::string> routers(const config::Dynamic& dynamic) {
    std::vector<std::string> all;
    for (const auto& [name, router] : dynamic.routers)
      all.push_back(name + ": " + router.rule + " " + router.service);
    return all;
  }

  config::DockerProvider settings;
  base::Diagnostics problems;
  std::vector<std::unique_ptr<Seen>> seen_;
};

nlohmann::json node_app(int number) {
  return {{"com.docker.compose.project", "demo"},
          {"com.docker.compose.service", "nodeapp"},
          {"com.docker.compose.container-number", std::to_string(number)},
          {"traefik.http.routers.webapp.rule", "Host(`localhost`)"},
          {"traefik.http.services.webapp.loadbalancer.server.port", "3000"},
          {"traefik.http.services.webapp.loadbalancer.sticky.cookie.name", "ws-session"}};
}

TEST_F(DockerTranslation, MergesReplicasOfAComposeService) {
  for (int i = 1; i <= 3; ++i)
    add(fmt::format("demo_nodeapp_{}", i), fmt::format("172.20.0.{}", i + 1), node_app(i));
  add("demo_traefik-lb_1", "172.20.0.9",
      {{"com.docker.compose.project", "demo"},
       {"com.docker.compose.service", "traefik-lb"},
       {"traefik.http.routers.api.rule", "Host(`admin.localhost`)"},
       {"traefik.http.routers.api.insecure", "true"},
       {"traefik.http.routers.api.service", "api@internal"}});
  const config::Dynamic dynamic = translate();
  EXPECT_THAT(urls(dynamic, "webapp"),
              ElementsAre("http://172.20.0.2:3000", "http://172.20.0.3:3000", "http://172.20.0.4:3000"));
  EXPECT_THAT(routers(dynamic),
              ElementsAre("api: Host(`admin.localhost`) api@internal", "webapp: Host(`localhost`) webapp"));
  EXPECT_EQ(dynamic.services.size(), 1U);
  const auto& balancer = std::get<config::LoadBalancer>(dynamic.services.at("webapp").kind);
  ASSERT_TRUE(balancer.sticky && balancer.sticky->cookie);
  EXPECT_EQ(balancer.sticky->cookie->name, "ws-session");
  EXPECT_FALSE(balancer.sticky->cookie->http_only);
  ASSERT_EQ(problems.items().size(), 1U) << problems.text();
  EXPECT_EQ(problems.items()[0].severity, base::Severity::kWarning);
  EXPECT_EQ(problems.items()[0].key, "http.routers.api.insecure");
}

TEST_F(DockerTranslation, ExposesWhatHasNoLabels) {
  add("go web_1", "10.0.0.2", nlohmann::json::object(), {"8080/tcp", "80/tcp", "53/udp"});
  add("silent", "10.0.0.3", nlohmann::json::object());
  const config::Dynamic dynamic = translate();
  EXPECT_THAT(routers(dynamic), ElementsAre("go-web-1: Host(`go-web-1`) go-web-1"));
  EXPECT_THAT(urls(dynamic, "go-web-1"), ElementsAre("http://10.0.0.2:80"));
  EXPECT_TRUE(problems.empty()) << problems.text();
  settings.exposed_by_default = false;
  EXPECT_THAT(routers(translate()), IsEmpty());
}

TEST_F(DockerTranslation, NamesComposeServicesByServiceAndProject) {
  add("x1", "10.0.0.2", {{"com.docker.compose.project", "my_demo"}, {"com.docker.compose.service", "web"}},
      {"80/tcp"});
  EXPECT_THAT(routers(translate()), ElementsAre("web-my-demo: Host(`web-my-demo`) web-my-demo"));
}

TEST_F(DockerTranslation, SwitchesContainersByLabelWhateverItsCase) {
  add("on", "10.0.0.2", {{"Traefik.Enable", "TRUE"}}, {"80/tcp"});
  add("off", "10.0.0.3", {{"traefik.enable", "false"}}, {"80/tcp"});
  add("odd", "10.0.0.4", {{"traefik.enable", "maybe"}}, {"80/tcp"});
  settings.exposed_by_default = false;
  EXPECT_THAT(routers(translate()), ElementsAre("on: Host(`on`) on"));
  EXPECT_EQ(problems.text(), "container odd: error: enable: expected true or false\n");
}

TEST_F(DockerTranslation, ChoosesContainersByConstraints) {
  add("a", "10.0.0.2", {{"stage", "live"}}, {"80/tcp"});
  add("b", "10.0.0.3", {{"stage", "test"}}, {"80/tcp"});
  settings.constraints = "LabelRegex(`stage`, `^l`) && !Label(`x`, `y`)";
  EXPECT_THAT(routers(translate()), ElementsAre("a: Host(`a`) a"));
}

TEST_F(DockerTranslation, RefusesABrokenRuleOrConstraint) {
  settings.default_rule = "Host(`{{ nomalize .Name }}`)";
  settings.constraints = "Label(`a`)";
  const auto translation = Translation::make(settings);
  ASSERT_FALSE(translation.has_value());
  EXPECT_THAT(translation.error().text(),
              HasSubstr("providers.docker.defaultRule: expected one of the functions"));
  EXPECT_THAT(
      translation.error().text(),
      HasSubstr("providers.docker.constraints: expected , and a second text at column 10 of \"Label(`a`)\""));
}

TEST_F(DockerTranslation, ReadsServerLabels) {
  add("a", "10.0.0.2",
      {{"traefik.http.services.s.loadbalancer.server.scheme", "h2c"},
       {"traefik.http.services.s.loadbalancer.servers[0].port", "81"},
       {"traefik.http.services.s.loadbalancer.server.weight", "3"}},
      {"80/tcp"});
  add("b", "10.0.0.3", {{"traefik.http.services.t.loadbalancer.server.url", "http://other:9"}});
  add("c", "10.0.0.4", {{"traefik.http.services.u.loadbalancer.servers[0].port", "82"}});
  const config::Dynamic dynamic = translate();
  EXPECT_THAT(urls(dynamic, "t"), ElementsAre("http://other:9"));
  EXPECT_THAT(urls(dynamic, "u"), ElementsAre("http://10.0.0.4:82"));
  EXPECT_THAT(routers(dynamic), testing::Contains("b: Host(`b`) t"));
}

TEST_F(DockerTranslation, ReportsWhatIsWrongAndLeavesTheContainerOut) {
  add("a", "10.0.0.2", {{"traefik.http.services.a.loadbalancer.server.port", "http"}});
  add("b", "10.0.0.3",
      {{"traefik.http.services.b.loadbalancer.server.url", "http://x:1"},
       {"traefik.http.services.b.loadbalancer.server.port", "80"}});
  add("c", "10.0.0.4", {{"traefik.http.routers.c.rule", "Path(`/c`)"}});
  add("d", "", {{"traefik.http.routers.d.rule", "Path(`/d`)"}}, {"80/tcp"});
  add("e", "10.0.0.6", {{"traefik.http.routers.e.priority", "high"}}, {"80/tcp"});
  add("f", "10.0.0.7", {{"traefik.http.routers.f.rule", "Path(`/f`)"}}, {"80/tcp"});
  EXPECT_THAT(routers(translate()), ElementsAre("f: Path(`/f`) f"));
  EXPECT_EQ(
      problems.text(),
      "container a: error: http.services.a.loadbalancer.server.port: expected a number from 1 to 65535, got "
      "\"http\"\n"
      "container a: error: http.services.a: the port is missing: the image exposes none, so a label "
      "loadbalancer.server.port has to name it\n"
      "container b: error: http.services.b.loadbalancer.server.url: expected either url, or port and scheme, "
      "not both\n"
      "container c: error: http.services.c: the port is missing: the image exposes none, so a label "
      "loadbalancer.server.port has to name it\n"
      "container d: error: http.services.d: it has no IP address\n"
      "container e: error: http.routers.e.priority: expected a whole number, got \"high\"\n");
}

TEST_F(DockerTranslation, LinksRoutersToTheOnlyServiceAndLeavesOutTheOthers) {
  add("a", "10.0.0.2",
      {{"traefik.http.services.one.loadbalancer.server.port", "1"},
       {"traefik.http.services.two.loadbalancer.server.port", "2"},
       {"traefik.http.routers.x.rule", "Path(`/x`)"},
       {"traefik.http.routers.y.rule", "Path(`/y`)"},
       {"traefik.http.routers.y.service", "two"}});
  const config::Dynamic dynamic = translate();
  EXPECT_THAT(routers(dynamic), ElementsAre("y: Path(`/y`) two"));
  EXPECT_THAT(urls(dynamic, "one"), ElementsAre("http://10.0.0.2:1"));
  EXPECT_THAT(problems.text(), HasSubstr("warning: http.routers.x: expected a label http.routers.x.service"));
}

TEST_F(DockerTranslation, LeavesConflictsOutAndNamesThem) {
  add("a", "10.0.0.2",
      {{"traefik.http.routers.web.rule", "Path(`/a`)"},
       {"traefik.http.services.s.loadbalancer.server.port", "80"}});
  add("b", "10.0.0.3",
      {{"traefik.http.routers.web.rule", "Path(`/b`)"},
       {"traefik.http.services.s.loadbalancer.server.port", "80"},
       {"traefik.http.services.s.loadbalancer.strategy", "hrw"}});
  const config::Dynamic dynamic = translate();
  EXPECT_THAT(routers(dynamic), IsEmpty());
  EXPECT_THAT(dynamic.services, IsEmpty());
  EXPECT_EQ(problems.text(),
            "container a: error: http.routers.web: defined in different ways by container a and container b, "
            "so it is "
            "left out\n"
            "container a: error: http.services.s: defined in different ways by container a and container b, "
            "so it is "
            "left out\n");
}

TEST_F(DockerTranslation, FencesWhatStopsAndLetsItsSuccessorDefine) {
  add("a", "10.0.0.2",
      {{"traefik.http.routers.web.rule", "Path(`/a`)"},
       {"traefik.http.services.s.loadbalancer.server.port", "80"}})
      .stopping = true;
  EXPECT_THAT(urls(translate(), "s"), ElementsAre("http://10.0.0.2:80 fenced"));
  add("b", "10.0.0.3",
      {{"traefik.http.routers.web.rule", "Path(`/b`)"},
       {"traefik.http.services.s.loadbalancer.server.port", "80"},
       {"traefik.http.services.s.loadbalancer.strategy", "hrw"}});
  const config::Dynamic dynamic = translate();
  EXPECT_THAT(routers(dynamic), ElementsAre("web: Path(`/b`) s"));
  EXPECT_THAT(urls(dynamic, "s"), ElementsAre("http://10.0.0.3:80", "http://10.0.0.2:80 fenced"));
  EXPECT_TRUE(problems.empty()) << problems.text();
}

TEST_F(DockerTranslation, PassesOverWhatIsNotWell) {
  Seen& seen = add("a", "10.0.0.2", {{"traefik.http.routers.a.rule", "Path(`/a`)"}}, {"80/tcp"});
  for (const Health health : {Health::kStarting, Health::kUnhealthy}) {
    seen.container.health = health;
    EXPECT_THAT(routers(translate()), IsEmpty());
  }
  settings.allow_empty_services = true;
  const config::Dynamic empty = translate();
  EXPECT_THAT(routers(empty), ElementsAre("a: Path(`/a`) a"));
  EXPECT_THAT(urls(empty, "a"), IsEmpty());
  settings.allow_empty_services = false;
  seen.container.health = Health::kHealthy;
  EXPECT_THAT(urls(translate(), "a"), ElementsAre("http://10.0.0.2:80"));
  seen.container.paused = true;
  EXPECT_THAT(urls(translate(), "a"), ElementsAre("http://10.0.0.2:80 fenced"));
  seen.container.running = false;
  EXPECT_THAT(routers(translate()), IsEmpty());
  seen.container.labels["traefik.docker.allownonrunning"] = "true";
  EXPECT_THAT(urls(translate(), "a"), IsEmpty());
  EXPECT_TRUE(problems.empty()) << problems.text();
}

TEST_F(DockerTranslation, RoutesToLimpetItselfWhateverItsContainersHealth) {
  add("lb", "10.0.0.2",
      {{"traefik.http.routers.api.service", "api@internal"},
       {"traefik.http.routers.other.service", "app"},
       {"traefik.http.services.app.loadbalancer.server.port", "3000"}})
      .container.health = Health::kStarting;
  const config::Dynamic dynamic = translate();
  EXPECT_THAT(routers(dynamic), ElementsAre("api: Host(`lb`) api@internal"));
  EXPECT_THAT(dynamic.services, IsEmpty());
}

TEST_F(DockerTranslation, ChoosesTheNetwork) {
  nlohmann::json json = inspected("a", "10.0.0.2", {{"traefik.docker.network", "web"}}, {"80/tcp"});
  json["NetworkSettings"]["Networks"] = {{"web", {{"IPAddress", "10.1.0.2"}}},
                                         {"app", {{"IPAddress", "10.2.0.2"}}},
                                         {"six", {{"IPAddress", ""}, {"GlobalIPv6Address", "fd00::2"}}},
                                         {"aaa", {{"IPAddress", ""}, {"GlobalIPv6Address", ""}}}};
  Seen& seen = add(json);
  EXPECT_THAT(urls(translate(), "a"), ElementsAre("http://10.1.0.2:80"));
  seen.container.labels.erase("traefik.docker.network");
  EXPECT_THAT(urls(translate(), "a"), ElementsAre("http://10.2.0.2:80"));
  settings.network = "six";
  EXPECT_THAT(urls(translate(), "a"), ElementsAre("http://[fd00::2]:80"));
  EXPECT_TRUE(problems.empty()) << problems.text();
  settings.network = "none";
  EXPECT_THAT(urls(translate(), "a"), ElementsAre("http://10.2.0.2:80"));
  EXPECT_EQ(problems.text(),
            "container a: warning: docker.network: it is not in network none, so its address in app is used; "
            "Compose "
            "puts the project's name before a network's\n");
}

TEST_F(DockerTranslation, FollowsHostAndSharedNetworks) {
  nlohmann::json host = inspected("host", "", nlohmann::json::object());
  host["HostConfig"]["NetworkMode"] = "host";
  host["Config"]["ExposedPorts"] = {{"8080/tcp", nlohmann::json::object()}};
  add(host);
  add("owner", "10.0.0.2", {{"traefik.enable", "false"}});
  nlohmann::json guest = inspected("guest", "", {{"traefik.http.services.g.loadbalancer.server.port", "90"}});
  guest["HostConfig"]["NetworkMode"] = "container:id-owner";
  add(guest);
  nlohmann::json lost = inspected("lost", "", {{"traefik.http.services.l.loadbalancer.server.port", "90"}});
  lost["HostConfig"]["NetworkMode"] = "container:gone";
  add(lost);
  nlohmann::json circle =
      inspected("circle", "", {{"traefik.http.services.c.loadbalancer.server.port", "90"}});
  circle["HostConfig"]["NetworkMode"] = "container:circle";
  add(circle);
  const config::Dynamic dynamic = translate();
  EXPECT_THAT(urls(dynamic, "host"), ElementsAre("http://127.0.0.1:8080"));
  EXPECT_THAT(urls(dynamic, "g"), ElementsAre("http://10.0.0.2:90"));
  EXPECT_EQ(problems.text(),
            "container circle: error: http.services.c: its network is that of circle, which does not run\n"
            "container lost: error: http.services.l: its network is that of gone, which does not run\n");
}

TEST_F(DockerTranslation, UsesBoundPortsIfAsked) {
  settings.use_bind_port_ip = true;
  nlohmann::json json = inspected("a", "10.0.0.2", nlohmann::json::object());
  json["NetworkSettings"]["Ports"] = {{"80/tcp", {{{"HostIp", "192.168.1.5"}, {"HostPort", "8080"}}}}};
  Seen& seen = add(json);
  EXPECT_THAT(urls(translate(), "a"), ElementsAre("http://192.168.1.5:8080"));
  seen.container.ports[0].bindings[0].host_ip = "0.0.0.0";
  EXPECT_THAT(urls(translate(), "a"), ElementsAre("http://10.0.0.2:80"));
  EXPECT_THAT(problems.text(), HasSubstr("port 80 is not bound to an address of the host"));
}

TEST_F(DockerTranslation, ReadsLimpetsOwnLabelsOverTraefiks) {
  add("a", "10.0.0.2",
      {{"traefik.http.services.s.loadbalancer.server.port", "80"},
       {"limpet.http.services.s.loadbalancer.capacity", "200"},
       {"limpet.http.services.S.loadBalancer.sticky.sources", "cookie,sid"},
       {"traefik.http.services.s.loadbalancer.sticky", "true"},
       {"com.docker.compose.project", "demo"},
       {"com.docker.compose.service", "web"},
       {"limpet.scale.min", "2"},
       {"limpet.scale.Max", "9"}});
  const config::Dynamic dynamic = translate();
  const auto& balancer = std::get<config::LoadBalancer>(dynamic.services.at("s").kind);
  EXPECT_EQ(balancer.capacity, 200U);
  ASSERT_TRUE(balancer.sticky);
  EXPECT_EQ(balancer.sticky->sources.size(), 2U);
  ASSERT_TRUE(balancer.scaling);
  EXPECT_EQ(balancer.scaling->min, 2U);
  EXPECT_EQ(balancer.scaling->max, 9U);
  ASSERT_TRUE(balancer.scaling->docker);
  EXPECT_EQ(balancer.scaling->docker->project, "demo");
  EXPECT_EQ(balancer.scaling->docker->service, "web");
  EXPECT_TRUE(balancer.scaling->docker->discovered);
  EXPECT_TRUE(problems.empty()) << problems.text();
}

TEST_F(DockerTranslation, ScalesTheServiceThatHasNoName) {
  add("a", "10.0.0.2",
      {{"limpet.scale.min", "2"},
       {"limpet.scale.max", "3"},
       {"com.docker.compose.project", "p"},
       {"com.docker.compose.service", "a"}},
      {"80/tcp"});
  add("b", "10.0.0.3",
      {{"limpet.scale.min", "2"},
       {"traefik.http.services.one.loadbalancer.server.port", "1"},
       {"traefik.http.services.two.loadbalancer.server.port", "2"}});
  const config::Dynamic dynamic = translate();
  EXPECT_THAT(urls(dynamic, "a-p"), ElementsAre("http://10.0.0.2:80"));
  EXPECT_TRUE(std::get<config::LoadBalancer>(dynamic.services.at("a-p").kind).scaling);
  EXPECT_THAT(problems.text(), HasSubstr("container b: error: limpet.scale: expected one service, got 2"));
}

TEST_F(DockerTranslation, ScalesOnlyReplicasAndOnlyOneServiceOfThem) {
  add("a", "10.0.0.2", {{"limpet.scale.min", "2"}}, {"80/tcp"});
  add("b", "10.0.0.3",
      {{"traefik.http.routers.r.service", "one"},
       {"limpet.http.services.one.loadbalancer.scaling.max", "4"},
       {"limpet.http.services.two.loadbalancer.scaling.max", "5"},
       {"com.docker.compose.project", "p"},
       {"com.docker.compose.service", "b"}},
      {"80/tcp"});
  const config::Dynamic dynamic = translate();
  const auto scaling = [&](const char* name) {
    return std::get<config::LoadBalancer>(dynamic.services.at(name).kind).scaling;
  };
  EXPECT_THAT(urls(dynamic, "a"), ElementsAre("http://10.0.0.2:80"));
  EXPECT_FALSE(scaling("a"));
  EXPECT_EQ(scaling("one")->docker->service, "b");
  EXPECT_FALSE(scaling("two"));
  EXPECT_FALSE(problems.has_errors());
  EXPECT_THAT(problems.text(), HasSubstr("container a: warning: http.services.a.loadbalancer.scaling: only "
                                         "containers of Compose services can be multiplied"));
  EXPECT_THAT(problems.text(),
              HasSubstr("http.services.two.loadbalancer.scaling: a Compose service has one"));
}

TEST_F(DockerTranslation, KeepsAScaledServiceWhoseReplicasDoNotRun) {
  const nlohmann::json labels = {{"limpet.scale.min", "0"},
                                 {"traefik.http.routers.web.rule", "Host(`a`)"},
                                 {"com.docker.compose.project", "p"},
                                 {"com.docker.compose.service", "web"}};
  auto stopped = inspected("a", "", labels, {"80/tcp"});
  stopped["State"]["Running"] = false;
  add(stopped);
  EXPECT_THAT(urls(translate(), "web-p"), IsEmpty());
  EXPECT_THAT(routers(translate()), ElementsAre(HasSubstr("web")));
  // What runs says what counts.
  auto newer = labels;
  newer["limpet.scale.min"] = "1";
  Seen& running = add("b", "10.0.0.3", newer, {"80/tcp"});
  EXPECT_THAT(urls(translate(), "web-p"), ElementsAre("http://10.0.0.3:80"));
  EXPECT_EQ(std::get<config::LoadBalancer>(translate().services.at("web-p").kind).scaling->min, 1U);
  running.container.health = Health::kStarting;
  EXPECT_THAT(urls(translate(), "web-p"), IsEmpty());
  EXPECT_TRUE(problems.empty()) << problems.text();
  EXPECT_TRUE(is_kept_stopped(labels.get<std::map<std::string, std::string>>()));
  auto one_off = labels;
  one_off["com.docker.compose.oneoff"] = "True";
  EXPECT_FALSE(is_kept_stopped(one_off.get<std::map<std::string, std::string>>()));
  EXPECT_FALSE(is_kept_stopped({{"limpet.scale.min", "0"}}));
}

TEST_F(DockerTranslation, WarnsOfOtherProtocolsAndMakesNoRouterForThem) {
  add("a", "10.0.0.2", {{"traefik.tcp.routers.a.rule", "HostSNI(`*`)"}}, {"80/tcp"});
  EXPECT_THAT(routers(translate()), IsEmpty());
  EXPECT_EQ(problems.text(), "container a: warning: tcp: not supported yet, ignored\n");
}

}  // namespace
}  // namespace limpet::providers::docker
