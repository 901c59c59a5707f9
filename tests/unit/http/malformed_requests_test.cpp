#include <gtest/gtest.h>

#include <fstream>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "http/chunked.h"
#include "http/head.h"

namespace limpet::http {
namespace {

struct Case {
  std::string name;
  std::string request;
  int status = 0;
  bool in_body = false;
};

// A JSON string holds one byte a character: U+00E4 stands for 0xe4.
std::string bytes_of(const std::string& utf8) {
  std::string out;
  for (std::size_t i = 0; i < utf8.size(); ++i) {
    const auto byte = static_cast<unsigned char>(utf8[i]);
    if (byte < 0x80) {
      out += utf8[i];
    } else {
      const auto next = static_cast<unsigned char>(utf8.at(++i));
      out += static_cast<char>(((byte & 0x03U) << 6U) | (next & 0x3fU));
    }
  }
  return out;
}

std::vector<Case> read_cases() {
  std::ifstream file(LIMPET_TEST_DATA "/malformed_requests.json");
  std::vector<Case> cases;
  for (const auto& item : nlohmann::json::parse(file)) {
    cases.push_back({item.at("name"), bytes_of(item.at("request")), item.at("status"),
                     item.value("stage", "head") == "body"});
  }
  return cases;
}

// 0 while the request is in order or not complete.
int head_status(std::string_view text) {
  RequestHead head;
  const auto size = parse_request_head(text, {}, head);
  return size ? 0 : size.error().status;
}

int first_status_byte_by_byte(std::string_view text) {
  for (std::size_t size = 0; size <= text.size(); ++size) {
    if (const int status = head_status(text.substr(0, size)); status != 0) return status;
    RequestHead head;
    const auto taken = parse_request_head(text.substr(0, size), {}, head);
    if (taken && *taken > 0) return 0;
  }
  return 0;
}

int body_status(std::string_view body, std::size_t piece) {
  ChunkedDecoder decoder;
  while (!body.empty() && !decoder.done()) {
    const auto step = decoder.next(body.substr(0, piece));
    if (!step) return step.error().status;
    if (step->consumed == 0) return -1;
    body.remove_prefix(step->consumed);
  }
  return 0;
}

TEST(MalformedRequests, AreRefusedWithTheirStatus) {
  const std::vector<Case> cases = read_cases();
  EXPECT_GE(cases.size(), 400U);
  for (const Case& item : cases) {
    if (item.in_body) continue;
    EXPECT_EQ(head_status(item.request), item.status) << item.name;
    EXPECT_EQ(first_status_byte_by_byte(item.request), item.status) << item.name << ", byte by byte";
  }
}

TEST(MalformedRequests, WithABadBodyAreRefusedByTheDecoder) {
  for (const Case& item : read_cases()) {
    if (!item.in_body) continue;
    RequestHead head;
    const auto size = parse_request_head(item.request, {}, head);
    ASSERT_TRUE(size) << item.name;
    ASSERT_EQ(head.framing.kind, BodyKind::kChunked) << item.name;
    const std::string_view body = std::string_view(item.request).substr(*size);
    for (const std::size_t piece : {body.size(), std::size_t{1}, std::size_t{3}}) {
      EXPECT_EQ(body_status(body, piece), item.status) << item.name << ", in pieces of " << piece;
    }
  }
}

}  // namespace
}  // namespace limpet::http
