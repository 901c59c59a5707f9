#include "proxy/answers.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

namespace limpet::proxy {
namespace {

using testing::HasSubstr;
using testing::Not;

std::size_t count_of(const std::string& text, const std::string& part) {
  std::size_t count = 0;
  for (std::size_t at = text.find(part); at != std::string::npos; at = text.find(part, at + 1)) ++count;
  return count;
}

TEST(Answers, EditsReplaceAndRemoveButNeverDouble) {
  Answer answer = refusal_answer(balancing::Refusal::kAllFull);
  FieldEdits edits;
  edits.set("content-type", "application/json");
  edits.set("date", "yesterday");
  edits.set("Content-Length", "7");
  edits.set("limpet-reason", "busy");
  edits.set("Retry-After", "");
  edits.add("Vary", "Origin");
  apply_edits(answer, edits);
  std::string out;
  write_answer(out, answer, {});
  EXPECT_EQ(count_of(out, "Content-Type:") + count_of(out, "content-type:"), 1U) << out;
  EXPECT_THAT(out, HasSubstr("Content-Type: application/json\r\n"));
  EXPECT_EQ(count_of(out, "Content-Length:"), 1U);
  EXPECT_THAT(out, Not(HasSubstr("yesterday")));
  EXPECT_EQ(count_of(out, "eason:"), 1U);
  EXPECT_THAT(out, HasSubstr("limpet-reason: busy\r\n"));
  EXPECT_THAT(out, Not(HasSubstr("Retry-After")));
  EXPECT_THAT(out, HasSubstr("Vary: Origin\r\n"));
}

TEST(Answers, HeadGetsTheHeadOnly) {
  std::string out;
  write_answer(out, status_answer(404), {.close = true, .body = false});
  EXPECT_THAT(out, HasSubstr("HTTP/1.1 404 Not Found\r\n"));
  EXPECT_THAT(out, HasSubstr("Connection: close\r\n"));
  EXPECT_TRUE(out.ends_with("\r\n\r\n"));
}

}  // namespace
}  // namespace limpet::proxy
