#include "cli/commands/servers.h"

#include <gtest/gtest.h>

#include <csignal>
#include <sstream>
#include <string>

#include "cli/arguments.h"
#include "cli/call.h"
#include "cli/command_table.h"
#include "cli/stop_signals.h"
#include "unit/cli/fake_admin.h"
#include "unit/cli/outcome.h"

namespace limpet::cli {
namespace {

std::string three_servers() {
  return "[" + server_json("1111", "web@file", "http://127.0.0.1:3001", "up", 12, "null") + "," +
         server_json("2222", "web@file", "http://127.0.0.1:3002/a/longer/path", "draining", 0, "1000") + "," +
         server_json("3333", "api@file", "http://127.0.0.1:3001", "down", 1, "0") + "]";
}

FakeAdmin::Answer answers(const std::string& body) {
  return [body](std::string_view /*request*/) { return json_answer(body); };
}

TEST(Servers, PrintsATable) {
  const FakeAdmin admin(answers(three_servers()));
  const Outcome outcome = run({"servers", "--address", admin.address()});
  EXPECT_EQ(outcome.status, kExitFine);
  EXPECT_EQ(outcome.err, "");
  EXPECT_EQ(outcome.out,
            "SERVICE   SERVER                               STATUS    CONNECTIONS  CAPACITY  COOKIE VALUE\n"
            "web@file  http://127.0.0.1:3001                up                 12         -  c-1111\n"
            "web@file  http://127.0.0.1:3002/a/longer/path  draining            0      1000  c-2222\n"
            "api@file  http://127.0.0.1:3001                down                1         -  c-3333\n"
            "3 servers, 13 connections\n");
}

TEST(Servers, PrintsJsonAsTheApiGivesIt) {
  const FakeAdmin admin(answers(three_servers()));
  EXPECT_EQ(run({"servers", "--json", "--address", admin.address()}).out, three_servers() + "\n");
}

TEST(Servers, AsksForOneService) {
  const FakeAdmin admin(answers("[]"));
  const Outcome outcome = run({"servers", "--service", "a b@file", "--address", admin.address()});
  EXPECT_TRUE(admin.requests().at(0).starts_with("GET /api/servers?service=a%20b%40file HTTP/1.1\r\n"));
  EXPECT_EQ(outcome.status, kExitFailed);
  EXPECT_NE(outcome.err.find("no service a b@file has servers"), std::string::npos);
}

TEST(Servers, NoServersAtAllIsFine) {
  const FakeAdmin admin(answers("[]"));
  const Outcome outcome = run({"servers", "--address", admin.address()});
  EXPECT_EQ(outcome.status, kExitFine);
  EXPECT_TRUE(outcome.out.ends_with("\n0 servers, 0 connections\n"));
}

TEST(Servers, TakesAddressAndTokenFromTheEnvironment) {
  const FakeAdmin admin(answers("[]"));
  const Outcome outcome = run(
      {"servers"}, "", {"LIMPET_ADDRESS=" + admin.address(), "LIMPET_TOKEN=secret", "LIMPET_ADDRESSES=x"});
  EXPECT_EQ(outcome.status, kExitFine);
  EXPECT_NE(admin.requests().at(0).find("\r\nAuthorization: Bearer secret\r\n"), std::string::npos);
  const Outcome option =
      run({"servers", "--token=other"}, "", {"LIMPET_ADDRESS=" + admin.address(), "LIMPET_TOKEN=a"});
  EXPECT_EQ(option.status, kExitFine);
  EXPECT_NE(admin.requests().at(1).find("\r\nAuthorization: Bearer other\r\n"), std::string::npos);
}

TEST(Servers, SaysWhyItWasRefused) {
  const FakeAdmin closed(
      [](std::string_view /*request*/) { return json_answer(R"({"message":"no"})", "401 Unauthorized"); });
  const Outcome outcome = run({"servers", "--address", closed.address()});
  EXPECT_EQ(outcome.status, kExitFailed);
  EXPECT_NE(outcome.err.find("--token or LIMPET_TOKEN"), std::string::npos);
  const FakeAdmin other([](std::string_view /*request*/) { return json_answer("<html>", "404 Not Found"); });
  EXPECT_NE(run({"servers", "--address", other.address()}).err.find("not Limpet's admin API"),
            std::string::npos);
  for (const std::string body : {"{}", "[{}]", "[1]", "nonsense", R"([{"id":1}])"}) {
    const FakeAdmin odd(answers(body));
    const Outcome misread = run({"servers", "--address", odd.address()});
    EXPECT_EQ(misread.status, kExitFailed) << body;
    EXPECT_NE(misread.err.find("did not answer as Limpet's admin API does"), std::string::npos) << body;
  }
  EXPECT_EQ(run({"servers", "--address", "ftp://x"}).status, kExitUsage);
}

TEST(Servers, ATableCannotCommandTheTerminal) {
  const FakeAdmin admin(
      answers("[" + server_json("1", "web@file", R"(http://a/\u001b[2J)", "up", 0, "null") + "]"));
  const Outcome outcome = run({"servers", "--address", admin.address()});
  EXPECT_EQ(outcome.out.find('\x1b'), std::string::npos);
  EXPECT_NE(outcome.out.find("\\x1b[2J"), std::string::npos);
}

/// `limpet servers --watch` for a number of rounds.
Outcome watch(std::vector<std::string> args, int rounds, bool terminal) {
  args.emplace_back("--watch");
  const CommandInfo& command = *find_command("servers");
  const Arguments arguments = *parse_arguments(command, args);
  std::istringstream in;
  std::ostringstream out;
  std::ostringstream err;
  Console console{.in = in, .out = out, .err = err, .terminal = terminal};
  const Call call{.command = command, .arguments = arguments, .environment = {}, .console = console};
  const int status = servers_in_rounds(call, [&rounds] { return --rounds > 0; });
  return {.status = status, .out = out.str(), .err = err.str()};
}

std::size_t count(const std::string& text, const std::string& part) {
  std::size_t found = 0;
  for (std::size_t at = text.find(part); at != std::string::npos; at = text.find(part, at + 1)) ++found;
  return found;
}

TEST(ServersWatch, RedrawsOnATerminal) {
  const FakeAdmin admin(answers(three_servers()));
  const Outcome outcome = watch({"--address", admin.address()}, 3, true);
  EXPECT_EQ(outcome.status, kExitFine);
  EXPECT_EQ(admin.requests().size(), 3U);
  EXPECT_EQ(count(outcome.out, "\x1b[H\x1b[J"), 3U);
  EXPECT_EQ(count(outcome.out, "3 servers"), 3U);
}

TEST(ServersWatch, PrintsOnWithoutATerminal) {
  const FakeAdmin admin(answers(three_servers()));
  EXPECT_EQ(watch({"--address", admin.address()}, 2, false).out.find('\x1b'), std::string::npos);
  EXPECT_EQ(watch({"--address", admin.address(), "--json"}, 2, true).out,
            three_servers() + "\n" + three_servers() + "\n");
}

TEST(ServersWatch, GoesOnWhenLimpetIsAway) {
  int asked = 0;
  const FakeAdmin admin([&asked](std::string_view /*request*/) {
    return ++asked == 2 ? std::string() : json_answer(three_servers());
  });
  const Outcome outcome = watch({"--address", admin.address()}, 3, true);
  EXPECT_EQ(outcome.status, kExitFine);
  EXPECT_EQ(count(outcome.out, "3 servers"), 2U);
  EXPECT_NE(outcome.err.find("cannot ask"), std::string::npos);
}

TEST(StopSignals, EndsAWait) {
  const StopSignals signals;
  EXPECT_FALSE(signals.wait_for(std::chrono::milliseconds(1)));
  ASSERT_EQ(::raise(SIGINT), 0);
  EXPECT_TRUE(signals.wait_for(std::chrono::seconds(30)));
  ASSERT_EQ(::raise(SIGTERM), 0);
  EXPECT_TRUE(signals.wait_for(std::chrono::seconds(30)));
}

}  // namespace
}  // namespace limpet::cli
