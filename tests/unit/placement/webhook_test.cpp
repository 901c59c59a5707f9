#include "placement/webhook.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>
#include <string>
#include <vector>

namespace limpet::placement {
namespace {

using Json = nlohmann::json;

const std::vector<std::string> kServers = {"http://10.0.0.1:80", "http://10.0.0.2:80"};

TEST(PlacementWebhook, QuestionTellsTheKeyAndWhatServersHave) {
  balancing::ServerRegistry registry(1);
  config::LoadBalancer settings;
  settings.placement.policy = config::PlacementPolicy::kWebhook;
  settings.placement.webhook.emplace().url = "http://127.0.0.1:9/";
  std::vector<balancing::Server> servers;
  for (const std::string& url : kServers) {
    balancing::Server& server = servers.emplace_back();
    server.state = registry.find_or_add("game@file", url);
    server.url = url;
  }
  servers[0].capacity = 100;
  ASSERT_TRUE(servers[0].state->try_reserve(4, 100));
  ASSERT_TRUE(servers[0].state->try_take_seat(balancing::SeatKind::kTunnel, 100));
  const balancing::Service service("game@file", settings, servers);
  const base::TimePoint deadline(std::chrono::seconds(7));
  const WebhookCall call = webhook_call({.service = &service, .seats = 3, .candidates = {0, 1}},
                                        {.service = "game@file", .key = "room \"7\" \xff"}, deadline);
  EXPECT_EQ(call.deadline, deadline);
  EXPECT_EQ(call.servers, kServers);
  EXPECT_EQ(Json::parse(call.question), Json::parse(R"({
    "service": "game@file", "key": "room \"7\" \ufffd", "seats": 3, "movedFrom": null, "servers": [
      {"url": "http://10.0.0.1:80", "users": 1, "reserved": 4, "capacity": 100, "load": 0.05},
      {"url": "http://10.0.0.2:80", "users": 0, "reserved": 0, "capacity": null, "load": null}]})"));
}

TEST(PlacementWebhook, AnswerNamesOneOfTheServersOrNone) {
  EXPECT_EQ(read_webhook_answer(R"({"server": "http://10.0.0.2:80", "why": "quiet"})", kServers).value(),
            "http://10.0.0.2:80");
  EXPECT_EQ(read_webhook_answer(R"({"server": null})", kServers).value(), std::nullopt);
}

TEST(PlacementWebhook, OtherAnswersAreRefusedWithASentence) {
  for (const std::string body : {"", "null", "[]", "{}", "{\"server\": 3}", "{\"server\": [null]}",
                                 "http://10.0.0.2:80", "{\"server\": \"http://10.0.0.2:80\"", "\xff\xfe"}) {
    EXPECT_EQ(read_webhook_answer(body, kServers).error(), R"(it did not answer {"server": URL or null})")
        << body;
  }
  EXPECT_EQ(read_webhook_answer(R"({"server": "http://10.0.0.2"})", kServers).error(),
            "it named http://10.0.0.2, which is none of the servers asked about");
}

}  // namespace
}  // namespace limpet::placement
