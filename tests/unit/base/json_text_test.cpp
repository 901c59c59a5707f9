#include "base/json_text.h"

#include <gtest/gtest.h>
#include <rapidcheck.h>

#include <nlohmann/json.hpp>
#include <string>

namespace limpet::base {
namespace {

std::string json_string(std::string_view text) {
  std::string out;
  append_json_string(out, text);
  return out;
}

TEST(AppendJsonString, EscapesWhatJsonAsksFor) {
  EXPECT_EQ(json_string(""), R"("")");
  EXPECT_EQ(json_string("plain /text"), R"("plain /text")");
  EXPECT_EQ(json_string("a\"b\\c\n\r\t\x01"), R"("a\"b\\c\n\r\t\u0001")");
  EXPECT_EQ(json_string(std::string_view("\0", 1)), R"("\u0000")");
  EXPECT_EQ(json_string("\x7f"), R"("\u007f")");
}

TEST(AppendJsonString, KeepsUtf8) {
  EXPECT_EQ(json_string("\u00e4\u20ac\U0001f600"), "\"\u00e4\u20ac\U0001f600\"");
}

TEST(AppendJsonString, ReplacesWhatIsNotUtf8) {
  EXPECT_EQ(json_string("a\xff z"), "\"a\ufffd z\"");
  EXPECT_EQ(json_string("\xc0\x80"), "\"\ufffd\ufffd\"");
  EXPECT_EQ(json_string("\xed\xa0\x80"), "\"\ufffd\ufffd\ufffd\"");
  EXPECT_EQ(json_string("\xf4\x90\x80\x80"), "\"\ufffd\ufffd\ufffd\ufffd\"");
  EXPECT_EQ(json_string("\xe2\x82"), "\"\ufffd\ufffd\"");
}

TEST(AppendJsonString, IsValidJsonForAnyBytes) {
  EXPECT_TRUE(rc::check("a JSON parser reads it as one line", [](const std::string& bytes) {
    const std::string text = json_string(bytes);
    RC_ASSERT(text.find('\n') == std::string::npos);
    const auto parsed = nlohmann::json::parse(text, nullptr, false);
    RC_ASSERT(parsed.is_string());
  }));
}

TEST(AppendJsonString, IsReadBackWhenAscii) {
  EXPECT_TRUE(rc::check("a JSON parser gives the text back", [] {
    const auto text = *rc::gen::container<std::string>(rc::gen::inRange<char>(0, 127));
    RC_ASSERT(nlohmann::json::parse(json_string(text)).get<std::string>() == text);
  }));
}

}  // namespace
}  // namespace limpet::base
