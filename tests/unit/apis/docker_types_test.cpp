#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <csignal>
#include <fstream>
#include <iterator>

#include "apis/docker/types.h"

namespace limpet::apis::docker {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

std::string data(const std::string& name) {
  std::ifstream file(std::string(LIMPET_TEST_DATA) + "/docker/" + name);
  EXPECT_TRUE(file) << name;
  return {std::istreambuf_iterator<char>(file), {}};
}

TEST(DockerTypes, ReadAContainer) {
  const auto container = parse_container(data("container.json"));
  ASSERT_TRUE(container.has_value()) << container.error();
  EXPECT_EQ(container->name, "demo_nodeapp_1");
  EXPECT_TRUE(container->running);
  EXPECT_FALSE(container->paused);
  EXPECT_EQ(container->started_at, "2026-01-05T10:00:01Z");
  EXPECT_EQ(container->health, Health::kHealthy);
  EXPECT_EQ(container->network_mode, "demo_default");
  EXPECT_EQ(container->labels.at("traefik.http.routers.webapp.rule"), "Host(`localhost`)");
  EXPECT_THAT(container->networks,
              ElementsAre(Network{.name = "backend", .ipv4 = "", .ipv6 = "fd00::2"},
                          Network{.name = "demo_default", .ipv4 = "172.20.0.2", .ipv6 = ""}));
  ASSERT_EQ(container->ports.size(), 2U);  // the UDP port is none for us
  EXPECT_EQ(container->ports[0], (Port{.number = 3000, .bindings = {}}));
  EXPECT_THAT(container->ports[1].bindings, ElementsAre(Binding{.host_ip = "0.0.0.0", .host_port = 19000},
                                                        Binding{.host_ip = "::", .host_port = 19000}));
  EXPECT_EQ(container->stop_signal, SIGUSR2);
}

TEST(DockerTypes, ReadAContainerThatSaysLittle) {
  const auto container = parse_container(R"({"Id":"1","Name":"/x","State":{"Running":true,"Restarting":true},
      "Config":{"Labels":null,"ExposedPorts":{"80/tcp":{},"0/tcp":{},"no/tcp":{},"8080":{}}},
      "NetworkSettings":{"Ports":{},"Networks":null}})");
  ASSERT_TRUE(container.has_value()) << container.error();
  EXPECT_FALSE(container->running);
  EXPECT_EQ(container->health, Health::kNone);
  ASSERT_EQ(container->ports.size(), 2U);
  EXPECT_EQ(container->ports[0].number, 80);
  EXPECT_EQ(container->ports[1].number, 8080);
  EXPECT_EQ(container->stop_signal, SIGTERM);
}

TEST(DockerTypes, RefuseWhatIsNoContainer) {
  for (const char* text : {"", "{", "[]", "null", R"({"Id":"1"})", R"({"Id":1,"Name":"/x"})"}) {
    EXPECT_FALSE(parse_container(text).has_value()) << text;
  }
  EXPECT_FALSE(parse_list("{}").has_value());
  EXPECT_FALSE(parse_list(R"([{"State":"running"}])").has_value());
}

TEST(DockerTypes, ReadAList) {
  const auto list = parse_list(data("list.json"));
  ASSERT_TRUE(list.has_value()) << list.error();
  ASSERT_EQ(list->size(), 3U);
  EXPECT_FALSE((*list)[0].running);
  EXPECT_TRUE((*list)[1].running);
  EXPECT_EQ((*list)[1].labels.at("traefik.enable"), "true");
  EXPECT_TRUE((*list)[2].running);
  EXPECT_THAT((*list)[2].labels, IsEmpty());
}

TEST(DockerTypes, ReadEvents) {
  std::ifstream file(std::string(LIMPET_TEST_DATA) + "/docker/events.jsonl");
  std::vector<std::string> seen;
  for (std::string line; std::getline(file, line);) {
    const auto event = parse_event(line);
    ASSERT_TRUE(event.has_value()) << event.error();
    seen.push_back(fmt::format("{} {} {}", event->action, event->container, event->signal));
  }
  EXPECT_THAT(seen, ElementsAre("start aa2 0", "connect aa2 0", "create  0", "kill aa2 15",
                                "health_status: unhealthy aa2 0"));
  EXPECT_FALSE(parse_event("pong").has_value());
}

TEST(DockerTypes, KnowSignals) {
  EXPECT_EQ(signal_number("15"), 15);
  EXPECT_EQ(signal_number("SIGTERM"), SIGTERM);
  EXPECT_EQ(signal_number("quit"), SIGQUIT);
  EXPECT_EQ(signal_number("SIGRTMIN+3"), SIGRTMIN + 3);
  for (const char* none : {"", "SIG", "SIGNONE", "-1", "SIGRTMIN+99", "RTMIN+"}) {
    EXPECT_EQ(signal_number(none), 0) << none;
  }
}

TEST(DockerTypes, ReadWhatTheEngineSaysOfAFailure) {
  EXPECT_EQ(parse_message(R"({"message":"No such container: x\n"})"), "No such container: x\\n");
  EXPECT_EQ(parse_message("Bad gateway"), "Bad gateway");
}

}  // namespace
}  // namespace limpet::apis::docker
