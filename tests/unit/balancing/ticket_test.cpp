#include "balancing/ticket.h"

#include <gtest/gtest.h>
#include <rapidcheck.h>

#include "balancing/admissions.h"

namespace limpet::balancing {
namespace {

constexpr std::uint64_t kNow = 1'700'000'000'000;
const Ticket kTicket{.service = 1, .server = 0xabcdef, .placement = 3, .nonce = 4, .expires_ms = kNow + 1000};

TicketKeys keys(std::vector<std::string> list = {"k1:0123456789abcdef"}) {
  return TicketKeys(list);
}

TEST(Ticket, HasADocumentedForm) {
  // The signature computed with Python's hmac.
  EXPECT_EQ(keys().sign(kTicket),
            "lt1.k1.00000000000000010000000000abcdef000000000000000300000000000000040000018bcfe56be8."
            "f90dd8d2046a7b8c097ec39fc1c5ccc0ee3df42d069d95ab1f5e9188d8041f4e");
}

TEST(Ticket, SignedTicketIsReadBackUntilItExpires) {
  const std::string text = keys().sign(kTicket);
  EXPECT_TRUE(looks_like_ticket(text));
  EXPECT_EQ(keys().verify(text, kNow), kTicket);
  EXPECT_EQ(keys().verify(text, kNow + 1000).error(), TicketVerdict::kExpired);
}

TEST(Ticket, KeysRotate) {
  const std::string old = keys().sign(kTicket);
  const TicketKeys both = keys({"k2:another secret here", "k1:0123456789abcdef"});
  EXPECT_EQ(both.verify(old, kNow), kTicket);
  EXPECT_TRUE(both.sign(kTicket).starts_with("lt1.k2."));
  EXPECT_EQ(keys({"k2:another secret here"}).verify(old, kNow).error(), TicketVerdict::kForged);
  EXPECT_EQ(keys({"k1:another secret here"}).verify(old, kNow).error(), TicketVerdict::kForged);
}

TEST(Ticket, AnyChangedCharacterMakesItForged) {
  rc::check("one character is another", [] {
    const std::string text = keys().sign(kTicket);
    std::string changed = text;
    const auto at = *rc::gen::inRange<std::size_t>(0, text.size());
    changed[at] = *rc::gen::distinctFrom(text[at]);
    RC_ASSERT(keys().verify(changed, kNow).error() == TicketVerdict::kForged);
  });
  rc::check("a part of it", [] {
    const std::string text = keys().sign(kTicket);
    const auto length = *rc::gen::inRange<std::size_t>(0, text.size());
    RC_ASSERT(keys().verify(text.substr(0, length), kNow).error() == TicketVerdict::kForged);
  });
}

TEST(Ticket, FieldsOfAnyValueAreReadBack) {
  rc::check("sign, then verify", [](std::uint64_t a, std::uint64_t b, std::uint64_t c, std::uint64_t d) {
    const Ticket ticket{.service = a, .server = b, .placement = c, .nonce = d, .expires_ms = kNow + 1};
    RC_ASSERT(keys().verify(keys().sign(ticket), kNow).value() == ticket);
  });
}

TEST(SpentTickets, LetsOneUserIn) {
  SpentTickets spent;
  EXPECT_TRUE(spent.spend(1, kNow + 10, kNow));
  EXPECT_FALSE(spent.spend(1, kNow + 10, kNow));
  for (std::uint64_t i = 2; i < 5000; ++i) EXPECT_TRUE(spent.spend(i, kNow + i, kNow + i));
  EXPECT_TRUE(spent.spend(1, kNow + 10, kNow));
}

}  // namespace
}  // namespace limpet::balancing
