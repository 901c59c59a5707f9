#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>
#include <iterator>
#include <nlohmann/json.hpp>
#include <string>

#include "apis/docker/compose.h"

namespace limpet::apis::docker {
namespace {

using Json = nlohmann::json;
using testing::ElementsAre;
using testing::IsEmpty;

const ComposeService kNodeApp{.project = "demo", .service = "nodeapp"};

std::string data(const std::string& name) {
  std::ifstream file(std::string(LIMPET_TEST_DATA) + "/docker/" + name);
  EXPECT_TRUE(file) << name;
  return {std::istreambuf_iterator<char>(file), {}};
}

Json as_json(const NewReplica& replica) {
  Json connections = Json::object();
  for (const auto& each : replica.connections) connections[each.network] = Json::parse(each.endpoint);
  return {{"name", replica.name}, {"body", Json::parse(replica.body)}, {"connections", connections}};
}

/// The name of the next replica of a container.
std::string name_after(const std::string& name, const std::string& project, const std::string& version) {
  const Json container = {{"Id", "1"},
                          {"Name", "/" + name},
                          {"Config",
                           {{"Labels",
                             {{"com.docker.compose.project", project},
                              {"com.docker.compose.service", "web"},
                              {"com.docker.compose.version", version}}}}}};
  return next_replica(container.dump(), 7, {.name = "i", .id = "sha256:1", .before = {}})->name;
}

TEST(ComposeReplica, IsLikeTheOneItIsMadeAfter) {
  const std::string inspected = data("replica.json");
  const auto replica = next_replica(inspected, 5, image_of(inspected).value());
  ASSERT_TRUE(replica.has_value()) << replica.error();
  EXPECT_EQ(as_json(*replica), Json::parse(data("next_replica.json")));
}

TEST(ComposeReplica, HasOnlyItsOwnSettingsWithAnotherImage) {
  const auto replica = next_replica(
      data("replica.json"), 5, {.name = "nodewsapp:2", .id = "sha256:2222", .before = data("image.json")});
  ASSERT_TRUE(replica.has_value()) << replica.error();
  EXPECT_EQ(as_json(*replica), Json::parse(data("rolled_replica.json")));
}

TEST(ComposeReplica, KeepsACommandOfItsOwnWithAnotherImage) {
  Json inspected = Json::parse(data("replica.json"));
  inspected["Config"]["Cmd"] = {"node", "other.js"};
  const auto replica = next_replica(
      inspected.dump(), 5, {.name = "nodewsapp:2", .id = "sha256:2222", .before = data("image.json")});
  const Json body = Json::parse(replica->body);
  EXPECT_EQ(body["Cmd"], Json({"node", "other.js"}));
  EXPECT_FALSE(body.contains("Entrypoint"));
}

TEST(ComposeReplica, HasTheNameThatItsComposeWouldGive) {
  EXPECT_EQ(name_after("demo_web_1", "demo", "1.29.2"), "demo_web_7");
  EXPECT_EQ(name_after("demo-web-12", "demo", "2.24.0"), "demo-web-7");
  EXPECT_EQ(name_after("demo_web_1", "demo", "2.24.0"), "demo_web_7");
  EXPECT_EQ(name_after("0123456789ab_demo_web_1", "demo", "1.29.2"), "demo_web_7");
  EXPECT_EQ(name_after("chat", "demo", "1.29.2"), "demo_web_7");
  EXPECT_EQ(name_after("chat", "_demo", "2.1.0"), "demo-web-7");
}

TEST(ComposeReplica, SharesNeitherHostNameNorPortsWithAnotherNetwork) {
  Json inspected = Json::parse(data("replica.json"));
  inspected["HostConfig"]["NetworkMode"] = "container:abc";
  inspected["NetworkSettings"]["Networks"] = Json::object();
  const auto replica = next_replica(inspected.dump(), 5, image_of(inspected.dump()).value());
  const Json body = Json::parse(replica->body);
  EXPECT_FALSE(body.contains("Hostname"));
  EXPECT_FALSE(body.contains("ExposedPorts"));
  EXPECT_FALSE(body.contains("NetworkingConfig"));
  EXPECT_THAT(replica->connections, IsEmpty());
}

TEST(ComposeReplica, IsMadeOfNothingElse) {
  for (const char* text : {"", "[]", "{}", R"({"Id":"1"})", R"({"Id":"1","Config":{"Labels":{}}})"}) {
    EXPECT_FALSE(next_replica(text, 1, {}).has_value()) << text;
    EXPECT_FALSE(image_of(text).has_value()) << text;
  }
}

TEST(ComposeReplicas, AreThoseOfTheService) {
  const auto replicas = parse_replicas(data("replicas.json"), kNodeApp);
  ASSERT_TRUE(replicas.has_value()) << replicas.error();
  ASSERT_EQ(replicas->size(), 2U);
  const Replica& first = replicas->front();
  EXPECT_EQ(first.id, "aa1");
  EXPECT_EQ(first.name, "demo_nodeapp_1");
  EXPECT_EQ(first.number, 1U);
  EXPECT_EQ(first.image_id, "sha256:1111");
  EXPECT_EQ(first.state, Replica::State::kRunning);
  EXPECT_EQ(first.health, Health::kStarting);
  EXPECT_EQ(first.created, 1767607200);
  EXPECT_TRUE(first.is_at("172.20.0.2", 3000));
  EXPECT_TRUE(first.is_at("fd00::2", 3000));
  EXPECT_TRUE(first.is_at("127.0.0.1", 32768));
  EXPECT_FALSE(first.is_at("127.0.0.1", 3000));
  const Replica& second = replicas->back();
  EXPECT_EQ(second.state, Replica::State::kEnded);
  EXPECT_EQ(second.status, "Exited (137)");
  EXPECT_FALSE(second.is_at("", 3000));
}

TEST(ComposeReplicas, AreReadStrictly) {
  EXPECT_FALSE(parse_replicas("{}", kNodeApp).has_value());
  EXPECT_FALSE(parse_replicas("[", kNodeApp).has_value());
  EXPECT_TRUE(parse_replicas("[{}, 1, null]", kNodeApp)->empty());
  EXPECT_FALSE(
      parse_replicas(
          R"([{"Labels":{"com.docker.compose.project":"demo","com.docker.compose.service":"nodeapp"}}])",
          kNodeApp)
          .has_value());
}

TEST(ComposeService, IsFoundByItsLabels) {
  EXPECT_EQ(label_filter({.project = "de\"mo", .service = "web"}),
            R"("label":["com.docker.compose.project=de\"mo","com.docker.compose.service=web"])");
}

TEST(DockerOutput, IsOneLine) {
  const std::string header("\x01\x00\x00\x00\x00\x00\x00\x06", 8);
  EXPECT_EQ(last_line(header + "oh no\n"), "oh no");
  EXPECT_EQ(last_line("plain\r\n"), "plain");
  EXPECT_EQ(last_line(header + "one\ntwo\x1b\n"), "two\\x1b");
  EXPECT_EQ(last_line(""), "");
}

TEST(DockerStop, LastsAsLongAsTheContainerSays) {
  EXPECT_EQ(stop_seconds(data("replica.json")), 25);
  EXPECT_EQ(stop_seconds("{}"), 10);
}

}  // namespace
}  // namespace limpet::apis::docker
