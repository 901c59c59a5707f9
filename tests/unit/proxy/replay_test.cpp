#include "proxy/replay.h"

#include <gtest/gtest.h>

namespace limpet::proxy {
namespace {

TEST(Replay, ReadsOrders) {
  EXPECT_EQ(parse_replay("server=http://10.0.0.2:3000"), (ReplayOrder{.server = "http://10.0.0.2:3000"}));
  EXPECT_EQ(parse_replay(" key=room 7 "), (ReplayOrder{.key = "room 7"}));
  EXPECT_EQ(parse_replay("server=a3d5; key=room"), (ReplayOrder{.server = "a3d5", .key = "room"}));
  EXPECT_EQ(parse_replay("Elsewhere"), (ReplayOrder{.elsewhere = true}));
}

TEST(Replay, RefusesAnythingElse) {
  for (const char* text : {"", "server", "server=", "key=", "somewhere", "key=a;key=b", "elsewhere;key=a"}) {
    EXPECT_FALSE(parse_replay(text)) << text;
  }
  EXPECT_FALSE(parse_replay("key=" + std::string(257, 'x')));
}

}  // namespace
}  // namespace limpet::proxy
