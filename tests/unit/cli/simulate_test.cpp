#include <gtest/gtest.h>

#include <nlohmann/json.hpp>
#include <string>

#include "unit/cli/outcome.h"

namespace limpet::cli {
namespace {

bool has(const std::string& text, std::string_view part) {
  return text.find(part) != std::string::npos;
}

nlohmann::json json_of(std::vector<std::string> options) {
  options.insert(options.begin(), {"simulate", "--shape", "flash", "--seeds", "1", "--json"});
  const Outcome outcome = run(options);
  EXPECT_EQ(outcome.status, kExitFine);
  EXPECT_EQ(outcome.err, "");
  return nlohmann::json::parse(outcome.out);
}

TEST(Simulate, PrintsATableThatIsTheSameEachTime) {
  const Outcome outcome = run({"simulate", "--shape", "flash", "--seeds", "1"});
  EXPECT_EQ(outcome.status, kExitFine);
  EXPECT_EQ(outcome.err, "");
  EXPECT_TRUE(has(outcome.out, "flash: 4 h of 500 users")) << outcome.out;
  EXPECT_TRUE(has(outcome.out, "100 seats a server, 30s to start one, averages of 1 run\n"));
  for (const char* row : {"\nkubernetes HPA 70 %  ", "\nlimpet, spread, drain 60m  ",
                          "\nlimpet, pack, drain 60m  ", "\nlimpet, pack, no deadline  "}) {
    EXPECT_TRUE(has(outcome.out, row)) << outcome.out;
  }
  EXPECT_EQ(run({"simulate", "--shape", "flash", "--seeds", "1"}).out, outcome.out);
}

TEST(Simulate, JsonHoldsWhatWasAsked) {
  const nlohmann::json json = json_of({"--capacity", "200", "--boot", "2m", "--target", "0.5"});
  EXPECT_EQ(json["shape"], "flash");
  EXPECT_EQ(json["capacity"], 200);
  EXPECT_EQ(json["bootSeconds"], 120);
  EXPECT_EQ(json["target"], 0.5);
  EXPECT_EQ(json["seeds"], 1);
  ASSERT_EQ(json["policies"].size(), 4U);
  EXPECT_EQ(json["policies"][0]["policy"], "hpa");
  EXPECT_EQ(json["policies"][2]["drainDeadlineSeconds"], 3600);
  EXPECT_EQ(json["policies"][3]["drainDeadlineSeconds"], nullptr);
  EXPECT_EQ(json["policies"][3]["cut"], 0);
}

TEST(Simulate, OptionsChooseTheRows) {
  const nlohmann::json json = json_of({"--drain", "10m", "--policy", "pack"});
  ASSERT_EQ(json["policies"].size(), 1U);
  EXPECT_EQ(json["policies"][0]["placement"], "pack");
  EXPECT_EQ(json["policies"][0]["drainDeadlineSeconds"], 600);
  EXPECT_EQ(json_of({"--drain", "never"})["policies"].size(), 3U);
  EXPECT_EQ(json_of({"--policy", "hpa"})["policies"].size(), 1U);
}

TEST(Simulate, WrongValuesAreNamed) {
  const auto error = [](const std::vector<std::string>& options) {
    std::vector<std::string> args{"simulate"};
    args.insert(args.end(), options.begin(), options.end());
    const Outcome outcome = run(args);
    EXPECT_EQ(outcome.status, kExitUsage);
    EXPECT_EQ(outcome.out, "");
    return outcome.err;
  };
  EXPECT_TRUE(has(error({"--capacity", "5"}), "--capacity: expected a number from 10 to 1000000, not \"5\""));
  EXPECT_TRUE(has(error({"--seeds", "many"}), "--seeds: expected a number from 1 to 100, not \"many\""));
  EXPECT_TRUE(has(error({"--target", "1.5"}), "--target: expected a number from 0.05 to 1"));
  EXPECT_TRUE(has(error({"--boot", "soon"}), "--boot: expected a duration"));
  EXPECT_TRUE(has(error({"--boot", "25h"}), "--boot: at most 24h"));
  EXPECT_TRUE(has(error({"--drain", "later"}), "--drain: expected a duration"));
  EXPECT_TRUE(has(error({"--shape", "square"}), "expected day, steady, ramp, flash, storm"));
}

}  // namespace
}  // namespace limpet::cli
