#include <gtest/gtest.h>

#include <deque>
#include <memory>
#include <string>
#include <vector>

#include "balancing/service.h"

namespace limpet::balancing {
namespace {

constexpr base::TimePoint kNow{std::chrono::seconds(1000)};
constexpr std::uint64_t kMs = 1'700'000'000'000;

/// A service of two servers of two seats, and a placement with a seat on the second.
class ServicePlacements : public testing::Test {
 protected:
  ServicePlacements() {
    admissions.keys = std::make_shared<TicketKeys>(std::vector<std::string>{"k:0123456789abcdef"});
    settings.strategy = config::Strategy::kLeastConn;
    settings.sticky.emplace().cookie.emplace().name = "c";
    build();
    EXPECT_TRUE(state(1).try_reserve(1, 2));
    reservation = std::make_shared<Reservation>(7, service->servers()[1].state, 1);
    admissions.reservations.set(reservation);
  }

  void build() {
    std::vector<Server> servers;
    for (const char* url : {"http://a", "http://b"}) {
      Server& server = servers.emplace_back();
      server.state = registry.find_or_add("s@file", url);
      server.url = url;
      server.capacity = 2;
      server.addresses = {net::SocketAddress(net::IpAddress::from_v4(0x7f000001), 80)};
    }
    service = std::make_unique<Service>("s@file", settings, std::move(servers), nullptr, &admissions);
  }

  ServerState& state(std::size_t i) { return *service->servers()[i].state; }
  Ticket ticket(std::uint64_t nonce = 0) const {
    return {.service = service->ticket_id(),
            .server = service->servers()[1].ticket_id,
            .placement = 7,
            .nonce = nonce,
            .expires_ms = kMs + 1000};
  }
  std::expected<Admission, TicketVerdict> admit(const Ticket& with) {
    texts.push_back("ticket=" + admissions.keys->sign(with));
    head.query = texts.back();
    return service->admit(head, kNow, kMs);
  }
  Selected choose(const Admission& admission = {}) {
    Choice choice{.head = &head, .now = kNow};
    if (admission.ticket) choice.ticket = &*admission.ticket;
    return service->choose(choice).value();
  }
  void cookie(std::string value) {
    texts.push_back("c=" + std::move(value));
    head.fields = {{.name = "Cookie", .value = texts.back(), .id = http::FieldId::kCookie}};
  }

  std::deque<std::string> texts;
  http::RequestHead head;
  ServerRegistry registry{1};
  Admissions admissions;
  config::LoadBalancer settings;
  std::unique_ptr<Service> service;
  std::shared_ptr<Reservation> reservation;
};

TEST_F(ServicePlacements, TicketTakesTheReservedSeat) {
  ASSERT_TRUE(state(1).try_take_seat(SeatKind::kTunnel, 2));
  const auto admission = admit(ticket());
  ASSERT_TRUE(admission);
  Selected selected = choose(*admission);
  EXPECT_EQ(selected.index, 1U);
  EXPECT_TRUE(selected.write_cookie);
  EXPECT_TRUE(selected.claim.has_seat());
  EXPECT_EQ(state(1).seats_reserved(), 1U);
  selected.become_tunnel();
  EXPECT_EQ(state(1).seats_reserved(), 0U);
  EXPECT_EQ(state(1).seats_taken(), 2U);
  EXPECT_EQ(state(1).tunnels_open(), 2U);
  EXPECT_EQ(choose(*admission).index, 0U) << "full, so the next one moves";
}

TEST_F(ServicePlacements, CookieOfAPlacementTakesTheReservedSeatAndStaysWhileItLives) {
  cookie(service->placed_cookie_value(1, 7));
  {
    Selected selected = choose();
    EXPECT_EQ(selected.index, 1U);
    EXPECT_TRUE(selected.claim.has_seat());
    EXPECT_FALSE(selected.write_cookie);
    selected.become_tunnel();
    EXPECT_FALSE(choose().claim.has_seat());
  }
  reservation->close();
  EXPECT_EQ(choose().index, 1U);
  EXPECT_TRUE(choose().write_cookie) << "the plain value from now on";
  admissions.reservations.erase(7);
  EXPECT_EQ(choose().index, 1U);
}

TEST_F(ServicePlacements, UserWhoDoesNotCountIsPresentWithoutASeat) {
  settings.capacity_counts = config::CapacityCounts::kTunnels;
  build();
  cookie(service->placed_cookie_value(1, 7));
  {
    const Selected request = choose();
    EXPECT_FALSE(request.claim.has_seat());
    EXPECT_EQ(reservation->present(), 1U);
  }
  head.upgrade = true;
  EXPECT_TRUE(choose().claim.has_seat());
  settings.capacity_counts = config::CapacityCounts::kRequests;
  build();
  Selected tunnel = choose();
  ASSERT_TRUE(tunnel.claim.has_seat());
  tunnel.become_tunnel();
  EXPECT_EQ(state(1).seats_in_use(), 0U) << "it only counted as long as it was a request";
  EXPECT_EQ(state(1).tunnels_open(), 1U);
}

TEST_F(ServicePlacements, MovedPlacementIsFollowed) {
  ASSERT_TRUE(state(0).try_reserve(1, 2));
  reservation->close();
  admissions.reservations.set(std::make_shared<Reservation>(7, service->servers()[0].state, 1));
  const auto admission = admit(ticket());
  EXPECT_EQ(choose(*admission).index, 0U);
  head.query = {};
  cookie(service->placed_cookie_value(1, 7));
  const Selected selected = choose();
  EXPECT_EQ(selected.index, 0U);
  EXPECT_TRUE(selected.write_cookie);
}

TEST_F(ServicePlacements, TicketOfAnUnknownPlacementLeadsToItsServer) {
  admissions.reservations.erase(7);
  const auto admission = admit(ticket());
  EXPECT_EQ(choose(*admission).index, 1U);
  settings.sticky.reset();
  build();
  EXPECT_EQ(choose(*admission).index, 1U);
  EXPECT_FALSE(choose(*admission).write_cookie);
}

TEST_F(ServicePlacements, BadTicketsAreRefusedAndCounted) {
  Ticket foreign = ticket();
  foreign.service = 1;
  EXPECT_EQ(admit(foreign).error(), TicketVerdict::kForeign);
  Ticket old = ticket();
  old.expires_ms = kMs;
  EXPECT_EQ(admit(old).error(), TicketVerdict::kExpired);
  head.query = "ticket=lt1.forged";
  EXPECT_EQ(service->admit(head, kNow, kMs).error(), TicketVerdict::kForged);
  head.query = "ticket=my-own-business";
  EXPECT_FALSE(service->admit(head, kNow, kMs).value().ticket);
  settings.tickets.required = true;
  build();
  EXPECT_EQ(service->admit(head, kNow, kMs).error(), TicketVerdict::kMissing);
  EXPECT_EQ(admissions.verdicts[static_cast<std::size_t>(TicketVerdict::kMissing)], 1U);
  EXPECT_EQ(admissions.verdicts[static_cast<std::size_t>(TicketVerdict::kForged)], 1U);
}

TEST_F(ServicePlacements, SingleUseTicketIsSpentOnce) {
  const auto admission = admit(ticket(99));
  EXPECT_TRUE(admission->spend);
  EXPECT_TRUE(service->accept(*admission, kMs));
  EXPECT_FALSE(service->accept(*admission, kMs));
  EXPECT_EQ(admissions.verdicts[static_cast<std::size_t>(TicketVerdict::kReplayed)], 1U);
}

TEST_F(ServicePlacements, KnownSessionNeedsNoValidTicket) {
  settings.tickets.required = true;
  settings.tickets.keys = {"own:0123456789abcdef"};
  build();
  service->sids().learn("session", service->servers()[1].state, kNow);
  head.query = "EIO=4&sid=session";
  EXPECT_TRUE(service->admit(head, kNow, kMs));
  Ticket old = ticket(5);
  old.expires_ms = kMs - 1;
  const std::string query = "sid=session&ticket=" + service->ticket_keys()->sign(old);
  head.query = query;
  const auto admission = service->admit(head, kNow, kMs);
  ASSERT_TRUE(admission);
  EXPECT_FALSE(admission->spend);
  head.query = "sid=other";
  EXPECT_EQ(service->admit(head, kNow, kMs).error(), TicketVerdict::kMissing);
}

TEST_F(ServicePlacements, SessionThatCountsIsPresentOnceHoweverItSpeaks) {
  settings.capacity_counts = config::CapacityCounts::kSessions;
  build();
  const std::string signed_text = "&ticket=" + admissions.keys->sign(ticket());
  const auto choose_by = [&](const std::string& query, bool upgrade) {
    texts.push_back(query + signed_text);
    head.query = texts.back();
    head.upgrade = upgrade;
    return choose(service->admit(head, kNow, kMs).value());
  };
  {
    Selected handshake = choose_by("EIO=4&transport=polling", false);
    ASSERT_TRUE(handshake.claim.has_seat());
    Seat seat = handshake.claim.take_seat(SeatKind::kRequest);
    service->sids().learn("session", service->servers()[1].state, kNow,
                          {.seat = std::move(seat), .claim = std::move(handshake.claim)});
  }
  EXPECT_EQ(reservation->held(), 0U);
  EXPECT_EQ(reservation->present(), 1U);
  {
    const Selected poll = choose_by("EIO=4&transport=polling&sid=session", false);
    EXPECT_EQ(reservation->present(), 1U);
    const Selected upgrade = choose_by("EIO=4&transport=websocket&sid=session", true);
    EXPECT_FALSE(upgrade.claim.has_seat());
    EXPECT_EQ(state(1).seats_taken(), 1U);
  }
  service->sids().end("session");
  EXPECT_EQ(reservation->present(), 0U);
  EXPECT_EQ(state(1).seats_in_use(), 0U);
}

TEST_F(ServicePlacements, HeaderHoldsATicketToo) {
  const std::string text = admissions.keys->sign(ticket());
  head.fields = {{.name = "limpet-ticket", .value = text, .id = http::FieldId::kOther}};
  EXPECT_TRUE(service->admit(head, kNow, kMs).value().ticket);
}

TEST_F(ServicePlacements, AnotherServerMayDirectAUser) {
  cookie(service->servers()[0].cookie_value);
  Choice choice{.head = &head, .now = kNow};
  choice.directed = &state(1);
  const Selected selected = service->choose(choice).value();
  EXPECT_EQ(selected.index, 1U);
  EXPECT_TRUE(selected.write_cookie);
  EXPECT_EQ(service->find_server("http://b"), 1U);
  EXPECT_EQ(service->find_server(service->servers()[0].cookie_value), 0U);
  EXPECT_FALSE(service->find_server("http://c"));
}

}  // namespace
}  // namespace limpet::balancing
