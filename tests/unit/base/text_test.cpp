#include "base/text.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <rapidcheck.h>

#include <string>

namespace limpet::base {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

TEST(ToLower, TouchesAsciiLettersOnly) {
  EXPECT_EQ(to_lower("AbZ-09_\xc3\x84"), "abz-09_\xc3\x84");
  EXPECT_EQ(to_lower('Q'), 'q');
  EXPECT_EQ(to_lower('@'), '@');
  EXPECT_EQ(to_lower('['), '[');
}

TEST(Iequals, IgnoresAsciiCase) {
  EXPECT_TRUE(iequals("Content-Length", "content-LENGTH"));
  EXPECT_TRUE(iequals("", ""));
  EXPECT_FALSE(iequals("a", "ab"));
  EXPECT_FALSE(iequals("[", "{"));
  EXPECT_FALSE(iequals("@", "`"));
}

TEST(Trim, CutsBlanksAtBothEnds) {
  EXPECT_EQ(trim(" \t a b \r\n"), "a b");
  EXPECT_EQ(trim(" \t\r\n"), "");
  EXPECT_EQ(trim(""), "");
  EXPECT_EQ(trim("x"), "x");
}

TEST(SplitList, LeavesEmptyPartsOut) {
  EXPECT_THAT(split_list("a, b ,,c", ','), ElementsAre("a", "b", "c"));
  EXPECT_THAT(split_list("one", ','), ElementsAre("one"));
  EXPECT_THAT(split_list("", ','), IsEmpty());
  EXPECT_THAT(split_list(" , ", ','), IsEmpty());
  EXPECT_THAT(split_list("a;b,c", ';'), ElementsAre("a", "b,c"));
}

TEST(Nearest, FindsSlipsOfThePen) {
  EXPECT_EQ(nearest("entrypoint", {"entryPoints", "providers", "api"}), "entryPoints");
  EXPECT_EQ(nearest("SERVRES", {"servers", "sticky"}), "servers");
  EXPECT_EQ(nearest("rul", {"service", "rule", "tls"}), "rule");
}

TEST(Nearest, SuggestsNothingFarOff) {
  EXPECT_EQ(nearest("banana", {"servers", "sticky"}), std::nullopt);
  EXPECT_EQ(nearest("ab", {"xy"}), std::nullopt);
  EXPECT_EQ(nearest("word", {}), std::nullopt);
}

TEST(EqualsConstantTime, ComparesBytes) {
  EXPECT_TRUE(equals_constant_time("secret", "secret"));
  EXPECT_TRUE(equals_constant_time("", ""));
  EXPECT_FALSE(equals_constant_time("secret", "secreT"));
  EXPECT_FALSE(equals_constant_time("secret", "secret2"));
}

TEST(AppendEscaped, KeepsATextOnOneLine) {
  std::string out = "> ";
  append_escaped(out, std::string_view("a\nb\r\tc\\d\x1b[0m\x7f\0\xc3\xa4", 16));
  EXPECT_EQ(out, "> a\\nb\\r\\tc\\\\d\\x1b[0m\\x7f\\x00\xc3\xa4");
}

TEST(Base64, MatchesTheVectorsOfRfc4648) {
  EXPECT_EQ(base64_encode(""), "");
  EXPECT_EQ(base64_encode("f"), "Zg==");
  EXPECT_EQ(base64_encode("fo"), "Zm8=");
  EXPECT_EQ(base64_encode("foo"), "Zm9v");
  EXPECT_EQ(base64_encode("foobar"), "Zm9vYmFy");
  EXPECT_EQ(base64_decode("Zm9vYg=="), "foob");
  EXPECT_EQ(base64_decode("Zm9vYmE="), "fooba");
  EXPECT_EQ(base64_decode(""), "");
}

TEST(Base64, RefusesWhatIsNotBase64) {
  for (const std::string_view text : {"Z", "Zg", "Zg=", "Zg===", "====", "=g==", "Zg==Zg==", "Z=g=", "Zm9v\n",
                                      "    ", "Zg==    ", " Zm9", "Zm9-", "Zm9_", "\xff\xff\xff\xff"}) {
    EXPECT_EQ(base64_decode(text), std::nullopt) << text;
  }
}

TEST(Base64, IsReadBack) {
  EXPECT_TRUE(rc::check("base64_decode(base64_encode(bytes)) == bytes", [](const std::string& bytes) {
    const std::string text = base64_encode(bytes);
    RC_ASSERT(text.size() == (bytes.size() + 2) / 3 * 4);
    const auto decoded = base64_decode(text);
    RC_ASSERT(decoded.has_value());
    RC_ASSERT(*decoded == bytes);
  }));
}

}  // namespace
}  // namespace limpet::base
