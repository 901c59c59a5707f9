#include <gtest/gtest.h>

#include "relay/engine.h"
#include "relay/epoll_engine.h"
#include "relay/uring_engine.h"

namespace limpet::relay {
namespace {

TEST(ChooseEngine, TakesIoUringWhereItCanBeUsed) {
  const EngineKind best = why_no_uring() ? EngineKind::kEpoll : EngineKind::kUring;
  EXPECT_EQ(choose_engine("auto"), best);
  EXPECT_EQ(choose_engine("io_uring"), best);
  EXPECT_EQ(choose_engine("epoll"), EngineKind::kEpoll);
}

TEST(MakeEngine, MakesTheKindThatIsWanted) {
  net::Reactor reactor;
  const auto epoll = make_engine(EngineKind::kEpoll, reactor);
  EXPECT_EQ(dynamic_cast<UringEngine*>(epoll.get()), nullptr);
  if (const auto why_not = why_no_uring()) GTEST_SKIP() << "io_uring is not to be had here: " << *why_not;
  net::Reactor other;
  const auto uring = make_engine(EngineKind::kUring, other);
  EXPECT_NE(dynamic_cast<UringEngine*>(uring.get()), nullptr);
}

TEST(BatchDelay, HasNoEffectWithEpoll) {
  EXPECT_EQ(why_no_batch_delay(EngineKind::kEpoll), "the relay engine is epoll");
}

}  // namespace
}  // namespace limpet::relay
