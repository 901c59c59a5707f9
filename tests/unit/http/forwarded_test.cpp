#include "http/forwarded.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace limpet::http {
namespace {

constexpr std::string_view kWebsocketFields = "Connection: Upgrade\r\nUpgrade: websocket\r\n";

// The forwarding fields of a request with these fields.
std::string forwarded(std::string_view fields, const ForwardedInput& input,
                      std::string_view host = "a.example", std::string_view version = "HTTP/1.1") {
  const std::string text = "GET / " + std::string(version) + "\r\nHost: " + std::string(host) + "\r\n" +
                           std::string(fields) + "\r\n";
  RequestHead head;
  EXPECT_TRUE(parse_request_head(text, {}, head).value_or(0) > 0) << text;
  std::string out;
  append_forwarded(head, input, out);
  return out;
}

constexpr std::string_view kForged =
    "X-Forwarded-For: 1.1.1.1\r\nX-Forwarded-Proto: https\r\nX-Forwarded-Host: evil\r\nX-Forwarded-Port: "
    "1\r\n"
    "X-Forwarded-Server: evil\r\nX-Real-Ip: 1.1.1.1\r\n";

TEST(Forwarded, IsSetAnewForUntrustedClients) {
  EXPECT_EQ(forwarded(kForged, {.client_ip = "192.0.2.1", .server_name = "edge"}),
            "X-Forwarded-For: 192.0.2.1\r\nX-Forwarded-Host: a.example\r\nX-Forwarded-Port: 80\r\n"
            "X-Forwarded-Proto: http\r\nX-Forwarded-Server: edge\r\nX-Real-Ip: 192.0.2.1\r\n");
}

TEST(Forwarded, IsKeptAndAppendedToForTrustedClients) {
  EXPECT_EQ(forwarded(kForged, {.client_ip = "10.0.0.1", .server_name = "edge", .trusted = true}),
            "X-Forwarded-For: 1.1.1.1, 10.0.0.1\r\nX-Forwarded-Host: evil\r\nX-Forwarded-Port: 1\r\n"
            "X-Forwarded-Proto: https\r\nX-Forwarded-Server: edge\r\nX-Real-Ip: 1.1.1.1\r\n");
}

TEST(Forwarded, JoinsSeveralFieldsAndTakesTheFirstOfTheOthers) {
  EXPECT_EQ(forwarded("X-Forwarded-For: 1.1.1.1, 2.2.2.2\r\nX-Forwarded-For:\r\nX-Forwarded-For: 3.3.3.3\r\n"
                      "X-Forwarded-Proto: wss\r\nX-Forwarded-Proto: http\r\n",
                      {.client_ip = "10.0.0.1", .trusted = true}),
            "X-Forwarded-For: 1.1.1.1, 2.2.2.2, 3.3.3.3, 10.0.0.1\r\nX-Forwarded-Host: a.example\r\n"
            "X-Forwarded-Port: 443\r\nX-Forwarded-Proto: wss\r\nX-Real-Ip: 10.0.0.1\r\n");
}

TEST(Forwarded, NamesTheSchemeOfTheClientsConnection) {
  const auto proto_of = [](std::string_view fields, bool tls) {
    const std::string out = forwarded(fields, {.client_ip = "192.0.2.1", .tls = tls});
    const std::size_t start = out.find("X-Forwarded-Port: ");
    return out.substr(start, out.find("X-Real-Ip") - start);
  };
  EXPECT_EQ(proto_of("", false), "X-Forwarded-Port: 80\r\nX-Forwarded-Proto: http\r\n");
  EXPECT_EQ(proto_of("", true), "X-Forwarded-Port: 443\r\nX-Forwarded-Proto: https\r\n");
  EXPECT_EQ(proto_of(kWebsocketFields, false), "X-Forwarded-Port: 80\r\nX-Forwarded-Proto: ws\r\n");
  EXPECT_EQ(proto_of(kWebsocketFields, true), "X-Forwarded-Port: 443\r\nX-Forwarded-Proto: wss\r\n");
}

TEST(Forwarded, TakesThePortOfTheHost) {
  EXPECT_NE(forwarded("", {.client_ip = "192.0.2.1"}, "a:8080").find("X-Forwarded-Port: 8080\r\n"),
            std::string::npos);
  EXPECT_NE(forwarded("", {.client_ip = "192.0.2.1"}, "[::1]:81").find("X-Forwarded-Port: 81\r\n"),
            std::string::npos);
  EXPECT_NE(forwarded("", {.client_ip = "192.0.2.1"}, "[::1]").find("X-Forwarded-Port: 80\r\n"),
            std::string::npos);
}

TEST(Forwarded, SaysNothingOfAClientWithoutAddress) {
  EXPECT_EQ(forwarded("X-Forwarded-For: 1.1.1.1\r\n", {}),
            "X-Forwarded-Host: a.example\r\nX-Forwarded-Port: 80\r\nX-Forwarded-Proto: http\r\n");
  EXPECT_EQ(forwarded("X-Forwarded-For: 1.1.1.1\r\n", {.trusted = true}),
            "X-Forwarded-For: 1.1.1.1\r\nX-Forwarded-Host: a.example\r\nX-Forwarded-Port: 80\r\n"
            "X-Forwarded-Proto: http\r\n");
}

TEST(Forwarded, AddsToViaIfAsked) {
  const auto via_of = [](std::string_view fields, std::string_view version) {
    const std::string out = forwarded(fields, {.client_ip = "192.0.2.1", .via = "limpet"}, "a", version);
    return out.substr(out.find("Via: "));
  };
  EXPECT_EQ(via_of("", "HTTP/1.1"), "Via: 1.1 limpet\r\n");
  EXPECT_EQ(via_of("Via: 1.1 a\r\nVia: 2 b\r\n", "HTTP/1.0"), "Via: 1.1 a, 2 b, 1.0 limpet\r\n");
}

TEST(Forwarded, SaysWhichFieldsAreNotCopied) {
  const auto replaced = [](std::string_view name, bool trusted, std::string_view via = "") {
    return is_replaced_by_forwarded({.name = name, .value = "x", .id = field_id(name)},
                                    {.via = via, .trusted = trusted});
  };
  for (const std::string_view name : {"X-Forwarded-For", "x-forwarded-proto", "X-Forwarded-Host",
                                      "X-Forwarded-Port", "X-Forwarded-Server", "X-Real-Ip"}) {
    EXPECT_TRUE(replaced(name, true)) << name;
    EXPECT_TRUE(replaced(name, false)) << name;
  }
  for (const std::string_view name :
       {"X-Forwarded-Prefix", "X-Forwarded-Uri", "x-forwarded-tls-client-cert", "Forwarded", "X-Scheme",
        "X_Forwarded_For", "X-Forwarded_Proto", "x_real_ip"}) {
    EXPECT_FALSE(replaced(name, true)) << name;
    EXPECT_TRUE(replaced(name, false)) << name;
  }
  for (const std::string_view name : {"Host", "Cookie", "X-Forward", "X-Real-Ipp", "X-Custom", "Via"}) {
    EXPECT_FALSE(replaced(name, false)) << name;
  }
  EXPECT_TRUE(replaced("Via", true, "limpet"));
}

std::string_view client(const ClientAddressRule& rule, const std::vector<std::string_view>& values,
                        bool trusted = true) {
  std::vector<Field> fields;
  for (const std::string_view value : values) {
    fields.push_back({.name = "X-Forwarded-For", .value = value, .id = FieldId::kXForwardedFor});
  }
  return client_address(rule, fields, {.client_ip = "10.0.0.9", .trusted = trusted});
}

TEST(ClientAddress, IsThePeersWithoutARule) {
  EXPECT_EQ(client({}, {"1.1.1.1"}), "10.0.0.9");
  EXPECT_EQ(client({}, {"1.1.1.1"}, false), "10.0.0.9");
}

TEST(ClientAddress, IsSoManyEntriesFromTheRight) {
  EXPECT_EQ(client({.depth = 1}, {"1.1.1.1, 2.2.2.2"}), "2.2.2.2");
  EXPECT_EQ(client({.depth = 2}, {"1.1.1.1, 2.2.2.2"}), "1.1.1.1");
  EXPECT_EQ(client({.depth = 3}, {"1.1.1.1, 2.2.2.2"}), "");
  EXPECT_EQ(client({.depth = 3}, {"1.1.1.1,2.2.2.2", "3.3.3.3"}), "1.1.1.1");
  EXPECT_EQ(client({.depth = 1}, {}), "");
  EXPECT_EQ(client({.depth = 1}, {"1.1.1.1"}, false), "");
}

TEST(ClientAddress, IsTheRightmostOutsideTheExcludedRanges) {
  const ClientAddressRule rule{
      .depth = 0,
      .excluded = {net::IpRange::parse("10.0.0.0/8").value(), net::IpRange::parse("2001:db8::/32").value()}};
  EXPECT_EQ(client(rule, {"1.1.1.1, 2.2.2.2, 10.1.1.1, 2001:db8::1"}), "2.2.2.2");
  EXPECT_EQ(client(rule, {"1.1.1.1", "10.1.1.1, "}), "1.1.1.1");
  EXPECT_EQ(client(rule, {"10.1.1.1"}), "");
  EXPECT_EQ(client(rule, {"1.1.1.1, unknown, 10.1.1.1"}), "unknown");
  EXPECT_EQ(client(rule, {}), "");
  EXPECT_EQ(client(rule, {"1.1.1.1"}, false), "");
}

}  // namespace
}  // namespace limpet::http
