#include <fmt/format.h>
#include <gtest/gtest.h>

#include <fstream>
#include <string>

#include "unit/cli/fake_admin.h"
#include "unit/cli/outcome.h"

namespace limpet::cli {
namespace {

constexpr const char* kEmptyFile = "--configFile=";

class Healthcheck : public testing::Test {
 protected:
  void SetUp() override { std::ofstream(file_) << "{}\n"; }
  /// The command with an empty configuration file, so that no file of this machine counts.
  Outcome check(std::vector<std::string> args) {
    args.insert(args.begin(), {"healthcheck", kEmptyFile + file_});
    return run(args);
  }
  std::string file_ = testing::TempDir() + "limpet-healthcheck.yml";
  std::string status_ = "200 OK";
  FakeAdmin admin_{[this](std::string_view /*request*/) { return json_answer("OK", status_); }};
};

TEST_F(Healthcheck, AsksPingsEntryPoint) {
  const Outcome outcome = check({"--ping", fmt::format("--entryPoints.traefik.address=:{}", admin_.port())});
  EXPECT_EQ(outcome.status, kExitFine) << outcome.err;
  EXPECT_EQ(outcome.out, fmt::format("OK: http://127.0.0.1:{}\n", admin_.port()));
  EXPECT_TRUE(admin_.requests().at(0).starts_with("GET /ping HTTP/1.1\r\n"));
  EXPECT_EQ(check({"--ping.entryPoint=x", fmt::format("--entryPoints.x.address=127.0.0.1:{}", admin_.port())})
                .status,
            kExitFine);
}

TEST_F(Healthcheck, AsksTheAdminApi) {
  EXPECT_EQ(check({fmt::format("--api.address=127.0.0.1:{}", admin_.port())}).status, kExitFine);
}

TEST_F(Healthcheck, AsksUnderTheBasePath) {
  EXPECT_EQ(check({fmt::format("--api.address=:{}", admin_.port()), "--api.basePath=/limpet/"}).status,
            kExitFine);
  EXPECT_TRUE(admin_.requests().at(0).starts_with("GET /limpet/ping HTTP/1.1\r\n"));
}

TEST_F(Healthcheck, AsksTheAddressGiven) {
  EXPECT_EQ(run({"healthcheck", "--address", admin_.address()}).status, kExitFine);
  EXPECT_EQ(run({"healthcheck"}, "", {"LIMPET_ADDRESS=" + admin_.address()}).status, kExitFine);
}

TEST_F(Healthcheck, IsUnwellWithAnyOtherStatus) {
  status_ = "503 Service Unavailable";
  const Outcome outcome = run({"healthcheck", "--address", admin_.address()});
  EXPECT_EQ(outcome.status, kExitFailed);
  EXPECT_NE(outcome.err.find("answered 503"), std::string::npos);
}

TEST_F(Healthcheck, SaysWhatIsWrongWithTheConfiguration) {
  const Outcome off = check({"--api.insecure=true"});
  EXPECT_EQ(off.status, kExitUsage);
  EXPECT_NE(off.err.find("--ping"), std::string::npos);
  EXPECT_EQ(check({"--entryPoints.web.transport.respondingTimeouts.readTimeout=soon"}).status, kExitUsage);
}

}  // namespace
}  // namespace limpet::cli
