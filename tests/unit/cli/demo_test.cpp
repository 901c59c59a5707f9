#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <chrono>

#include "cli/demo/look.h"
#include "cli/demo/screen.h"
#include "cli/demo/waves.h"
#include "outcome.h"

namespace limpet::cli {
namespace {

using namespace std::chrono_literals;
using testing::Contains;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

Look::Server server(std::string name, std::string state, std::uint64_t users = 0) {
  return {.name = name,
          .url = "http://" + name,
          .state = std::move(state),
          .users = users,
          .id = "7",
          .cookie = "c"};
}

TEST(DemoWaves, ComeAndGoEvenly) {
  EXPECT_EQ(scene_at(0s, 1000).users, 0U);
  EXPECT_EQ(scene_at(7500ms, 1000).users, 100U);
  EXPECT_EQ(scene_at(7500ms, 1000).goal, 200U);
  EXPECT_EQ(scene_at(20s, 1000).wave->name, "flash crowd");
  EXPECT_EQ(scene_at(20s, 1000).users, 600U);
  EXPECT_EQ(scene_at(20s, 1000).left, 5s);
}

TEST(DemoWaves, DrainOneServerAndKillOneInEachRound) {
  int drained = 0;
  int killed = 0;
  std::size_t last = 99;
  for (base::Duration time{}; time < 300s; time += 1s) {
    const Scene scene = scene_at(time, 1000);
    if (last == scene.number) continue;
    last = scene.number;
    drained += scene.wave->act == Act::kDrain ? 1 : 0;
    killed += scene.wave->act == Act::kKill ? 1 : 0;
  }
  EXPECT_EQ(drained, 2);
  EXPECT_EQ(killed, 2);
  // The second round begins with those who are there.
  EXPECT_EQ(scene_at(150s, 1000).users, 100U);
}

TEST(DemoNews, TellsWhatBecameOfServers) {
  Look before;
  before.servers = {server("a", "starting"), server("b", "ready", 5), server("c", "draining", 1),
                    server("d", "ready"),    server("e", "starting"), server("f", "draining", 2)};
  Look now;
  now.servers = {server("a", "ready"), server("b", "draining", 5), server("f", "ready", 2),
                 server("g", "starting")};
  now.reason = "want 4";
  now.trouble = "killed by SIGKILL";
  EXPECT_THAT(news(before, now),
              ElementsAre("c has ended, with nobody on it", "d is lost: killed by SIGKILL",
                          "e did not start: killed by SIGKILL", "a is ready at http://a, cookie ws-session=c",
                          "b drains: no new users, its 5 users stay", "f is taken back", "g starts: want 4"));
  EXPECT_THAT(news(now, now), IsEmpty());
  EXPECT_EQ(before.fullest("ready")->name, "b");
  EXPECT_EQ(before.fullest("down"), nullptr);
}

TEST(DemoScreen, KeepsThoseCutByAKilledServerApart) {
  Tally tally{.inside = 1960, .cut = 0};
  EXPECT_EQ(lost_text(tally), "0");
  tally.lost = 1037;
  tally.away = 4;
  EXPECT_EQ(lost_text(tally), "1,037, 4 not back yet");
  tally.away = 0;
  tally.back_after = 1234ms;
  EXPECT_EQ(lost_text(tally), "1,037, all back in 1.2 s");
  Look look;
  look.servers = {server("a", "ready", 10)};
  const auto lines = view_of(65s, scene_at(20s, 2000), look, tally, 20);
  EXPECT_THAT(lines, Contains(HasSubstr("1:05  flash crowd, 5 s left")));
  EXPECT_THAT(lines, Contains(HasSubstr("by Limpet: 0   by killed servers: 1,037, all back in 1.2 s")));
  EXPECT_THAT(lines, Contains(HasSubstr("10 / 20  ████████████············")));
}

TEST(DemoScreen, PrintsEventsALineEachWhereThereIsNoTerminal) {
  std::ostringstream out;
  std::istringstream in;
  Console console{.in = in, .out = out, .err = out};
  Screen screen(console, true);
  screen.say(61s, "a\x1b[2J");
  screen.draw({"view"});
  EXPECT_EQ(out.str(), "  1:01  a\\x1b[2J\n");
}

TEST(DemoScreen, DrawsInPlaceOnATerminal) {
  std::ostringstream out;
  std::istringstream in;
  Console console{.in = in, .out = out, .err = out, .terminal = true};
  Screen screen(console, true);
  screen.say(1s, "event");
  screen.draw({"one", "two"});
  EXPECT_EQ(out.str(), "\rone\x1b[K\n\rtwo\x1b[K\n\r  0:01  event\x1b[K\n\x1b[J");
  out.str({});
  screen.draw({"one"});
  EXPECT_THAT(out.str(), testing::StartsWith("\x1b[3A\rone"));
}

TEST(Demo, RefusesWhatMakesNoSense) {
  EXPECT_EQ(run({"demo", "--exec", "x", "--min", "3", "--max", "2"}).err,
            "limpet demo: --max 2 is less than --min 3\n");
  EXPECT_EQ(run({"demo", "--exec", "x", "--load", "0"}).status, kExitUsage);
  EXPECT_THAT(run({"demo", "--exec", "x", "--path", "ws"}).err, HasSubstr("expected a path"));
}

}  // namespace
}  // namespace limpet::cli
