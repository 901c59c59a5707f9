#include "telemetry/access_record.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <rapidcheck.h>

#include <algorithm>
#include <chrono>
#include <cstdlib>
#include <ctime>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

namespace limpet::telemetry {
namespace {

using namespace std::chrono_literals;

/// 10 November 2009, 23:00:00 UTC.
constexpr base::WallTime kStart{1257894000s};

AccessRecord full_record() {
  AccessRecord record;
  record.start = kStart;
  record.duration = 123s;
  record.entry_point = "web";
  record.router = "foo@docker";
  record.service = "foo-svc@docker";
  record.service_url = "http://10.0.0.2:80/toto";
  record.service_addr = "10.0.0.2:80";
  record.client_addr = "10.0.0.1:4711";
  record.client_username = "Client";
  record.request_addr = "example.org:8080";
  record.method = "GET";
  record.path = "/foo?a=b";
  record.protocol = "HTTP/1.1";
  record.request_content_size = 7;
  record.referer = "http://referer/";
  record.user_agent = "agent 1.0";
  record.origin_duration = 120s;
  record.origin_content_size = 132;
  record.origin_status = 200;
  record.downstream_status = 201;
  record.downstream_content_size = 133;
  record.retry_attempts = 1;
  return record;
}

std::string line_of(AccessFormat format, const AccessRecord& record, std::uint64_t count = 1) {
  std::string out;
  AccessFormatter(format).append(out, record, count);
  return out;
}

nlohmann::json json_of(const AccessRecord& record) {
  const std::string line = line_of(AccessFormat::kJson, record);
  EXPECT_EQ(line.find('\n'), line.size() - 1) << line;
  return nlohmann::json::parse(line);
}

/// Sets TZ for one test.
class TimeZone {
 public:
  explicit TimeZone(const char* zone) {
    setenv("TZ", zone, 1);
    tzset();
  }
  TimeZone(const TimeZone&) = delete;
  TimeZone& operator=(const TimeZone&) = delete;
  ~TimeZone() {
    unsetenv("TZ");
    tzset();
  }
};

TEST(AccessFormatter, WritesTraefiksCommonLine) {
  EXPECT_EQ(
      line_of(AccessFormat::kCommon, full_record(), 42),
      "10.0.0.1 - Client [10/Nov/2009:23:00:00 +0000] \"GET /foo?a=b HTTP/1.1\" 201 133 \"http://referer/\" "
      "\"agent 1.0\" 42 \"foo@docker\" \"http://10.0.0.2:80/toto\" 123000ms\n");
}

TEST(AccessFormatter, WritesDashesForWhatIsAbsent) {
  AccessRecord record;
  record.start = kStart;
  record.duration = 1999us;
  record.client_addr = "[2001:db8::1]:99";
  record.method = "GET";
  record.path = "/";
  record.protocol = "HTTP/1.0";
  record.downstream_status = 404;
  record.downstream_content_size = 19;
  EXPECT_EQ(line_of(AccessFormat::kCommon, record),
            "2001:db8::1 - - [10/Nov/2009:23:00:00 +0000] \"GET / HTTP/1.0\" 404 19 \"-\" \"-\" 1 \"-\" "
            "\"-\" 1ms\n");
  EXPECT_EQ(line_of(AccessFormat::kCommon, AccessRecord{}),
            "- - - [01/Jan/1970:00:00:00 +0000] \"- - -\" 0 0 \"-\" \"-\" 1 \"-\" \"-\" 0ms\n");
}

TEST(AccessFormatter, WritesTheGenericLine) {
  EXPECT_EQ(
      line_of(AccessFormat::kGenericClf, full_record()),
      "10.0.0.1 - Client [10/Nov/2009:23:00:00 +0000] \"GET /foo?a=b HTTP/1.1\" 201 133 \"http://referer/\" "
      "\"agent 1.0\"\n");
}

TEST(AccessFormatter, PrefersTheClientBehindAProxy) {
  AccessRecord record = full_record();
  record.client_host = "192.0.2.7";
  EXPECT_THAT(line_of(AccessFormat::kCommon, record), testing::StartsWith("192.0.2.7 - "));
  EXPECT_EQ(json_of(record)["ClientHost"], "192.0.2.7");
  EXPECT_EQ(json_of(record)["ClientAddr"], "10.0.0.1:4711");
}

TEST(AccessFormatter, KeepsTheDateUpToDate) {
  AccessFormatter formatter(AccessFormat::kGenericClf);
  AccessRecord record = full_record();
  std::string out;
  for (const auto offset : {0ms, 999ms, 1000ms, 86400000ms, 0ms}) {
    record.start = kStart + offset;
    formatter.append(out, record, 1);
  }
  std::vector<std::string> dates;
  for (std::size_t at = out.find('['); at != std::string::npos; at = out.find('[', at + 1)) {
    dates.push_back(out.substr(at + 1, 20));
  }
  EXPECT_THAT(dates,
              testing::ElementsAre("10/Nov/2009:23:00:00", "10/Nov/2009:23:00:00", "10/Nov/2009:23:00:01",
                                   "11/Nov/2009:23:00:00", "10/Nov/2009:23:00:00"));
}

TEST(AccessFormatter, WritesTraefiksJson) {
  const TimeZone zone("UTC-1");
  AccessRecord record = full_record();
  record.start = kStart + 120ms;
  const auto expected = nlohmann::json::parse(R"({
    "ClientAddr": "10.0.0.1:4711", "ClientHost": "10.0.0.1", "ClientPort": "4711", "ClientUsername": "Client",
    "DownstreamContentSize": 133, "DownstreamStatus": 201, "Duration": 123000000000,
    "OriginContentSize": 132, "OriginDuration": 120000000000, "OriginStatus": 200, "Overhead": 3000000000,
    "RequestAddr": "example.org:8080", "RequestContentSize": 7, "RequestCount": 1, "RequestHost": "example.org",
    "RequestMethod": "GET", "RequestPath": "/foo?a=b", "RequestPort": "8080", "RequestProtocol": "HTTP/1.1",
    "RequestScheme": "http", "RetryAttempts": 1, "RouterName": "foo@docker", "ServiceAddr": "10.0.0.2:80",
    "ServiceName": "foo-svc@docker", "ServiceURL": "http://10.0.0.2:80/toto",
    "StartLocal": "2009-11-11T00:00:00.12+01:00", "StartUTC": "2009-11-10T23:00:00.12Z",
    "entryPointName": "web", "level": "info", "msg": "", "request_Referer": "http://referer/",
    "request_User-Agent": "agent 1.0", "time": "2009-11-11T00:02:03+01:00"})");
  EXPECT_EQ(json_of(record), expected);
}

TEST(AccessFormatter, WritesJsonKeysInByteOrder) {
  AccessRecord record = full_record();
  record.tunnel = true;
  record.close_reason = "client";
  const auto line = nlohmann::ordered_json::parse(line_of(AccessFormat::kJson, record));
  std::vector<std::string> keys;
  for (const auto& [key, value] : line.items()) keys.push_back(key);
  EXPECT_TRUE(std::ranges::is_sorted(keys));
}

TEST(AccessFormatter, KnowsTimeZonesWestOfGreenwich) {
  const TimeZone zone("XYZ3:30");
  EXPECT_EQ(json_of(full_record())["StartLocal"], "2009-11-10T19:30:00-03:30");
}

TEST(AccessFormatter, LeavesOutWhatNoServerDid) {
  AccessRecord record = full_record();
  record.router = record.service = record.service_url = record.service_addr = {};
  record.origin_status = 0;
  record.origin_duration.reset();
  record.client_username = {};
  record.referer = {};
  record.request_addr = "example.org";
  const auto line = json_of(record);
  for (const char* key :
       {"RouterName", "ServiceName", "ServiceURL", "ServiceAddr", "OriginStatus", "OriginDuration",
        "OriginContentSize", "request_Referer", "CloseReason", "TunnelMessagesToServer"}) {
    EXPECT_FALSE(line.contains(key)) << key;
  }
  EXPECT_EQ(line["Overhead"], 123000000000);
  EXPECT_EQ(line["ClientUsername"], "-");
  EXPECT_EQ(line["RequestHost"], "example.org");
  EXPECT_EQ(line["RequestPort"], "-");
}

TEST(AccessFormatter, SplitsHostsAndPorts) {
  AccessRecord record = full_record();
  record.request_addr = "[::1]:81";
  EXPECT_EQ(json_of(record)["RequestHost"], "::1");
  EXPECT_EQ(json_of(record)["RequestPort"], "81");
  record.request_addr = "::1";
  EXPECT_EQ(json_of(record)["RequestHost"], "::1");
  EXPECT_EQ(json_of(record)["RequestPort"], "-");
}

TEST(AccessFormatter, TellsOfTunnels) {
  AccessRecord record = full_record();
  record.tunnel = true;
  record.tunnel_messages_to_server = 5;
  record.tunnel_messages_to_client = 6;
  record.close_reason = "drained";
  const auto line = json_of(record);
  EXPECT_EQ(line["TunnelMessagesToServer"], 5);
  EXPECT_EQ(line["TunnelMessagesToClient"], 6);
  EXPECT_EQ(line["CloseReason"], "drained");
}

TEST(AccessFormatter, LetsNobodyForgeALine) {
  AccessRecord record = full_record();
  record.client_host = "1.2.3.4 - admin [x]";
  record.client_username = "a b\"";
  record.path = "/\r\n127.0.0.1 - - \"GET";
  record.referer = "\" 200 1 \"\\";
  record.user_agent = "\x1b[2J\xc3\xa4\x7f\tend";
  EXPECT_EQ(line_of(AccessFormat::kGenericClf, record),
            "1.2.3.4\\x20-\\x20admin\\x20[x] - a\\x20b\\\" [10/Nov/2009:23:00:00 +0000] "
            "\"GET /\\x0d\\x0a127.0.0.1\\x20-\\x20-\\x20\\\"GET HTTP/1.1\" 201 133 \"\\\" 200 1 \\\"\\\\\" "
            "\"\\x1b[2J\\xc3\\xa4\\x7f\\x09end\"\n");
  EXPECT_EQ(json_of(record)["RequestPath"], "/\r\n127.0.0.1 - - \"GET");
}

TEST(AccessFormatter, WritesOneLineForAnyBytes) {
  EXPECT_TRUE(rc::check("one printable CLF line, one JSON object",
                        [](const std::string& a, const std::string& b, const std::string& c) {
                          AccessRecord record = full_record();
                          record.client_host = a;
                          record.method = b;
                          record.path = c;
                          record.referer = a;
                          record.user_agent = b;
                          record.router = c;
                          const std::string line = line_of(AccessFormat::kCommon, record);
                          RC_ASSERT(line.back() == '\n');
                          RC_ASSERT(std::all_of(line.begin(), line.end() - 1,
                                                [](char ch) { return ch >= 0x20 && ch < 0x7f; }));
                          const std::string json = line_of(AccessFormat::kJson, record);
                          RC_ASSERT(std::ranges::count(json, '\n') == 1);
                          RC_ASSERT(nlohmann::json::parse(json, nullptr, false).is_object());
                        }));
}

TEST(AccessFormatFromName, KnowsTraefiksNames) {
  EXPECT_EQ(access_format_from_name("common"), AccessFormat::kCommon);
  EXPECT_EQ(access_format_from_name("GENERICclf"), AccessFormat::kGenericClf);
  EXPECT_EQ(access_format_from_name("json"), AccessFormat::kJson);
  EXPECT_EQ(access_format_from_name("xml"), std::nullopt);
  for (const std::string_view name : access_format_names())
    EXPECT_TRUE(access_format_from_name(name)) << name;
}

}  // namespace
}  // namespace limpet::telemetry
