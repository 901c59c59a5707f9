#include "balancing/reservations.h"

#include <gtest/gtest.h>

#include <atomic>
#include <optional>
#include <thread>
#include <vector>

namespace limpet::balancing {
namespace {

class ReservationTest : public testing::Test {
 protected:
  std::shared_ptr<Reservation> reserve(PlacementId id, std::uint32_t seats, std::uint32_t capacity) {
    if (!server->try_reserve(seats, capacity)) return nullptr;
    auto reservation = std::make_shared<Reservation>(id, server, seats);
    table.set(reservation);
    return reservation;
  }

  std::shared_ptr<ServerState> server = std::make_shared<ServerState>("s@file", "http://a", 1);
  Reservations table;
};

TEST_F(ReservationTest, ReservesAllSeatsOrNone) {
  ASSERT_TRUE(server->try_take_seat(SeatKind::kTunnel, 10));
  EXPECT_FALSE(server->try_reserve(10, 10));
  EXPECT_EQ(server->seats_reserved(), 0U);
  EXPECT_TRUE(server->try_reserve(9, 10));
  EXPECT_EQ(server->seats_reserved(), 9U);
  EXPECT_EQ(server->seats_taken(), 1U);
  EXPECT_EQ(server->seats_in_use(), 10U);
  EXPECT_FALSE(server->try_take_seat(SeatKind::kRequest, 10));
  server->take_reserved(SeatKind::kTunnel);
  EXPECT_EQ(server->seats_reserved(), 8U);
  EXPECT_EQ(server->seats_taken(), 2U);
  EXPECT_EQ(server->tunnels_open(), 2U);
  server->release_reserved(8);
  EXPECT_TRUE(server->try_take_seat(SeatKind::kRequest, 10));
  EXPECT_TRUE(server->try_reserve(1000, 0));
}

TEST_F(ReservationTest, RequestBorrowsASeatAndTunnelKeepsIt) {
  const auto reservation = reserve(7, 1, 1);
  {
    const Claim request(table, table.find(7));
    EXPECT_TRUE(request.has_seat());
    EXPECT_EQ(reservation->present(), 1U);
    const Claim second(table, table.find(7));
    EXPECT_TRUE(static_cast<bool>(second));
    EXPECT_FALSE(second.has_seat());
  }
  EXPECT_EQ(server->seats_reserved(), 1U);
  EXPECT_EQ(reservation->held(), 1U);
  EXPECT_TRUE(table.take_arrivals().empty());
  Claim tunnel(table, reservation);
  {
    const Seat seat = tunnel.take_seat();
    EXPECT_FALSE(tunnel.has_seat());
    EXPECT_EQ(server->seats_taken(), 1U);
    EXPECT_EQ(server->seats_reserved(), 0U);
    EXPECT_EQ(reservation->held(), 0U);
    EXPECT_EQ(reservation->present(), 1U);
    EXPECT_EQ(table.take_arrivals(), std::vector<PlacementId>{7});
  }
  EXPECT_EQ(server->seats_in_use(), 0U);
  tunnel.release();
  EXPECT_EQ(reservation->present(), 0U);
}

TEST_F(ReservationTest, ClosingGivesBackWhatIsNotClaimed) {
  const auto reservation = reserve(7, 3, 3);
  std::optional<Claim> request(std::in_place, table, reservation);
  reservation->close();
  EXPECT_TRUE(reservation->closed());
  EXPECT_EQ(server->seats_reserved(), 1U);
  EXPECT_FALSE(reservation->add(1));
  EXPECT_FALSE(Claim(table, reservation).has_seat());
  request.reset();
  EXPECT_EQ(server->seats_reserved(), 0U);
  reservation->close();
  EXPECT_EQ(server->seats_reserved(), 0U);
}

TEST_F(ReservationTest, LastOwnerGivesTheSeatsBack) {
  reserve(7, 3, 3);
  table.erase(7);
  EXPECT_EQ(table.find(7), nullptr);
  EXPECT_EQ(server->seats_in_use(), 0U);
}

TEST_F(ReservationTest, NeverOversellsWhileUsersComeAndPlacementsCloseAtOnce) {
  constexpr std::uint32_t kCapacity = 8;
  constexpr int kRounds = 20'000;
  std::atomic<int> inside{0};
  std::atomic<bool> exceeded{false};
  std::atomic<bool> done{false};
  const auto enter = [&] {
    if (inside.fetch_add(1) >= static_cast<int>(kCapacity)) exceeded = true;
  };
  std::vector<std::thread> threads;
  for (PlacementId id = 1; id <= 2; ++id) {
    threads.emplace_back([&, id] {  // users of the placement
      while (!done) {
        const auto found = table.find(id);
        if (found == nullptr) continue;
        Claim claim(table, found);
        if (!claim.has_seat()) continue;
        const Seat seat = claim.take_seat();
        enter();
        inside.fetch_sub(1);
      }
    });
    threads.emplace_back([&, id] {  // users who only send requests
      while (!done) {
        if (const auto found = table.find(id)) const Claim claim(table, found);
      }
    });
  }
  for (int i = 0; i < 2; ++i) {
    threads.emplace_back([&] {  // users of no placement
      while (!done) {
        if (!server->try_take_seat(SeatKind::kTunnel, kCapacity)) continue;
        enter();
        inside.fetch_sub(1);
        server->release_seat(SeatKind::kTunnel);
      }
    });
  }
  for (int round = 0; round < kRounds; ++round) {
    const PlacementId id = 1 + static_cast<PlacementId>(round % 2);
    if (const auto old = table.find(id)) old->close();
    table.erase(id);
    if (server->seats_in_use() > kCapacity) exceeded = true;
    reserve(id, 3, kCapacity);
  }
  done = true;
  for (std::thread& thread : threads) thread.join();
  table.erase(1);
  table.erase(2);
  EXPECT_FALSE(exceeded);
  EXPECT_EQ(server->seats_in_use(), 0U);
  EXPECT_EQ(server->tunnels_open(), 0U);
}

}  // namespace
}  // namespace limpet::balancing
