#include "base/signals.h"

#include <gtest/gtest.h>

#include <csignal>
#include <string_view>

namespace limpet::base {
namespace {

TEST(SignalByName, KnowsNamesInAnyCase) {
  EXPECT_EQ(signal_by_name("TERM"), SIGTERM);
  EXPECT_EQ(signal_by_name("SIGINT"), SIGINT);
  EXPECT_EQ(signal_by_name("sigpwr"), SIGPWR);
}

TEST(SignalByName, OthersAreNone) {
  for (const std::string_view name : {"", "SIG", "15", "TERMINATE", "SIGSIGTERM", "RTMIN+3"}) {
    EXPECT_EQ(signal_by_name(name), std::nullopt) << name;
  }
}

}  // namespace
}  // namespace limpet::base
