#include "api_fixture.h"

namespace limpet::admin {
namespace {

using testing::HasSubstr;

class ScalingApi : public ApiFixture {};

TEST_F(ScalingApi, TellsWhatIsWantedAndWhy) {
  EXPECT_EQ(get("/api/scaling"), Json::array());
  scale_chat();
  const Json pool = get("/api/scaling/chat");
  EXPECT_EQ(pool["service"], "chat@file");
  EXPECT_EQ(pool["wanted"], 1);
  EXPECT_EQ(pool["ready"], 1);
  EXPECT_EQ(pool["starting"], 1);
  EXPECT_EQ(pool["servers"][0]["state"], "ready");
  EXPECT_EQ(pool["servers"][1]["state"], "starting");
  EXPECT_THAT(std::string(pool["why"]), HasSubstr("want 1: "));
  EXPECT_EQ(get("/api/scaling/chat@file")["service"], "chat@file");
  EXPECT_EQ(ask("GET", "/api/scaling/other").status, 404);
}

TEST_F(ScalingApi, ChangesWhatIsGivenOnly) {
  scale_chat();
  EXPECT_EQ(ask("POST", "/api/scaling/chat?min=3&command=chat%20-v%20%7Bport%7D").status, 200);
  EXPECT_EQ(ask("POST", "/api/scaling/chat?paused=true").status, 200);
  const Json changed = get("/api/scaling/chat")["changed"];
  EXPECT_EQ(changed, (Json{{"min", 3},
                           {"max", nullptr},
                           {"paused", true},
                           {"command", "chat -v {port}"},
                           {"image", nullptr}}));
  EXPECT_EQ(driver->command, "chat -v {port}");
  EXPECT_EQ(ask("POST", "/api/scaling/chat?min=default&command=default&paused=false").status, 200);
  EXPECT_EQ(get("/api/scaling/chat")["min"], 1);
  EXPECT_EQ(driver->command, "chat {port}");
}

TEST_F(ScalingApi, SaysWhatIsAllowed) {
  scale_chat();
  const auto message = [this](std::string_view query) {
    const routing::InternalAnswer answer = ask("POST", "/api/scaling/chat?" + std::string(query));
    EXPECT_EQ(answer.status, 400) << query;
    return std::string(Json::parse(answer.body)["message"]);
  };
  EXPECT_EQ(message("min=x"), "min: expected a number up to 10000, or default, got \"x\"");
  EXPECT_EQ(message("min=11"), "min: expected at most max, which is 10, got 11");
  EXPECT_EQ(message("max=0"), "max: expected at least 1");
  EXPECT_EQ(message("paused=yes"), "paused: expected true or false, got \"yes\"");
  EXPECT_EQ(message("command='"), "command: expected an end of the quote at column 1");
  const routing::InternalAnswer wrong = ask("DELETE", "/api/scaling/chat");
  EXPECT_EQ(wrong.status, 405);
  EXPECT_EQ(field(wrong, "Allow"), "GET, HEAD, POST");
}

TEST_F(ScalingApi, HasMetricsOfServicesThatAreScaled) {
  EXPECT_THAT(ask("GET", "/metrics").body, testing::Not(HasSubstr("limpet_scaling")));
  scale_chat();
  const std::string page = ask("GET", "/metrics").body;
  EXPECT_THAT(page, HasSubstr("limpet_scaling_servers{service=\"chat@file\",state=\"ready\"} 1"));
  EXPECT_THAT(page, HasSubstr("limpet_scaling_launches_total{service=\"chat@file\"} 1"));
}

}  // namespace
}  // namespace limpet::admin
