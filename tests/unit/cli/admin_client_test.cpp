#include "cli/admin_client.h"

#include <gtest/gtest.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <chrono>
#include <future>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "net/address.h"
#include "net/listener.h"
#include "unit/cli/fake_admin.h"

namespace limpet::cli {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

std::expected<AdminAnswer, std::string> ask(const std::string& bytes) {
  FakeAdmin admin([&bytes](std::string_view /*request*/) { return bytes; });
  return AdminClient(*parse_admin_address(admin.address()), "", seconds(10)).request("GET", "/ping");
}

TEST(AdminAddress, Forms) {
  const auto full = parse_admin_address("http://10.0.0.1:8081/limpet/");
  ASSERT_TRUE(full);
  EXPECT_EQ(full->host, "10.0.0.1");
  EXPECT_EQ(full->port, 8081);
  EXPECT_EQ(full->authority, "10.0.0.1:8081");
  EXPECT_EQ(full->base_path, "/limpet");
  EXPECT_EQ(parse_admin_address("example.org:99")->port, 99);
  EXPECT_EQ(parse_admin_address(":8080")->host, "127.0.0.1");
  EXPECT_EQ(parse_admin_address("http://[::1]:1")->host, "::1");
  const auto path = parse_admin_address("unix:/run/limpet.sock");
  ASSERT_TRUE(path);
  EXPECT_EQ(path->unix_path, "/run/limpet.sock");
  for (const std::string bad : {"", "unix:", "https://a:1", "ftp://a", "http://a:99999", "http://", "a b"}) {
    const auto refused = parse_admin_address(bad);
    ASSERT_FALSE(refused) << bad;
    EXPECT_NE(refused.error().find("expected"), std::string::npos) << bad;
  }
  EXPECT_FALSE(parse_admin_address("unix:/" + std::string(200, 'x')));
}

TEST(AdminAddress, OfAnEntryPoint) {
  EXPECT_EQ(reachable_address(":8080"), "http://127.0.0.1:8080");
  EXPECT_EQ(reachable_address("0.0.0.0:80/tcp"), "http://127.0.0.1:80");
  EXPECT_EQ(reachable_address("[::]:80"), "http://[::1]:80");
  EXPECT_EQ(reachable_address("10.0.0.1:80"), "http://10.0.0.1:80");
  EXPECT_EQ(reachable_address("unix:/run/a.sock"), "unix:/run/a.sock");
}

TEST(AdminClient, ReadsBodiesOfEveryKind) {
  EXPECT_EQ(ask("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello and more")->body, "hello");
  EXPECT_EQ(
      ask("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nhel\r\n2;x=y\r\nlo\r\n0\r\nA: b\r\n\r\n")
          ->body,
      "hello");
  EXPECT_EQ(ask("HTTP/1.1 200 OK\r\n\r\nhello")->body, "hello");
  EXPECT_EQ(ask("HTTP/1.0 200 OK\r\n\r\n")->body, "");
  const auto none = ask("HTTP/1.1 204 No Content\r\n\r\n");
  ASSERT_TRUE(none);
  EXPECT_EQ(none->status, 204);
  const auto early = ask("HTTP/1.1 103 Early Hints\r\n\r\nHTTP/1.1 503 Busy\r\nContent-Length: 2\r\n\r\nno");
  ASSERT_TRUE(early);
  EXPECT_EQ(early->status, 503);
  EXPECT_EQ(early->body, "no");
}

TEST(AdminClient, ReadsLargeBodies) {
  const std::string body(3'000'000, 'x');
  FakeAdmin admin([&body](std::string_view /*request*/) { return json_answer(body); });
  const auto answer = AdminClient(*parse_admin_address(admin.address()), "", seconds(10)).request("GET", "/");
  ASSERT_TRUE(answer) << answer.error();
  EXPECT_EQ(answer->body, body);
}

TEST(AdminClient, SaysWhatIsWrong) {
  const std::vector<std::pair<std::string, std::string>> cases{
      {"", "closed in the middle"},
      {"SSH-2.0-x\r\n\r\n", "not HTTP"},
      {"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhel", "closed in the middle"},
      {"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n", "body is broken"},
      {"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhe", "closed in the middle"},
      {"HTTP/1.1 200 OK\r\nContent-Length: 99999999999\r\n\r\n", "too large"}};
  for (const auto& [bytes, reason] : cases) {
    const auto answer = ask(bytes);
    ASSERT_FALSE(answer) << bytes;
    EXPECT_NE(answer.error().find(reason), std::string::npos) << answer.error();
    EXPECT_NE(answer.error().find("127.0.0.1"), std::string::npos) << answer.error();
  }
}

TEST(AdminClient, SendsPathHostAndToken) {
  FakeAdmin admin([](std::string_view /*request*/) { return json_answer("{}"); });
  const AdminClient client(*parse_admin_address(admin.address() + "/base"), "s3cret", seconds(10));
  ASSERT_TRUE(client.request("GET", "/api/servers?x=y"));
  ASSERT_TRUE(client.request("POST", "/api/servers/1/drain"));
  const std::vector<std::string> requests = admin.requests();
  ASSERT_EQ(requests.size(), 2U);
  EXPECT_TRUE(requests[0].starts_with("GET /base/api/servers?x=y HTTP/1.1\r\n"));
  EXPECT_NE(requests[0].find("\r\nHost: " + admin.address().substr(7) + "\r\n"), std::string::npos);
  EXPECT_NE(requests[0].find("\r\nAuthorization: Bearer s3cret\r\n"), std::string::npos);
  EXPECT_TRUE(requests[1].starts_with("POST /base/api/servers/1/drain HTTP/1.1\r\n"));
  EXPECT_NE(requests[1].find("\r\nContent-Length: 0\r\n"), std::string::npos);
}

TEST(AdminClient, ATokenCannotAddFields) {
  FakeAdmin admin([](std::string_view /*request*/) { return json_answer("{}"); });
  const AdminClient client(*parse_admin_address(admin.address()), "a\r\nX: y", seconds(10));
  EXPECT_FALSE(client.request("GET", "/"));
  EXPECT_TRUE(admin.requests().empty());
}

TEST(AdminClient, SaysThatNobodyListens) {
  std::uint16_t port = 0;
  {
    const auto listener = net::listen_on(*net::parse_listen_address("127.0.0.1:0"), false);
    ASSERT_TRUE(listener);
    port = net::local_address(listener->get()).port();
  }
  const AdminClient client(*parse_admin_address(":" + std::to_string(port)), "", seconds(10));
  const auto answer = client.request("GET", "/");
  ASSERT_FALSE(answer);
  EXPECT_NE(answer.error().find("refused"), std::string::npos) << answer.error();
}

TEST(AdminClient, GivesUpInTime) {
  std::promise<void> done;
  FakeAdmin admin([&done](std::string_view /*request*/) {
    done.get_future().wait_for(seconds(30));
    return json_answer("{}");
  });
  const AdminClient client(*parse_admin_address(admin.address()), "", milliseconds(50));
  const auto answer = client.request("GET", "/");
  done.set_value();
  ASSERT_FALSE(answer);
  EXPECT_NE(answer.error().find("no answer in time"), std::string::npos) << answer.error();
}

TEST(AdminClient, SpeaksOverAUnixSocket) {
  const std::string path = testing::TempDir() + "limpet-admin-client.sock";
  ::unlink(path.c_str());
  const auto listener = net::listen_on(*net::parse_listen_address("unix:" + path), false);
  ASSERT_TRUE(listener) << listener.error();
  const std::jthread server([fd = listener->get()] {
    pollfd waiting{.fd = fd, .events = POLLIN, .revents = 0};
    ASSERT_EQ(::poll(&waiting, 1, 10'000), 1);
    const net::Fd client(::accept4(fd, nullptr, nullptr, SOCK_CLOEXEC));
    std::array<char, 4096> block{};
    ASSERT_GT(::recv(client.get(), block.data(), block.size(), 0), 0);
    const std::string bytes = json_answer("[]");
    ASSERT_GT(::send(client.get(), bytes.data(), bytes.size(), MSG_NOSIGNAL), 0);
  });
  const auto answer = AdminClient(*parse_admin_address("unix:" + path), "", seconds(10)).request("GET", "/");
  ASSERT_TRUE(answer) << answer.error();
  EXPECT_EQ(answer->body, "[]");
  ::unlink(path.c_str());
}

}  // namespace
}  // namespace limpet::cli
