#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>
#include <string>
#include <string_view>

#include "unit/cli/outcome.h"

namespace limpet::cli {
namespace {

constexpr std::string_view kStatic = R"(entryPoints:
  web:
    address: ":8000"
providers:
  file:
    filename: dynamic.yml
)";

constexpr std::string_view kDynamic = R"(http:
  routers:
    chat:
      rule: Host(`example.org`)
      entryPoints: [web]
      service: chat
  services:
    chat:
      loadBalancer:
        servers:
          - url: http://no-such-host.invalid:3000
)";

constexpr std::string_view kBroken = R"(http:
  routers:
    chat:
      rule: Host(`example.org`) && Pth(`/`)
      service: chat
    api:
      rule: Host(`example.org`)
      service: nowhere
  services:
    chat:
      loadBalancer:
        servers:
          - url: http://127.0.0.1:3000
        sticky:
          cookie:
            nmae: x
)";

class Check : public testing::Test {
 protected:
  void SetUp() override {
    directory_ =
        std::filesystem::path(testing::TempDir()) /
        ("limpet-check-" + std::string(testing::UnitTest::GetInstance()->current_test_info()->name()));
    std::filesystem::create_directories(directory_);
  }
  void TearDown() override { std::filesystem::remove_all(directory_); }
  std::string file(const std::string& name, std::string_view text) {
    const std::filesystem::path path = directory_ / name;
    std::ofstream(path) << text;
    return path.string();
  }
  std::filesystem::path directory_;
};

TEST_F(Check, GoodFilesAreFine) {
  const Outcome outcome = run({"check", file("limpet.yml", kStatic), file("dynamic.yml", kDynamic)});
  EXPECT_EQ(outcome.out, "0 errors, 0 warnings\n");
  EXPECT_EQ(outcome.status, kExitFine);
  EXPECT_EQ(run({"check", directory_.string()}).status, kExitFine);
  EXPECT_EQ(run({"check", file("dynamic.yml", kDynamic)}).status, kExitFine);
}

TEST_F(Check, ListsEveryErrorWithItsPlace) {
  const std::string path = file("broken.yml", kBroken);
  const Outcome outcome = run({"check", path});
  EXPECT_EQ(outcome.status, kExitFailed);
  const auto has = [&](const std::string& text) { return outcome.out.find(text) != std::string::npos; };
  EXPECT_TRUE(has(path + ":4:36: error: http.routers.chat.rule: ")) << outcome.out;
  EXPECT_TRUE(
      has(path + ":6:5: error: http.routers.api.service: the service \"nowhere@file\" does not exist"))
      << outcome.out;
  EXPECT_TRUE(has(path + ":16:13: error: ")) << outcome.out;
  EXPECT_TRUE(has("did you mean name?")) << outcome.out;
  EXPECT_TRUE(outcome.out.ends_with("\n3 errors, 0 warnings\n")) << outcome.out;
}

TEST_F(Check, JsonHoldsTheSame) {
  const std::string path = file("broken.yml", kBroken);
  const Outcome outcome = run({"check", "--json", path});
  EXPECT_EQ(outcome.status, kExitFailed);
  const auto json = nlohmann::json::parse(outcome.out);
  EXPECT_EQ(json["errors"], 3);
  EXPECT_EQ(json["warnings"], 0);
  ASSERT_EQ(json["problems"].size(), 3U);
  EXPECT_EQ(json["problems"][0]["severity"], "error");
  EXPECT_EQ(json["problems"][0]["file"], path);
  EXPECT_EQ(json["problems"][0]["line"], 4);
  EXPECT_EQ(json["problems"][0]["column"], 36);
  EXPECT_EQ(json["problems"][0]["key"], "http.routers.chat.rule");
}

TEST_F(Check, UnknownKeysAreWarningsWhenLenient) {
  std::string text(kDynamic);
  text += "    spare: {loadBalancer: {servers: [{url: http://127.0.0.1:1}], stiky: {}}}\n";
  const std::string path = file("dynamic.yml", text);
  EXPECT_EQ(run({"check", path}).status, kExitFailed);
  const Outcome lenient = run({"check", "--lenient", path});
  EXPECT_EQ(lenient.status, kExitFine) << lenient.out;
  EXPECT_TRUE(lenient.out.ends_with("\n0 errors, 1 warning\n")) << lenient.out;
  EXPECT_EQ(run({"check", file("traefik.yml", kStatic), path}).status, kExitFine);
  const std::string own = file("limpet.yml", std::string(kStatic) + "compat:\n  lenient: true\n");
  EXPECT_EQ(run({"check", own, path}).status, kExitFine);
}

TEST_F(Check, RoutersAreHeldAgainstTheEntryPoints) {
  std::string text(kDynamic);
  text.replace(text.find("[web]"), 5, "[wbe]");
  const Outcome outcome = run({"check", file("limpet.yml", kStatic), file("dynamic.yml", text)});
  EXPECT_EQ(outcome.status, kExitFailed);
  EXPECT_NE(outcome.out.find("entryPoint \"wbe\" doesn't exist"), std::string::npos) << outcome.out;
}

TEST_F(Check, AMissingFileIsAnError) {
  const Outcome outcome = run({"check", (directory_ / "none.yml").string()});
  EXPECT_EQ(outcome.status, kExitFailed);
  EXPECT_NE(outcome.out.find("none.yml: error: "), std::string::npos);
  EXPECT_EQ(run({"check"}).status, kExitUsage);
}

}  // namespace
}  // namespace limpet::cli
