#include "scaling/drivers/child_process.h"

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <chrono>
#include <csignal>
#include <fstream>
#include <iterator>
#include <sstream>
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
  /// Zombies are gone: whose children they are is not ours to say.
  static bool is_gone(pid_t pid) {
    const std::string stat = contents(fmt::format("/proc/{}/stat", pid));
    return stat.empty() || stat.substr(stat.rfind(')')).starts_with(") Z");
  }
  static std::string contents(const std::string& path) {
    std::ifstream file(path);
    return {std::istreambuf_iterator<char>(file), {}};
  }
  /// The newest child of a process of one thread; 0 if it has none.
  static pid_t child_of(pid_t pid) {
    std::istringstream list(contents(fmt::format("/proc/{0}/task/{0}/children", pid)));
    pid_t last = 0;
    for (pid_t child = 0; list >> child;) last = child;
    return last;
  }
  /// A server with a process that has left its group, its session and its parent; the pids of both.
  void start_with_runaway() {
    start({"sh", "-c", "echo $$; (setsid sh -c 'echo $$; exec sleep 1000' &); exec sleep 1000"});
    until([this] { return lines.size() == 2; });
    outer = child_of(::getpid());
    inner = child_of(outer);
    // Number 0 would be this test's own group.
    ASSERT_GT(outer, 0);
    ASSERT_GT(inner, 0);
  }
  void until_all_are_gone() {
    for (const std::string& pid : lines) {
      until([&pid] { return is_gone(std::stoi(pid)); });
    }
  }

  net::Reactor reactor;
  std::vector<std::string> lines;
  std::string end;
  std::unique_ptr<ChildProcess> process;
  pid_t outer = 0;  // keepers
  pid_t inner = 0;
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

TEST_F(ChildProcessTest, LeavesNobodyBehindWhenTheOuterKeeperIsKilled) {
  ASSERT_NO_FATAL_FAILURE(start_with_runaway());
  ::kill(outer, SIGKILL);
  until_end();
  EXPECT_EQ(end, "its keeper was killed");
  until_all_are_gone();
}

TEST_F(ChildProcessTest, LeavesNobodyBehindWhenTheInnerKeeperIsKilled) {
  ASSERT_NO_FATAL_FAILURE(start_with_runaway());
  ::kill(inner, SIGKILL);
  until_end();
  EXPECT_EQ(end, "killed by SIGKILL");
  until_all_are_gone();
}

TEST_F(ChildProcessTest, HasTheKernelKillTheServerWhenBothKeepersAreKilled) {
  ASSERT_NO_FATAL_FAILURE(start_with_runaway());
  ::kill(outer, SIGSTOP);
  ::kill(inner, SIGKILL);
  ::kill(outer, SIGKILL);
  until_end();
  until([this] { return is_gone(std::stoi(lines.at(0))); });
  ::kill(std::stoi(lines.at(1)), SIGKILL);
}

}  // namespace
}  // namespace limpet::scaling
