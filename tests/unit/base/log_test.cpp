#include "base/log.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>
#include <string>
#include <thread>
#include <vector>

namespace limpet::base {
namespace {

using testing::HasSubstr;
using testing::MatchesRegex;

class LogTest : public testing::Test {
 protected:
  void SetUp() override {
    directory_ = std::filesystem::path(testing::TempDir()) / ("limpet-log-" + std::to_string(getpid()));
    std::filesystem::create_directories(directory_);
  }
  void TearDown() override {
    set_up_log({});
    std::filesystem::remove_all(directory_);
  }

  [[nodiscard]] std::string file(const std::string& name) const { return directory_ / name; }
  static std::vector<std::string> lines_of(const std::string& path) {
    std::ifstream stream(path);
    std::vector<std::string> lines;
    for (std::string line; std::getline(stream, line);) lines.push_back(line);
    return lines;
  }

 private:
  std::filesystem::path directory_;
};

TEST_F(LogTest, WritesTextLines) {
  set_up_log({.level = LogLevel::kTrace, .json = false, .file = file("text.log")});
  log(LogLevel::kTrace, "{}", "t");
  log_debug("d {}", 1);
  log_info("i {}", 2);
  log_warn("w {}", 3);
  log_error("e {}", 4);
  const auto lines = lines_of(file("text.log"));
  const std::string time = "....-..-..T..:..:..\\....Z ";
  ASSERT_EQ(lines.size(), 5U);
  EXPECT_THAT(lines[0], MatchesRegex(time + "trace t"));
  EXPECT_THAT(lines[1], MatchesRegex(time + "debug d 1"));
  EXPECT_THAT(lines[2], MatchesRegex(time + "info  i 2"));
  EXPECT_THAT(lines[3], MatchesRegex(time + "warn  w 3"));
  EXPECT_THAT(lines[4], MatchesRegex(time + "error e 4"));
}

TEST_F(LogTest, WritesJsonLines) {
  set_up_log({.level = LogLevel::kInfo, .json = true, .file = file("json.log")});
  log_warn("a \"quoted\"\nline {}", "\xff");
  const auto lines = lines_of(file("json.log"));
  ASSERT_EQ(lines.size(), 1U);
  const auto object = nlohmann::json::parse(lines[0]);
  EXPECT_EQ(object.size(), 3U);
  EXPECT_EQ(object["level"], "warn");
  EXPECT_EQ(object["msg"], "a \"quoted\"\nline \ufffd");
  EXPECT_THAT(object["time"].get<std::string>(), MatchesRegex("....-..-..T..:..:..\\....Z"));
}

TEST_F(LogTest, LeavesOutWhatIsBelowTheLevel) {
  set_up_log({.level = LogLevel::kWarn, .json = false, .file = file("level.log")});
  EXPECT_FALSE(log_enabled(LogLevel::kInfo));
  EXPECT_TRUE(log_enabled(LogLevel::kError));
  log_info("no");
  log_warn("yes");
  set_up_log({.level = LogLevel::kOff, .json = false, .file = file("level.log")});
  log_error("no");
  const auto lines = lines_of(file("level.log"));
  ASSERT_EQ(lines.size(), 1U);
  EXPECT_THAT(lines[0], HasSubstr("yes"));
}

TEST_F(LogTest, KeepsAMessageOnOneLine) {
  set_up_log({.level = LogLevel::kInfo, .json = false, .file = file("forged.log")});
  log_info("path /x\n2026-01-01T00:00:00.000Z info  all is well");
  const auto lines = lines_of(file("forged.log"));
  ASSERT_EQ(lines.size(), 1U);
  EXPECT_THAT(lines[0], HasSubstr("path /x\\n2026"));
}

TEST_F(LogTest, ReopensForRotation) {
  set_up_log({.level = LogLevel::kInfo, .json = false, .file = file("now.log")});
  log_info("before");
  std::filesystem::rename(file("now.log"), file("old.log"));
  log_info("between");
  reopen_log();
  log_info("after");
  EXPECT_EQ(lines_of(file("old.log")).size(), 2U);
  ASSERT_EQ(lines_of(file("now.log")).size(), 1U);
  EXPECT_THAT(lines_of(file("now.log"))[0], HasSubstr("after"));
}

TEST_F(LogTest, KeepsTheOldFileIfReopeningFails) {
  std::filesystem::create_directory(file("sub"));
  set_up_log({.level = LogLevel::kInfo, .json = false, .file = file("sub/now.log")});
  std::filesystem::rename(file("sub"), file("moved"));
  std::ofstream(file("sub")) << "a file where a directory was";
  reopen_log();
  log_info("still here");
  const auto lines = lines_of(file("moved/now.log"));
  ASSERT_EQ(lines.size(), 2U);
  EXPECT_THAT(lines[0], HasSubstr("cannot reopen the log file"));
  EXPECT_THAT(lines[1], HasSubstr("still here"));
}

TEST_F(LogTest, SaysWhichFileCannotBeOpened) {
  std::ofstream(file("plain")) << "x";
  try {
    set_up_log({.level = LogLevel::kInfo, .json = false, .file = file("plain/x.log")});
    FAIL() << "no exception";
  } catch (const std::runtime_error& error) {
    EXPECT_THAT(error.what(), HasSubstr("plain/x.log"));
  }
}

TEST_F(LogTest, WritesToStandardErrorWithoutAFile) {
  set_up_log({});
  testing::internal::CaptureStderr();
  log_info("to stderr");
  reopen_log();
  EXPECT_THAT(testing::internal::GetCapturedStderr(), HasSubstr("info  to stderr\n"));
}

TEST_F(LogTest, KeepsLinesOfManyThreadsApart) {
  set_up_log({.level = LogLevel::kInfo, .json = false, .file = file("many.log")});
  constexpr int kThreads = 4;
  constexpr int kLines = 200;
  {
    std::vector<std::jthread> threads;
    for (int t = 0; t < kThreads; ++t) {
      threads.emplace_back([t] {
        for (int i = 0; i < kLines; ++i) log_info("thread {} line {} end", t, i);
      });
    }
  }
  const auto lines = lines_of(file("many.log"));
  EXPECT_EQ(lines.size(), static_cast<std::size_t>(kThreads * kLines));
  for (const std::string& line : lines) EXPECT_THAT(line, testing::EndsWith(" end"));
}

TEST(LogLevelFromName, KnowsTraefiksNames) {
  EXPECT_EQ(log_level_from_name("TRACE"), LogLevel::kTrace);
  EXPECT_EQ(log_level_from_name("DEBUG"), LogLevel::kDebug);
  EXPECT_EQ(log_level_from_name("Info"), LogLevel::kInfo);
  EXPECT_EQ(log_level_from_name("warn"), LogLevel::kWarn);
  EXPECT_EQ(log_level_from_name("WARNING"), LogLevel::kWarn);
  EXPECT_EQ(log_level_from_name("error"), LogLevel::kError);
  EXPECT_EQ(log_level_from_name("fatal"), LogLevel::kOff);
  EXPECT_EQ(log_level_from_name("panic"), LogLevel::kOff);
  EXPECT_EQ(log_level_from_name("off"), LogLevel::kOff);
  EXPECT_EQ(log_level_from_name(""), std::nullopt);
  EXPECT_EQ(log_level_from_name("loud"), std::nullopt);
}

TEST(LogLevelNames, AreAllKnown) {
  EXPECT_EQ(log_level_names().size(), 9U);
  for (const std::string_view name : log_level_names()) EXPECT_TRUE(log_level_from_name(name)) << name;
}

}  // namespace
}  // namespace limpet::base
