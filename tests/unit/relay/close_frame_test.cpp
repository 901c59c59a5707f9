#include "relay/close_frame.h"

#include <gtest/gtest.h>

#include <set>
#include <string>

#include "unit/relay/websocket_frames.h"

namespace limpet::relay {
namespace {

Frame decoded(const std::string& bytes) {
  std::string_view rest = bytes;
  const auto frame = take_frame(rest);
  EXPECT_TRUE(frame.has_value());
  EXPECT_EQ(rest, "");
  return frame.value_or(Frame{});
}

TEST(CloseFrame, IsPlainTowardsClients) {
  const std::string bytes = close_frame(1001, "bye", false);
  EXPECT_EQ(bytes,
            "\x88\x05\x03\xe9"
            "bye");
}

TEST(CloseFrame, IsMaskedTowardsServers) {
  const Frame frame = decoded(close_frame(1001, "bye", true));
  EXPECT_TRUE(frame.fin);
  EXPECT_EQ(frame.opcode, 8);
  EXPECT_TRUE(frame.masked);
  EXPECT_EQ(frame.payload,
            "\x03\xe9"
            "bye");
}

TEST(CloseFrame, HasAnotherMaskEachTime) {
  std::set<std::string> masks;
  for (int i = 0; i < 8; ++i) masks.insert(close_frame(1000, "", true).substr(2, 4));
  EXPECT_GT(masks.size(), 6U);
}

TEST(CloseFrame, CutsALongReasonBetweenCharacters) {
  const auto reason_of = [](const std::string& text) {
    const Frame frame = decoded(close_frame(1000, text, false));
    EXPECT_LE(frame.payload.size(), 125U);
    return frame.payload.substr(2);
  };
  EXPECT_EQ(reason_of(std::string(123, 'x')), std::string(123, 'x'));
  EXPECT_EQ(reason_of(std::string(500, 'x')), std::string(123, 'x'));
  // U+00E9 is two bytes, U+20AC three; each straddles the limit.
  EXPECT_EQ(reason_of(std::string(122, 'x') + "\u00e9tc"), std::string(122, 'x'));
  EXPECT_EQ(reason_of(std::string(121, 'x') + "\u20ac\u20ac"), std::string(121, 'x'));
  EXPECT_EQ(reason_of(std::string(120, 'x') + "\u20ac\u20ac"), std::string(120, 'x') + "\u20ac");
}

}  // namespace
}  // namespace limpet::relay
