#include "scaling/drivers/child_process.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <chrono>
#include <csignal>
#include <string>
#include <vector>

#include "net/reactor.h"

namespace limpet::scaling {
namespace {

using namespace std::chrono_literals;
using testing::ElementsAre;
using testing::SizeIs;

class ChildProcessTest : public testing::Test {
 protected:
  void start(std::vector<std::string> command, std::string workdir = "") {
    auto made = ChildProcess::start(
        reactor,
        {.command = std::move(command),
         .workdir = std::move(workdir),
         .environment = {"A=b", "PATH=/bin:/usr/bin"}},
        [this](std::string_view line) { lines.emplace_back(line); },
        [this](std::string why) { end = std::move(why); });
    ASSERT_TRUE(made) << made.error();
    process = std::move(*made);
  }
  template <class Condition>
  void until(Condition condition) {
    const auto deadline = base::Clock::now() + 30s;
    while (!condition() && base::Clock::now() < deadline) reactor.run_once(10ms);
    EXPECT_TRUE(condition());
  }
  void until_end() {
    until([this] { return !end.empty(); });
  }
  static bool is_gone(pid_t pid) { return ::kill(pid, 0) != 0; }

  net::Reactor reactor;
  std::vector<std::string> lines;
  std::string end;
  std::unique_ptr<ChildProcess> process;
};

TEST_F(ChildProcessTest, BringsOutputAndTheEnd) {
  start({"sh", "-c", "echo $A; echo err >&2; printf last; exit 3"}, "/");
  until_end();
  EXPECT_THAT(lines, ElementsAre("b", "err", "last"));
  EXPECT_EQ(end, "exit status 3");
  EXPECT_TRUE(process->ended());
}

TEST_F(ChildProcessTest, CutsLinesThatAreTooLong) {
  start({"sh", "-c", "head -c 10000 /dev/zero | tr '\\0' x; echo; echo y"});
  until_end();
  ASSERT_THAT(lines, SizeIs(2));
  EXPECT_EQ(lines[0].size(), ChildProcess::kLongestLine);
  EXPECT_EQ(lines[1], "y");
}

TEST_F(ChildProcessTest, SaysWhyACommandCannotBeRun) {
  start({"/no/such/program"});
  until_end();
  EXPECT_EQ(end, "exit status 127");
  EXPECT_THAT(lines, ElementsAre("can't start /no/such/program: No such file or directory"));
  lines.clear();
  end.clear();
  start({"true"}, "/no/such/directory");
  until_end();
  EXPECT_THAT(lines, ElementsAre("can't run in directory /no/such/directory: No such file or directory"));
}

TEST_F(ChildProcessTest, PassesSignalsToTheWholeGroup) {
  start({"sh", "-c", "trap 'echo term; exit 0' TERM; echo ready; while :; do sleep 0.01; done"});
  until([this] { return !lines.empty(); });
  process->signal(SIGTERM);
  until_end();
  EXPECT_EQ(end, "exit status 0");
  EXPECT_EQ(lines.back(), "term");
}

TEST_F(ChildProcessTest, KillsEveryDescendant) {
  start({"sh", "-c", "trap '' TERM; setsid sleep 1000 & echo $!; sleep 1000 & echo $!; echo $$; wait"});
  until([this] { return lines.size() == 3; });
  process->kill();
  until_end();
  EXPECT_EQ(end, "killed by SIGKILL");
  for (const std::string& pid : lines) EXPECT_TRUE(is_gone(std::stoi(pid))) << pid;
}

TEST_F(ChildProcessTest, LeavesNobodyBehindWhenItEndsByItself) {
  start({"sh", "-c", "setsid sleep 1000 & echo $!"});
  until_end();
  EXPECT_EQ(end, "exit status 0");
  EXPECT_TRUE(is_gone(std::stoi(lines.at(0))));
}

TEST_F(ChildProcessTest, IsKilledWithItsObject) {
  start({"sh", "-c", "echo $$; sleep 1000"});
  until([this] { return !lines.empty(); });
  const int pid = std::stoi(lines.at(0));
  process.reset();
  until([pid] { return is_gone(pid); });
}

}  // namespace
}  // namespace limpet::scaling
