#include "http/syntax.h"

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <algorithm>
#include <string>
#include <vector>

namespace limpet::http {
namespace {

TEST(Syntax, SplitsAuthorities) {
  EXPECT_EQ(host_without_port("a.example:80"), "a.example");
  EXPECT_EQ(port_of("a.example:80"), "80");
  EXPECT_EQ(host_without_port("a.example"), "a.example");
  EXPECT_EQ(port_of("a.example"), "");
  EXPECT_EQ(host_without_port("[::1]:80"), "[::1]");
  EXPECT_EQ(port_of("[::1]:80"), "80");
  EXPECT_EQ(port_of("[::1]"), "");
  EXPECT_EQ(host_without_port(""), "");
  EXPECT_EQ(port_of(""), "");
}

TEST(Syntax, WalksLists) {
  const auto elements = [](std::string_view list) {
    std::vector<std::string_view> out;
    while (list.data() != nullptr) out.push_back(next_list_element(list));
    return out;
  };
  using List = std::vector<std::string_view>;
  EXPECT_EQ(elements("a, b\t ,c"), (List{"a", "b", "c"}));
  EXPECT_EQ(elements(""), (List{""}));
  EXPECT_EQ(elements("a,"), (List{"a", ""}));
  EXPECT_EQ(elements(",,"), (List{"", "", ""}));
  EXPECT_EQ(elements(std::string_view{}), List{});
}

RC_GTEST_PROP(SyntaxProperty, FindsTheFirstControlCharacterAnywhere, ()) {
  const auto bytes =
      rc::gen::container<std::string>(rc::gen::weightedOneOf<char>({{20, rc::gen::inRange<char>(' ', '\x7f')},
                                                                    {2, rc::gen::just('\t')},
                                                                    {1, rc::gen::arbitrary<char>()}}));
  const std::string text = *bytes;
  const auto is_control = [](char c) {
    const auto byte = static_cast<unsigned char>(c);
    return (byte < 0x20 && c != '\t') || byte == 0x7f;
  };
  const auto expected = std::ranges::find_if(text, is_control) - text.begin();
  RC_ASSERT(find_control(text.data(), text.data() + text.size()) - text.data() == expected);
}

}  // namespace
}  // namespace limpet::http
