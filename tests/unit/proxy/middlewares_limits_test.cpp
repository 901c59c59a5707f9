#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <rapidcheck.h>

#include <atomic>
#include <chrono>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "middlewares_request.h"
#include "proxy/middlewares/in_flight_limit.h"
#include "proxy/middlewares/rate_limit.h"

namespace limpet::proxy {
namespace {

using namespace std::chrono_literals;
using testing::HasSubstr;

const base::TimePoint kStart{std::chrono::hours(100)};

std::shared_ptr<InFlightLimit> limit_of(const config::InFlightReq& settings) {
  auto middleware = InFlightLimit::make(settings);
  EXPECT_TRUE(middleware.has_value()) << middleware.error();
  return std::dynamic_pointer_cast<InFlightLimit>(*middleware);
}

TEST(InFlightLimit, CountsRequestsUntilTheyEnd) {
  const auto limit = limit_of({.amount = 2});
  TestRequest first("GET /\nHost: a\n");
  TestRequest second("GET /\nHost: a\n");
  TestRequest third("GET /\nHost: a\n");
  EXPECT_FALSE(pass(*limit, first.context).has_value());
  EXPECT_FALSE(pass(*limit, second.context).has_value());
  const auto answer = pass(*limit, third.context);
  ASSERT_TRUE(answer.has_value());
  EXPECT_EQ(answer->status, 429);
  EXPECT_EQ(answer->body, "max connections reached: 2");
  EXPECT_TRUE(third.context.holds.empty());
  EXPECT_EQ(limit->in_flight(), 2U);

  first.context.holds.clear();
  EXPECT_FALSE(pass(*limit, third.context).has_value());
  second.context.holds.clear();
  third.context.holds.clear();
  EXPECT_EQ(limit->in_flight(), 0U);
}

TEST(InFlightLimit, EachSourceHasItsOwnCount) {
  const auto by_host = limit_of({.amount = 1});
  TestRequest a("GET /\nHost: a\n");
  TestRequest b("GET /\nHost: b\n");
  EXPECT_FALSE(pass(*by_host, a.context).has_value());
  EXPECT_FALSE(pass(*by_host, b.context).has_value());

  const auto by_user =
      limit_of({.amount = 1, .source_criterion = config::SourceCriterion{.request_header_name = "X-User"}});
  TestRequest alice("GET /\nHost: a\nX-User: alice\n");
  TestRequest bob("GET /\nHost: a\nX-User: bob\n");
  TestRequest alice_again("GET /\nHost: b\nX-User: alice\n");
  EXPECT_FALSE(pass(*by_user, alice.context).has_value());
  EXPECT_FALSE(pass(*by_user, bob.context).has_value());
  EXPECT_TRUE(pass(*by_user, alice_again.context).has_value());
}

TEST(InFlightLimit, ATunnelOutlivesTheLimit) {
  auto limit = limit_of({.amount = 1});
  TestRequest request("GET /\nHost: a\n");
  EXPECT_FALSE(pass(*limit, request.context).has_value());
  auto holds = std::move(request.context.holds);
  limit.reset();
  holds.clear();
}

TEST(InFlightLimit, IsExactUnderThreads) {
  constexpr std::uint64_t kAmount = 5;
  const auto limit = limit_of({.amount = kAmount});
  std::atomic<std::uint64_t> inside{0};
  std::atomic<std::uint64_t> most{0};
  std::atomic<std::uint64_t> let_in{0};
  std::vector<std::jthread> threads;
  for (int t = 0; t < 8; ++t) {
    threads.emplace_back([&] {
      for (int i = 0; i < 500; ++i) {
        TestRequest request("GET /\nHost: a\n");
        if (pass(*limit, request.context)) continue;
        const std::uint64_t now = inside.fetch_add(1) + 1;
        std::uint64_t seen = most.load();
        while (seen < now && !most.compare_exchange_weak(seen, now)) {
        }
        let_in.fetch_add(1);
        inside.fetch_sub(1);
        request.context.holds.clear();
      }
    });
  }
  threads.clear();
  EXPECT_LE(most.load(), kAmount);
  EXPECT_GE(let_in.load(), 500U);
  EXPECT_EQ(limit->in_flight(), 0U);
}

TEST(InFlightLimit, SaysWhatIsAllowed) {
  EXPECT_THAT(InFlightLimit::make({}).error(),
              HasSubstr("inFlightReq.amount is 0, expected a number from 1"));
  EXPECT_THAT(InFlightLimit::make({.amount = 1,
                                   .source_criterion = config::SourceCriterion{.request_header_name = "X",
                                                                               .request_host = true}})
                  .error(),
              HasSubstr("inFlightReq.sourceCriterion has 2 criteria"));
}

TEST(TokenBuckets, GivesABurstThenTheRate) {
  TokenBuckets buckets(100ms, 3, 0ns);
  for (int i = 0; i < 3; ++i) EXPECT_EQ(buckets.take("a", kStart), 0ns);
  EXPECT_EQ(buckets.take("a", kStart), 100ms);
  EXPECT_EQ(buckets.take("a", kStart + 60ms), 40ms);
  EXPECT_EQ(buckets.take("a", kStart + 100ms), 0ns);
  EXPECT_EQ(buckets.take("a", kStart + 100ms), 100ms);
  EXPECT_EQ(buckets.take("b", kStart + 100ms), 0ns);
  // A long rest fills the bucket and no more.
  for (int i = 0; i < 3; ++i) EXPECT_EQ(buckets.take("a", kStart + 1h), 0ns);
  EXPECT_EQ(buckets.take("a", kStart + 1h), 100ms);
}

TEST(TokenBuckets, LetsARequestRunAheadByItsPatience) {
  TokenBuckets buckets(100ms, 1, 50ms);
  EXPECT_EQ(buckets.take("a", kStart), 0ns);
  EXPECT_EQ(buckets.take("a", kStart + 49ms), 51ms);
  EXPECT_EQ(buckets.take("a", kStart + 50ms), 0ns);
  EXPECT_EQ(buckets.take("a", kStart + 100ms), 100ms);
}

TEST(TokenBuckets, NeverGivesMoreThanTheRateAllows) {
  EXPECT_TRUE(
      rc::check("in any span at most burst + span / interval tokens, and a refusal's wait is right", [] {
        const auto burst = *rc::gen::inRange<std::uint64_t>(1, 6);
        const auto interval = std::chrono::milliseconds(*rc::gen::inRange(1, 50));
        TokenBuckets buckets(interval, burst, 0ns);
        const auto steps = *rc::gen::container<std::vector<int>>(rc::gen::inRange(0, 40));
        std::vector<base::TimePoint> given;
        base::TimePoint now = kStart;
        for (const int step : steps) {
          now += std::chrono::milliseconds(step);
          const base::Duration wait = buckets.take("a", now);
          if (wait > 0ns) {
            RC_ASSERT(wait <= interval);
            RC_ASSERT(buckets.take("a", now + wait - 1ns) == 1ns);
            continue;
          }
          given.push_back(now);
        }
        for (std::size_t first = 0; first < given.size(); ++first) {
          for (std::size_t last = first; last < given.size(); ++last) {
            const auto allowed = burst + static_cast<std::uint64_t>((given[last] - given[first]) / interval);
            RC_ASSERT(last - first + 1 <= allowed);
          }
        }
      }));
}

TEST(TokenBuckets, IsBoundedInMemory) {
  TokenBuckets buckets(1s, 10, 0ns, 160);
  for (int i = 0; i < 10'000; ++i) EXPECT_EQ(buckets.take(std::to_string(i), kStart), 0ns);
  EXPECT_LE(buckets.size(), 160U);

  // Full buckets are forgotten, two for each new one.
  TokenBuckets resting(1s, 10, 0ns);
  for (int i = 0; i < 1'000; ++i) EXPECT_EQ(resting.take(std::to_string(i), kStart), 0ns);
  EXPECT_EQ(resting.size(), 1'000U);
  for (int i = 0; i < 1'000; ++i) EXPECT_EQ(resting.take("new" + std::to_string(i), kStart + 1min), 0ns);
  EXPECT_LE(resting.size(), 1'000U);
}

TEST(TokenBuckets, ARefusedSourceIsNotForgottenForNewOnes) {
  TokenBuckets buckets(1h, 1, 0ns, 64);
  EXPECT_EQ(buckets.take("busy", kStart), 0ns);
  for (int i = 0; i < 10'000; ++i) {
    EXPECT_EQ(buckets.take("busy", kStart), 1h);
    EXPECT_EQ(buckets.take(std::to_string(i), kStart), 0ns);
  }
  EXPECT_LE(buckets.size(), 64U);
}

TEST(TokenBuckets, StandsExtremeSettings) {
  TokenBuckets endless(base::Duration::max(), UINT64_MAX, 0ns);
  EXPECT_EQ(endless.take("a", kStart), 0ns);
  TokenBuckets instant(0ns, 1, 0ns);
  EXPECT_EQ(instant.take("a", kStart), 0ns);
  EXPECT_EQ(instant.take("a", kStart), 1ns);
}

TEST(TokenBuckets, IsExactUnderThreads) {
  TokenBuckets buckets(1h, 100, 0ns);
  std::atomic<int> given{0};
  std::vector<std::jthread> threads;
  for (int t = 0; t < 8; ++t) {
    threads.emplace_back([&] {
      for (int i = 0; i < 200; ++i) {
        if (buckets.take("a", kStart) == 0ns) given.fetch_add(1);
        static_cast<void>(buckets.take(std::to_string(i), kStart));
      }
    });
  }
  threads.clear();
  EXPECT_EQ(given.load(), 100);
}

std::shared_ptr<Middleware> rate_of(const config::RateLimit& settings) {
  auto middleware = RateLimit::make(settings);
  EXPECT_TRUE(middleware.has_value()) << middleware.error();
  return *middleware;
}

TEST(RateLimit, AnswersWithWhenToRetry) {
  const auto limit = rate_of({.average = 2, .period = 1min, .burst = 2});
  TestRequest request("GET /\nHost: a\n");
  EXPECT_FALSE(pass(*limit, request.context).has_value());
  EXPECT_FALSE(pass(*limit, request.context).has_value());
  request.context.now += 1500ms;
  const auto answer = pass(*limit, request.context);
  ASSERT_TRUE(answer.has_value());
  EXPECT_EQ(answer->status, 429);
  EXPECT_EQ(answer->body, "Too Many Requests");
  EXPECT_EQ(field_of(*answer, "Retry-After"), "29");
  EXPECT_EQ(field_of(*answer, "X-Retry-In"), "28.5s");

  TestRequest other("GET /\nHost: a\n");
  other.context.client = *net::IpAddress::parse("192.0.2.8");
  EXPECT_FALSE(pass(*limit, other.context).has_value());
}

TEST(RateLimit, LetsThroughWhatTraefikWouldHoldBack) {
  // At 10 a second, Traefik delays a request by up to 50 ms.
  const auto limit = rate_of({.average = 10});
  TestRequest request("GET /\nHost: a\n");
  EXPECT_FALSE(pass(*limit, request.context).has_value());
  request.context.now += 49ms;
  EXPECT_TRUE(pass(*limit, request.context).has_value());
  request.context.now += 1ms;
  EXPECT_FALSE(pass(*limit, request.context).has_value());
}

TEST(RateLimit, ASlowRateHasHalfASecondOfPatience) {
  const auto limit = rate_of({.average = 6, .period = 1min});
  TestRequest request("GET /\nHost: a\n");
  EXPECT_FALSE(pass(*limit, request.context).has_value());
  request.context.now += 9499ms;
  EXPECT_TRUE(pass(*limit, request.context).has_value());
  request.context.now += 1ms;
  EXPECT_FALSE(pass(*limit, request.context).has_value());
}

TEST(RateLimit, AnAverageOfZeroIsNoLimit) {
  const auto limit = rate_of({});
  TestRequest request("GET /\nHost: a\n");
  for (int i = 0; i < 100; ++i) EXPECT_FALSE(pass(*limit, request.context).has_value());
}

TEST(RateLimit, SaysWhatIsAllowed) {
  EXPECT_THAT(RateLimit::make({.average = -1}).error(),
              HasSubstr("rateLimit.average is -1, expected a number from 0"));
  EXPECT_THAT(RateLimit::make({.average = 1, .burst = -1}).error(), HasSubstr("rateLimit.burst is -1"));
  EXPECT_THAT(RateLimit::make({.average = 1, .period = -1s}).error(),
              HasSubstr("rateLimit.period is negative"));
}

}  // namespace
}  // namespace limpet::proxy
