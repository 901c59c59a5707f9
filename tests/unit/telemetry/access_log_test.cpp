#include "telemetry/access_log.h"

#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <filesystem>
#include <fstream>
#include <map>
#include <string>
#include <thread>
#include <vector>

#include "base/log.h"

namespace limpet::telemetry {
namespace {

using testing::HasSubstr;

std::vector<std::string> lines_of(const std::string& path) {
  std::ifstream stream(path);
  std::vector<std::string> lines;
  for (std::string line; std::getline(stream, line);) lines.push_back(line);
  return lines;
}

AccessRecord record_of(std::string_view path) {
  AccessRecord record;
  record.client_addr = "10.0.0.1:4711";
  record.method = "GET";
  record.path = path;
  record.protocol = "HTTP/1.1";
  record.downstream_status = 200;
  return record;
}

class AccessLogTest : public testing::Test {
 protected:
  void SetUp() override {
    directory_ =
        std::filesystem::path(testing::TempDir()) / ("limpet-access-log-" + std::to_string(getpid()));
    std::filesystem::create_directories(directory_);
  }
  void TearDown() override {
    base::set_up_log({});
    std::filesystem::remove_all(directory_);
  }

  [[nodiscard]] std::string file(const std::string& name) const { return directory_ / name; }
  /// Sends the application log to a file, so that a test can read it.
  void catch_log() const {
    base::set_up_log({.level = base::LogLevel::kInfo, .json = false, .file = file("app.log")});
  }

  static std::unique_ptr<AccessLog> open(AccessLog::Settings settings) {
    auto log = AccessLog::open(settings);
    EXPECT_TRUE(log.has_value()) << log.error();
    return log ? std::move(*log) : nullptr;
  }

 private:
  std::filesystem::path directory_;
};

TEST_F(AccessLogTest, WritesLinesAndCountsThem) {
  const auto log = open({.file = file("new/access.log")});
  log->local(0).write(record_of("/a"));
  log->local(0).write(record_of("/b"));
  log->flush();
  const auto lines = lines_of(file("new/access.log"));
  ASSERT_EQ(lines.size(), 2U);
  EXPECT_THAT(lines[0], HasSubstr("\"GET /a HTTP/1.1\" 200 0 \"-\" \"-\" 1 "));
  EXPECT_THAT(lines[1], HasSubstr("\"GET /b HTTP/1.1\" 200 0 \"-\" \"-\" 2 "));
  EXPECT_EQ(log->lost_lines(), 0U);
}

TEST_F(AccessLogTest, AppendsToWhatIsThere) {
  open({.file = file("access.log")})->local(0).write(record_of("/first"));
  open({.file = file("access.log")})->local(0).write(record_of("/second"));
  EXPECT_EQ(lines_of(file("access.log")).size(), 2U);
}

TEST_F(AccessLogTest, WritesSoonWithoutBeingAsked) {
  const auto log = open({.file = file("access.log"), .format = AccessFormat::kJson});
  log->local(0).write(record_of("/a"));
  const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(10);
  while (lines_of(file("access.log")).empty() && std::chrono::steady_clock::now() < deadline) {
    std::this_thread::yield();
  }
  EXPECT_EQ(lines_of(file("access.log")).size(), 1U);
}

TEST_F(AccessLogTest, SaysWhichFileCannotBeOpened) {
  std::ofstream(file("plain")) << "x";
  const auto log = AccessLog::open({.file = file("plain/access.log")});
  ASSERT_FALSE(log.has_value());
  EXPECT_THAT(log.error(), HasSubstr("cannot open " + file("plain/access.log") + ": "));
}

TEST_F(AccessLogTest, ReopensForRotation) {
  const auto log = open({.file = file("access.log")});
  log->local(0).write(record_of("/old"));
  log->flush();
  std::filesystem::rename(file("access.log"), file("access.log.1"));
  log->reopen();
  log->flush();
  log->local(0).write(record_of("/new"));
  log->flush();
  ASSERT_EQ(lines_of(file("access.log.1")).size(), 1U);
  ASSERT_EQ(lines_of(file("access.log")).size(), 1U);
  EXPECT_THAT(lines_of(file("access.log"))[0], HasSubstr("/new"));
}

TEST_F(AccessLogTest, KeepsTheOldFileIfReopeningFails) {
  catch_log();
  const auto log = open({.file = file("sub/access.log")});
  std::filesystem::rename(file("sub"), file("moved"));
  std::ofstream(file("sub")) << "a file where a directory was";
  log->reopen();
  log->local(0).write(record_of("/still"));
  log->flush();
  EXPECT_EQ(lines_of(file("moved/access.log")).size(), 1U);
  ASSERT_EQ(lines_of(file("app.log")).size(), 1U);
  EXPECT_THAT(lines_of(file("app.log"))[0], HasSubstr("error access log: cannot open "));
}

TEST_F(AccessLogTest, CountsWhatTheFileDoesNotTake) {
  catch_log();
  const auto log = open({.file = "/dev/full"});
  log->local(0).write(record_of("/a"));
  log->local(0).write(record_of("/b"));
  log->flush();
  EXPECT_EQ(log->lost_lines(), 2U);
  ASSERT_EQ(lines_of(file("app.log")).size(), 1U);
  EXPECT_THAT(lines_of(file("app.log"))[0], HasSubstr("2 lines lost: No space left on device"));
}

TEST_F(AccessLogTest, DropsLinesThatDoNotFit) {
  catch_log();
  const auto log = open({.file = file("access.log"), .buffer_bytes = 150});
  const std::string path(200, 'x');
  log->local(0).write(record_of(path));
  log->local(0).write(record_of("/fits"));
  log->flush();
  const auto lines = lines_of(file("access.log"));
  ASSERT_EQ(lines.size(), 1U);
  EXPECT_THAT(lines[0], HasSubstr("/fits"));
  EXPECT_EQ(log->lost_lines(), 1U);
  ASSERT_EQ(lines_of(file("app.log")).size(), 1U);
  EXPECT_THAT(lines_of(file("app.log"))[0],
              HasSubstr("warn  access log: 1 lines lost: the file does not keep up"));
}

TEST_F(AccessLogTest, GoesOnWhenNobodyReads) {
  catch_log();
  const std::string path = file("pipe");
  ASSERT_EQ(mkfifo(path.c_str(), 0600), 0);
  const int reader = ::open(path.c_str(), O_RDONLY | O_NONBLOCK | O_CLOEXEC);
  ASSERT_GE(reader, 0);
  ASSERT_GT(fcntl(reader, F_SETPIPE_SZ, 4096), 0);
  constexpr int kLines = 3000;
  {
    const auto log = open({.file = path, .buffer_bytes = 8192, .patience = std::chrono::milliseconds(20)});
    for (int i = 0; i < kLines; ++i) log->local(0).write(record_of("/a"));
  }
  std::uint64_t read_lines = 0;
  std::array<char, 4096> buffer{};
  for (ssize_t count = 0; (count = ::read(reader, buffer.data(), buffer.size())) > 0;) {
    read_lines += static_cast<std::uint64_t>(std::count(buffer.begin(), buffer.begin() + count, '\n'));
  }
  ::close(reader);
  EXPECT_GT(read_lines, 0U);
  EXPECT_LT(read_lines, static_cast<std::uint64_t>(kLines));
  EXPECT_THAT(lines_of(file("app.log")), testing::Contains(HasSubstr("lines lost")));
}

TEST_F(AccessLogTest, SurvivesAClosedPipe) {
  catch_log();
  const std::string path = file("pipe");
  ASSERT_EQ(mkfifo(path.c_str(), 0600), 0);
  const int reader = ::open(path.c_str(), O_RDONLY | O_NONBLOCK | O_CLOEXEC);
  ASSERT_GE(reader, 0);
  const auto log = open({.file = path});
  ::close(reader);
  log->local(0).write(record_of("/a"));
  log->flush();
  EXPECT_EQ(log->lost_lines(), 1U);
}

TEST_F(AccessLogTest, KeepsTheLinesOfManyThreadsWhole) {
  constexpr std::uint32_t kThreads = 4;
  constexpr int kLines = 5000;
  const auto log = open({.file = file("access.log"), .threads = kThreads, .buffer_bytes = 64U << 20U});
  std::vector<std::jthread> threads;
  for (std::uint32_t t = 0; t < kThreads; ++t) {
    threads.emplace_back([&log, t] {
      for (int i = 0; i < kLines; ++i) {
        const std::string path = "/" + std::to_string(t) + "/" + std::to_string(i);
        log->local(t).write(record_of(path));
      }
    });
  }
  for (int i = 0; i < 20; ++i) {
    log->reopen();
    log->flush();
  }
  threads.clear();
  log->flush();
  EXPECT_EQ(log->lost_lines(), 0U);

  std::map<std::string, int> next;
  for (const std::string& line : lines_of(file("access.log"))) {
    ASSERT_TRUE(line.starts_with("10.0.0.1 - - [") && line.ends_with("ms")) << line;
    const std::size_t start = line.find("GET /") + 5;
    const std::size_t slash = line.find('/', start);
    const std::string thread = line.substr(start, slash - start);
    EXPECT_EQ(std::stoi(line.substr(slash + 1)), next[thread]++) << line;
  }
  ASSERT_EQ(next.size(), kThreads);
  for (const auto& [thread, count] : next) EXPECT_EQ(count, kLines) << thread;
}

}  // namespace
}  // namespace limpet::telemetry
