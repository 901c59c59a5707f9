#include "placement/ledger.h"

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <atomic>
#include <chrono>
#include <filesystem>
#include <future>
#include <memory>
#include <set>
#include <thread>

namespace limpet::placement {
namespace {

using std::chrono::seconds;

constexpr std::uint64_t kMs = 1'700'000'000'000;
constexpr std::uint64_t kLonger = 120'000;

/// A service "rooms@file" of some servers of capacity 4, and a ledger over it.
class LedgerTest : public testing::Test {
 protected:
  LedgerTest() {
    servers_are({"http://a", "http://b"});
    start();
  }
  ~LedgerTest() override { std::filesystem::remove_all(folder); }

  void servers_are(const std::vector<std::string>& urls) {
    std::vector<balancing::Server> servers;
    for (const std::string& url : urls) {
      balancing::Server server;
      server.state = registry.find_or_add("rooms@file", url);
      server.url = url;
      server.capacity = capacity;
      server.addresses = {net::SocketAddress(net::IpAddress::from_v4(0x7f000001), 80)};
      servers.push_back(std::move(server));
    }
    service = std::make_unique<balancing::Service>("rooms@file", config::LoadBalancer{}, std::move(servers),
                                                   nullptr, &admissions);
  }

  void start() {
    std::unique_ptr<Journal> journal;
    if (!folder.empty()) journal = std::move(*Journal::open(folder / "placements.db"));
    ledger.emplace(
        admissions, std::move(journal),
        [this](std::string_view name) { return name == "rooms@file" ? service.get() : nullptr; },
        now.unix_ms);
  }

  void keep_on_disk() {
    folder = std::filesystem::temp_directory_path() / fmt::format("limpet-ledger-{}", ::getpid());
    std::filesystem::create_directories(folder);
    start();
  }

  /// As after the death of the process: the data path's state is new.
  void restart() {
    ledger.reset();
    registry = balancing::ServerRegistry(1);
    servers_are({"http://a", "http://b"});
    start();
    ledger->services_changed();
  }

  Wish wish(std::string key, std::uint32_t seats) const {
    return {.service = "rooms@file", .key = std::move(key), .seats = seats, .ttl = seconds(10)};
  }

  std::expected<std::vector<Placed>, PlaceFailure> place(const std::vector<Wish>& wishes) {
    std::promise<bool> stored;
    auto result = ledger->place(wishes, now);
    ledger->commit([&](bool yes) { stored.set_value(yes); });
    EXPECT_TRUE(stored.get_future().get());
    return result;
  }
  Placed placed(const Wish& wanted) { return place({wanted}).value().front(); }

  balancing::ServerState& state(const std::string& url) { return *registry.find_or_add("rooms@file", url); }
  std::uint32_t reserved() { return state("http://a").seats_reserved() + state("http://b").seats_reserved(); }
  balancing::Claim claim(const Placed& where) {
    return {admissions.reservations, admissions.reservations.find(where.row.id)};
  }

  std::uint32_t capacity = 4;
  balancing::ServerRegistry registry{1};
  balancing::Admissions admissions;
  std::unique_ptr<balancing::Service> service;
  std::filesystem::path folder;
  Now now{.steady = base::TimePoint(seconds(1000)), .unix_ms = kMs};
  std::optional<Ledger> ledger;
};

TEST_F(LedgerTest, SameKeyHasTheSameServerAndItsSeatsOnce) {
  const Placed first = placed(wish("room", 2));
  EXPECT_TRUE(first.created);
  EXPECT_EQ(first.row.expires_ms, kMs + 10'000);
  const Placed again = placed(wish("room", 2));
  EXPECT_FALSE(again.created);
  EXPECT_EQ(again.row.url, first.row.url);
  EXPECT_EQ(again.row.id, first.row.id);
  EXPECT_EQ(reserved(), 2U);
  EXPECT_EQ(placed(wish("room", 3)).row.seats, 3U);
  EXPECT_EQ(reserved(), 3U);
  Wish more = wish("room", 1);
  more.more = true;
  EXPECT_EQ(placed(more).row.seats, 4U);
  EXPECT_EQ(place({more}).error().error, PlaceError::kRoomFull);
  EXPECT_EQ(ledger->list("").size(), 1U);
  EXPECT_EQ(ledger->list("rooms@file").size(), 1U);
  EXPECT_TRUE(ledger->list("rooms").empty());
}

TEST_F(LedgerTest, BatchIsPlacedWholeOrNotAtAll) {
  const auto failed = place({wish("x", 4), wish("y", 3), wish("z", 2)});
  ASSERT_FALSE(failed);
  EXPECT_EQ(failed.error().error, PlaceError::kAllFull);
  EXPECT_EQ(failed.error().wish, 2U);
  EXPECT_EQ(reserved(), 0U);
  EXPECT_TRUE(ledger->list("").empty());
  EXPECT_EQ(place({wish("x", 4), wish("y", 3)}).value().size(), 2U);
  EXPECT_EQ(reserved(), 7U);
}

TEST_F(LedgerTest, UnknownServicesAndServersAreRefused) {
  Wish foreign = wish("k", 1);
  foreign.service = "other@file";
  EXPECT_EQ(place({foreign}).error().error, PlaceError::kUnknownService);
  Wish named = wish("k", 1);
  named.url = "http://c";
  EXPECT_EQ(place({named}).error().error, PlaceError::kUnknownServer);
  named.url = "http://b";
  EXPECT_EQ(placed(named).row.url, "http://b");
}

TEST_F(LedgerTest, KeyOfAServerThatIsDownIsPlacedAgain) {
  const Placed first = placed(wish("room", 3));
  state(first.row.url).set_admin(balancing::AdminState::kDraining);
  EXPECT_EQ(placed(wish("room", 3)).row.url, first.row.url);
  state(first.row.url).set_health(balancing::Health::kDown);
  const Placed moved = placed(wish("room", 1));
  EXPECT_TRUE(moved.moved);
  EXPECT_NE(moved.row.url, first.row.url);
  EXPECT_EQ(moved.row.moved_from, first.row.url);
  EXPECT_EQ(moved.row.id, first.row.id);
  EXPECT_EQ(moved.row.seats, 3U);
  EXPECT_EQ(state(first.row.url).seats_reserved(), 0U);
  EXPECT_EQ(reserved(), 3U);
  EXPECT_FALSE(placed(wish("room", 1)).moved);
  servers_are({first.row.url});
  state(first.row.url).set_health(balancing::Health::kUp);
  state(first.row.url).set_admin(balancing::AdminState::kReady);
  EXPECT_TRUE(placed(wish("room", 1)).moved);
}

TEST_F(LedgerTest, SeatsEndWithTheTimeAndTheKeyWithItsUsers) {
  const Placed where = placed(wish("room", 2));
  balancing::Claim user = claim(where);
  balancing::Seat seat = user.take_seat();
  now.unix_ms += 10'000;
  ledger->sweep(now.unix_ms);
  EXPECT_EQ(reserved(), 0U);
  ASSERT_TRUE(ledger->find("rooms@file", "room"));
  now.unix_ms += kLonger;
  ledger->sweep(now.unix_ms);
  EXPECT_EQ(placed(wish("room", 2)).row.url, where.row.url);
  EXPECT_EQ(reserved(), 2U);
  user.release();
  seat.release();
  now.unix_ms += kLonger;
  ledger->sweep(now.unix_ms);
  EXPECT_FALSE(ledger->find("rooms@file", "room"));
  EXPECT_EQ(admissions.reservations.find(where.row.id), nullptr);
  EXPECT_EQ(state(where.row.url).seats_in_use(), 0U);
}

TEST_F(LedgerTest, RemovalFreesTheSeats) {
  placed(wish("room", 2));
  EXPECT_TRUE(ledger->remove("rooms@file", "room"));
  EXPECT_FALSE(ledger->remove("rooms@file", "room"));
  EXPECT_EQ(reserved(), 0U);
}

TEST_F(LedgerTest, PlacementsSurviveARestart) {
  keep_on_disk();
  const Placed room = placed(wish("room", 3));
  const Placed other = placed(wish("other \x01\xff'", 2));
  placed(wish("gone", 1));
  std::promise<bool> removed;
  ASSERT_TRUE(ledger->remove("rooms@file", "gone"));
  ledger->commit([&](bool yes) { removed.set_value(yes); });
  EXPECT_TRUE(removed.get_future().get());
  restart();
  EXPECT_EQ(reserved(), 5U);
  ASSERT_EQ(ledger->list("").size(), 2U);
  EXPECT_EQ(ledger->find("rooms@file", "room")->row, room.row);
  EXPECT_EQ(ledger->find("rooms@file", "other \x01\xff'")->row, other.row);
  now.unix_ms += kLonger;
  restart();
  EXPECT_TRUE(ledger->list("").empty());
  EXPECT_EQ(reserved(), 0U);
}

TEST_F(LedgerTest, SeatsThatWereTakenAndLeftAreNotReservedAgainAfterARestart) {
  keep_on_disk();
  servers_are({"http://a"});
  const Placed first = placed(wish("first", 4));
  for (int i = 0; i < 4; ++i) {
    balancing::Claim user = claim(first);
    const balancing::Seat seat = user.take_seat();
  }
  placed(wish("second", 4));
  restart();
  EXPECT_EQ(ledger->find("rooms@file", "second")->row.held, 4U);
  EXPECT_EQ(ledger->find("rooms@file", "first")->row.held, 0U);
  EXPECT_EQ(state("http://a").seats_reserved(), 4U);
}

TEST_F(LedgerTest, SpentTicketsStaySpentAfterARestart) {
  EXPECT_FALSE(admissions.keep_spent) << "in memory only";
  keep_on_disk();
  const auto spend = [this](std::uint64_t nonce, std::uint64_t expires_ms) {
    if (!admissions.spent.spend(nonce, expires_ms, now.unix_ms)) return false;
    std::promise<bool> stored;
    admissions.keep_spent({.nonce = nonce, .expires_ms = expires_ms},
                          [&](bool yes) { stored.set_value(yes); });
    return stored.get_future().get();
  };
  const std::uint64_t large = ~std::uint64_t{0};
  EXPECT_TRUE(spend(large, kMs + 60'000));
  EXPECT_TRUE(spend(7, kMs + 10));
  const auto forget_and_restart = [this] {
    std::destroy_at(&admissions.spent);
    std::construct_at(&admissions.spent);
    restart();
  };
  forget_and_restart();
  EXPECT_FALSE(spend(large, kMs + 60'000));
  EXPECT_FALSE(spend(7, kMs + 10));
  admissions.spent.take_back(7);
  EXPECT_TRUE(admissions.spent.spend(7, kMs + 10, kMs));
  now.unix_ms += 1000;
  forget_and_restart();
  EXPECT_FALSE(admissions.spent.spend(large, kMs + 60'000, now.unix_ms));
  EXPECT_TRUE(admissions.spent.spend(7, kMs + 10, now.unix_ms)) << "it had expired";
}

TEST_F(LedgerTest, LoweredCapacityNeverOversellsAfterARestart) {
  keep_on_disk();
  placed(wish("room", 4));
  capacity = 3;
  restart();
  EXPECT_EQ(reserved(), 3U);
}

TEST_F(LedgerTest, SecondProcessCannotUseTheSameFile) {
  keep_on_disk();
  const auto second = Journal::open(folder / "placements.db");
  ASSERT_FALSE(second);
  EXPECT_THAT(second.error(), testing::HasSubstr("placements.db: database is locked"));
}

TEST_F(LedgerTest, NeverOversellsWhileUsersComeWithoutAnyPlacement) {
  std::atomic<bool> done{false};
  std::atomic<bool> exceeded{false};
  std::vector<std::thread> users;
  for (int i = 0; i < 3; ++i) {
    users.emplace_back([&, server = registry.find_or_add("rooms@file", i == 0 ? "http://b" : "http://a")] {
      while (!done) {
        if (server->try_take_seat(balancing::SeatKind::kTunnel, 4)) {
          server->release_seat(balancing::SeatKind::kTunnel);
        }
        if (server->seats_in_use() > 4) exceeded = true;
      }
    });
  }
  for (int i = 0; i < 3000; ++i) {
    const std::string key = fmt::format("room-{}", i % 5);
    if (place({wish(key, 1 + static_cast<std::uint32_t>(i % 3))})) {
      now.unix_ms += 1000;
      ledger->sweep(now.unix_ms);
    } else {
      static_cast<void>(ledger->remove("rooms@file", fmt::format("room-{}", (i + 1) % 5)));
    }
  }
  done = true;
  for (std::thread& user : users) user.join();
  EXPECT_FALSE(exceeded);
}

TEST(RandomId, IsNeverTheSame) {
  std::set<std::uint64_t> seen;
  for (int i = 0; i < 1000; ++i) EXPECT_TRUE(seen.insert(random_id()).second);
  EXPECT_FALSE(seen.contains(0));
}

}  // namespace
}  // namespace limpet::placement
