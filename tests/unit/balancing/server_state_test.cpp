#include "balancing/server_state.h"

#include <gtest/gtest.h>

#include <atomic>
#include <chrono>
#include <thread>
#include <vector>

namespace limpet::balancing {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

constexpr base::TimePoint kStart{std::chrono::hours(5)};

TEST(ServerState, HasStableId) {
  // FNV-1a-64 of "webapp@docker|http://172.20.0.2:3000".
  const ServerState server("webapp@docker", "http://172.20.0.2:3000", 1);
  EXPECT_EQ(server.id(), "7f6f41460e155319");
  EXPECT_EQ(server.service(), "webapp@docker");
  EXPECT_EQ(server.url(), "http://172.20.0.2:3000");
}

TEST(ServerState, CountsSeatsAndTunnels) {
  ServerState server("s", "http://a", 1);
  ASSERT_TRUE(server.try_take_seat(SeatKind::kRequest, 2));
  Seat request(server, SeatKind::kRequest);
  {
    ASSERT_TRUE(server.try_take_seat(SeatKind::kTunnel, 2));
    const Seat tunnel(server, SeatKind::kTunnel);
    EXPECT_EQ(server.seats_taken(), 2U);
    EXPECT_EQ(server.tunnels_open(), 1U);
    EXPECT_FALSE(server.try_take_seat(SeatKind::kRequest, 2));
    EXPECT_FALSE(server.try_take_seat(SeatKind::kTunnel, 2));
    EXPECT_EQ(server.tunnels_open(), 1U);
  }
  EXPECT_EQ(server.seats_taken(), 1U);
  EXPECT_EQ(server.tunnels_open(), 0U);

  request.become_tunnel();
  request.become_tunnel();
  EXPECT_EQ(server.seats_taken(), 1U);
  EXPECT_EQ(server.tunnels_open(), 1U);
  Seat moved = std::move(request);
  EXPECT_EQ(request.server(),
            nullptr);  // NOLINT(bugprone-use-after-move): what a moved seat holds is the question
  moved.release();
  EXPECT_EQ(server.seats_taken(), 0U);
  EXPECT_EQ(server.tunnels_open(), 0U);
}

TEST(ServerState, LoweredCapacityAdmitsNobodyUntilSeatsAreFree) {
  ServerState server("s", "http://a", 1);
  for (int i = 0; i < 5; ++i) ASSERT_TRUE(server.try_take_seat(SeatKind::kTunnel, 0));
  EXPECT_FALSE(server.try_take_seat(SeatKind::kTunnel, 3));
  server.release_seat(SeatKind::kTunnel);
  server.release_seat(SeatKind::kTunnel);
  EXPECT_FALSE(server.try_take_seat(SeatKind::kTunnel, 3));
  server.release_seat(SeatKind::kTunnel);
  EXPECT_TRUE(server.try_take_seat(SeatKind::kTunnel, 3));
}

TEST(ServerState, CapacityIsExactUnderEightThreads) {
  constexpr std::uint32_t kCapacity = 3;
  constexpr int kRounds = 20'000;
  ServerState server("s", "http://a", 1);
  std::atomic<int> inside{0};
  std::atomic<bool> exceeded{false};
  std::atomic<std::uint64_t> admitted{0};
  std::vector<std::thread> threads;
  for (int i = 0; i < 8; ++i) {
    threads.emplace_back([&] {
      for (int round = 0; round < kRounds; ++round) {
        if (!server.try_take_seat(SeatKind::kTunnel, kCapacity)) continue;
        if (inside.fetch_add(1) >= static_cast<int>(kCapacity)) exceeded = true;
        ++admitted;
        inside.fetch_sub(1);
        server.release_seat(SeatKind::kTunnel);
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_FALSE(exceeded);
  EXPECT_GT(admitted, 0U);
  EXPECT_EQ(server.seats_taken(), 0U);
  EXPECT_EQ(server.tunnels_open(), 0U);
}

TEST(ServerState, EightThreadsFillItToTheLastSeatAndNoFurther) {
  constexpr std::uint32_t kCapacity = 1000;
  ServerState server("s", "http://a", 1);
  std::atomic<std::uint32_t> admitted{0};
  std::vector<std::thread> threads;
  for (int i = 0; i < 8; ++i) {
    threads.emplace_back([&] {
      for (int attempt = 0; attempt < 500; ++attempt) {
        if (server.try_take_seat(SeatKind::kRequest, kCapacity)) ++admitted;
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(admitted, kCapacity);
  EXPECT_EQ(server.seats_taken(), kCapacity);
}

TEST(ServerState, EjectsAtTheLastAllowedFailureAndForAWindow) {
  ServerState server("s", "http://a", 1);
  EXPECT_FALSE(server.is_ejected(kStart));
  EXPECT_FALSE(server.note_failure(kStart, seconds(10), 3));
  EXPECT_FALSE(server.note_failure(kStart + seconds(4), seconds(10), 3));
  EXPECT_FALSE(server.is_ejected(kStart + seconds(4)));
  EXPECT_TRUE(server.note_failure(kStart + seconds(9), seconds(10), 3));
  EXPECT_TRUE(server.is_ejected(kStart + seconds(9)));
  EXPECT_TRUE(server.is_ejected(kStart + seconds(19) - milliseconds(1)));
  EXPECT_FALSE(server.is_ejected(kStart + seconds(19)));
  EXPECT_FALSE(server.note_failure(kStart + seconds(20), seconds(10), 3)) << "the count started anew";
}

TEST(ServerState, FailuresOutsideTheWindowDoNotAddUp) {
  ServerState server("s", "http://a", 1);
  for (int i = 0; i < 10; ++i) EXPECT_FALSE(server.note_failure(kStart + i * seconds(11), seconds(10), 2));
  EXPECT_TRUE(server.note_failure(kStart + 9 * seconds(11) + seconds(1), seconds(10), 2));
}

TEST(ServerState, OneFailureEjectsByDefaultAndAThreadWithAnOlderClockCountsToo) {
  ServerState server("s", "http://a", 1);
  EXPECT_TRUE(server.note_failure(kStart, seconds(10), 1));
  EXPECT_FALSE(server.note_failure(kStart + milliseconds(5), seconds(10), 2));
  EXPECT_TRUE(server.note_failure(kStart, seconds(10), 2));
}

TEST(ServerState, FailuresOfEightThreadsAreAllCounted) {
  ServerState server("s", "http://a", 1);
  std::atomic<int> ejections{0};
  std::vector<std::thread> threads;
  for (int i = 0; i < 8; ++i) {
    threads.emplace_back([&] {
      for (int failure = 0; failure < 1000; ++failure) {
        if (server.note_failure(kStart, seconds(10), 100)) ++ejections;
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(ejections, 80);
}

TEST(ServerState, TotalsSumAllThreads) {
  ServerState server("s", "http://a", 3);
  for (std::uint32_t thread = 0; thread < 3; ++thread) {
    TrafficCounters::add(server.traffic(thread).bytes_to_client, 100 + thread);
    TrafficCounters::add(server.traffic(thread).requests, 1);
  }
  EXPECT_EQ(server.totals().bytes_to_client, 303U);
  EXPECT_EQ(server.totals().requests, 3U);
  EXPECT_EQ(server.totals().tunnels, 0U);
}

TEST(ServerRegistry, KeepsIdentityAcrossRebuilds) {
  ServerRegistry registry(2);
  const std::shared_ptr<ServerState> first = registry.find_or_add("s@file", "http://a");
  ASSERT_TRUE(first->try_take_seat(SeatKind::kTunnel, 0));
  EXPECT_EQ(registry.find_or_add("s@file", "http://a"), first);
  EXPECT_NE(registry.find_or_add("s@file", "http://a/"), first);
  EXPECT_NE(registry.find_or_add("t@file", "http://a"), first);
  EXPECT_EQ(registry.size(), 3U);
  EXPECT_EQ(registry.find_or_add("s@file", "http://a")->tunnels_open(), 1U);
}

TEST(ServerRegistry, ForgetsWhatNobodyUses) {
  ServerRegistry registry(1);
  std::shared_ptr<ServerState> held = registry.find_or_add("s", "http://held");
  ServerState* seated = registry.find_or_add("s", "http://seated").get();
  ASSERT_TRUE(seated->try_take_seat(SeatKind::kTunnel, 0));
  (void)registry.find_or_add("s", "http://idle");

  registry.forget_unused();
  EXPECT_EQ(registry.size(), 2U);
  EXPECT_EQ(registry.find_or_add("s", "http://held"), held);
  EXPECT_EQ(registry.find_or_add("s", "http://seated").get(), seated);

  held.reset();
  seated->release_seat(SeatKind::kTunnel);
  registry.forget_unused();
  EXPECT_EQ(registry.size(), 0U);
}

TEST(ServerRegistry, KeepsServicesByName) {
  ServerRegistry registry(2);
  std::shared_ptr<ServiceState> app = registry.service("app@file");
  EXPECT_EQ(app->name(), "app@file");
  app->note_arrival(0);
  app->note_arrival(1);
  app->note_arrival(1);
  registry.forget_unused();
  EXPECT_EQ(registry.service("app@file"), app);
  EXPECT_EQ(registry.service("app@file")->arrivals(), 3U);
  EXPECT_EQ(registry.service("other@file")->arrivals(), 0U);
  app.reset();
  registry.forget_unused();
  EXPECT_EQ(registry.service("app@file")->arrivals(), 0U);
}

}  // namespace
}  // namespace limpet::balancing
