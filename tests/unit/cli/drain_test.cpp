#include <gtest/gtest.h>

#include <string>

#include "unit/cli/fake_admin.h"
#include "unit/cli/outcome.h"

namespace limpet::cli {
namespace {

/// An API with one server of its own and one URL that two services share.
std::string answer(std::string_view request) {
  if (request.starts_with("POST /api/servers/aaaa/drain ")) {
    return json_answer(server_json("aaaa", "web@file", "http://one:1", "draining", 3, "null"));
  }
  if (request.starts_with("POST /api/servers/aaaa/undrain ")) {
    return json_answer(server_json("aaaa", "web@file", "http://one:1", "up", 1, "null"));
  }
  if (request.starts_with("POST /api/servers/cccc/drain ")) {
    return json_answer(server_json("cccc", "api@file", "http://both:1", "draining", 0, "null"));
  }
  if (request.starts_with("GET /api/servers?service=api ")) {
    return json_answer("[" + server_json("cccc", "api@file", "http://both:1", "up", 0, "null") + "]");
  }
  if (request.starts_with("GET /api/servers ")) {
    return json_answer("[" + server_json("aaaa", "web@file", "http://one:1", "up", 3, "null") + "," +
                       server_json("bbbb", "web@file", "http://both:1", "up", 0, "null") + "," +
                       server_json("cccc", "api@file", "http://both:1", "up", 0, "null") + "]");
  }
  return json_answer(R"({"message":"nothing there"})", "404 Not Found");
}

class Drain : public testing::Test {
 protected:
  Outcome with_address(std::vector<std::string> args) {
    args.insert(args.end(), {"--address", admin_.address()});
    return run(args);
  }
  FakeAdmin admin_{answer};
};

TEST_F(Drain, ByUrlAndById) {
  for (const std::string server : {"http://one:1", "aaaa"}) {
    const Outcome outcome = with_address({"drain", server});
    EXPECT_EQ(outcome.status, kExitFine) << outcome.err;
    EXPECT_EQ(outcome.out, "http://one:1 of web@file is draining, 3 connections\n");
  }
  EXPECT_EQ(with_address({"undrain", "http://one:1"}).out, "http://one:1 of web@file is up, 1 connection\n");
}

TEST_F(Drain, AUrlOfTwoServicesNeedsMore) {
  const Outcome outcome = with_address({"drain", "http://both:1"});
  EXPECT_EQ(outcome.status, kExitFailed);
  EXPECT_NE(outcome.err.find("bbbb  web@file"), std::string::npos) << outcome.err;
  EXPECT_NE(outcome.err.find("cccc  api@file"), std::string::npos) << outcome.err;
  EXPECT_EQ(with_address({"drain", "http://both:1", "--service", "api"}).out,
            "http://both:1 of api@file is draining, 0 connections\n");
}

TEST_F(Drain, ASlipIsNamed) {
  const Outcome outcome = with_address({"drain", "http://onee:1"});
  EXPECT_EQ(outcome.status, kExitFailed);
  EXPECT_NE(outcome.err.find("did you mean http://one:1?"), std::string::npos) << outcome.err;
  EXPECT_EQ(with_address({"drain"}).status, kExitUsage);
  EXPECT_EQ(with_address({"drain", "a", "b"}).status, kExitUsage);
}

TEST_F(Drain, ARefusalIsPassedOn) {
  const Outcome outcome = with_address({"undrain", "bbbb"});
  EXPECT_EQ(outcome.status, kExitFailed);
  EXPECT_NE(outcome.err.find("answered 404: nothing there"), std::string::npos) << outcome.err;
}

}  // namespace
}  // namespace limpet::cli
