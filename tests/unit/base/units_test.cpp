#include "base/units.h"

#include <gtest/gtest.h>
#include <rapidcheck.h>

#include <chrono>
#include <limits>
#include <string>

namespace limpet::base {
namespace {

using namespace std::chrono_literals;

Duration duration_of(std::string_view text) {
  const auto parsed = parse_duration(text);
  EXPECT_TRUE(parsed.has_value()) << text;
  return parsed.value_or(Duration(-1));
}

std::size_t offset_of(std::string_view text) {
  const auto parsed = parse_duration(text);
  EXPECT_FALSE(parsed.has_value()) << text;
  return parsed ? std::string::npos : parsed.error().offset;
}

TEST(ParseDuration, ReadsEveryUnit) {
  EXPECT_EQ(duration_of("7ns"), 7ns);
  EXPECT_EQ(duration_of("7us"), 7us);
  EXPECT_EQ(duration_of("7\u00b5s"), 7us);
  EXPECT_EQ(duration_of("7\u03bcs"), 7us);
  EXPECT_EQ(duration_of("500ms"), 500ms);
  EXPECT_EQ(duration_of("7s"), 7s);
  EXPECT_EQ(duration_of("7m"), 7min);
  EXPECT_EQ(duration_of("7h"), 7h);
}

TEST(ParseDuration, ReadsSumsAndFractions) {
  EXPECT_EQ(duration_of("1m30s"), 90s);
  EXPECT_EQ(duration_of("1h2m3s4ms5us6ns"), 1h + 2min + 3s + 4ms + 5us + 6ns);
  EXPECT_EQ(duration_of("1.5h"), 90min);
  EXPECT_EQ(duration_of("0.000000001s"), 1ns);
  EXPECT_EQ(duration_of(".5s"), 500ms);
  EXPECT_EQ(duration_of("1.s"), 1s);
  EXPECT_EQ(duration_of("+3s"), 3s);
  EXPECT_EQ(duration_of("0.3333333333333333333333333s"), 333333333ns);
}

TEST(ParseDuration, TakesABareNumberAsSeconds) {
  EXPECT_EQ(duration_of("0"), 0s);
  EXPECT_EQ(duration_of("10"), 10s);
  EXPECT_EQ(duration_of("007"), 7s);
}

TEST(ParseDuration, PointsAtWhatIsWrong) {
  EXPECT_EQ(offset_of(""), 0U);
  EXPECT_EQ(offset_of("-5s"), 0U);
  EXPECT_EQ(offset_of("+"), 1U);
  EXPECT_EQ(offset_of("s"), 0U);
  EXPECT_EQ(offset_of(".s"), 0U);
  EXPECT_EQ(offset_of("5x"), 1U);
  EXPECT_EQ(offset_of("10 s"), 2U);
  EXPECT_EQ(offset_of(" 10s"), 0U);
  EXPECT_EQ(offset_of("1.5"), 3U);
  EXPECT_EQ(offset_of("1m30"), 4U);
  EXPECT_EQ(offset_of("1m30d"), 4U);
  EXPECT_EQ(offset_of("1s-1s"), 1U);
  EXPECT_EQ(offset_of("1s.s"), 2U);
  EXPECT_EQ(offset_of("1S"), 1U);
}

TEST(ParseDuration, RefusesWhatDoesNotFit) {
  EXPECT_EQ(duration_of("9223372036854775807ns"), Duration::max());
  EXPECT_EQ(offset_of("9223372036854775808ns"), 0U);
  EXPECT_EQ(offset_of("2562048h"), 0U);
  EXPECT_EQ(offset_of("9223372037"), 0U);
  EXPECT_EQ(offset_of("2562047h48m"), 8U);
  EXPECT_EQ(offset_of("99999999999999999999999s"), 0U);
}

TEST(ParseDuration, SaysWhatIsAllowed) {
  EXPECT_EQ(parse_duration("5x").error().expected, "a unit: ns, us, ms, s, m or h");
  EXPECT_EQ(parse_duration("").error().expected, "a duration such as 500ms, 1m30s or 1.5h");
}

TEST(FormatDuration, WritesWhatGoPrints) {
  EXPECT_EQ(format_duration(0ns), "0s");
  EXPECT_EQ(format_duration(1ns), "1ns");
  EXPECT_EQ(format_duration(1100ns), "1.1\u00b5s");
  EXPECT_EQ(format_duration(2200us), "2.2ms");
  EXPECT_EQ(format_duration(500ms), "500ms");
  EXPECT_EQ(format_duration(3300ms), "3.3s");
  EXPECT_EQ(format_duration(90s), "1m30s");
  EXPECT_EQ(format_duration(4min + 5s), "4m5s");
  EXPECT_EQ(format_duration(4min + 5001ms), "4m5.001s");
  EXPECT_EQ(format_duration(1h), "1h0m0s");
  EXPECT_EQ(format_duration(5h + 6min + 7001ms), "5h6m7.001s");
  EXPECT_EQ(format_duration(8min + 1ns), "8m0.000000001s");
  EXPECT_EQ(format_duration(-1500ms), "-1.5s");
  EXPECT_EQ(format_duration(Duration::max()), "2562047h47m16.854775807s");
  EXPECT_EQ(format_duration(Duration::min()), "-2562047h47m16.854775808s");
}

TEST(FormatDuration, IsReadBackByParseDuration) {
  EXPECT_TRUE(rc::check("parse_duration(format_duration(d)) == d", [] {
    const auto magnitude = *rc::gen::inRange(0U, 63U);
    const auto count =
        *rc::gen::inRange<std::int64_t>(0, std::numeric_limits<std::int64_t>::max() >> magnitude);
    const Duration duration(count);
    const auto parsed = parse_duration(format_duration(duration));
    RC_ASSERT(parsed.has_value());
    RC_ASSERT(*parsed == duration);
  }));
}

TEST(ParseDuration, SurvivesAnyText) {
  EXPECT_TRUE(rc::check("the offset lies within the text", [] {
    const auto text =
        *rc::gen::container<std::string>(rc::gen::elementOf(std::string("0123456789.nusmh+- \xc2\xb5")));
    const auto parsed = parse_duration(text);
    if (parsed) {
      RC_ASSERT(*parsed >= Duration::zero());
    } else {
      RC_ASSERT(parsed.error().offset <= text.size());
      RC_ASSERT(!parsed.error().expected.empty());
    }
  }));
}

TEST(ParseBytes, ReadsUnitsInAnyCase) {
  EXPECT_EQ(parse_bytes("0").value(), 0U);
  EXPECT_EQ(parse_bytes("4096").value(), 4096U);
  EXPECT_EQ(parse_bytes("12B").value(), 12U);
  EXPECT_EQ(parse_bytes("64k").value(), 65536U);
  EXPECT_EQ(parse_bytes("64KB").value(), 65536U);
  EXPECT_EQ(parse_bytes("16KiB").value(), 16384U);
  EXPECT_EQ(parse_bytes("16kib").value(), 16384U);
  EXPECT_EQ(parse_bytes("10M").value(), 10U << 20U);
  EXPECT_EQ(parse_bytes("1GiB").value(), 1U << 30U);
  EXPECT_EQ(parse_bytes("2T").value(), 2ULL << 40U);
  EXPECT_EQ(parse_bytes("16777215T").value(), 16777215ULL << 40U);
  EXPECT_EQ(parse_bytes("18446744073709551615").value(), std::numeric_limits<std::uint64_t>::max());
}

TEST(ParseBytes, PointsAtWhatIsWrong) {
  EXPECT_EQ(parse_bytes("").error().offset, 0U);
  EXPECT_EQ(parse_bytes("-1").error().offset, 0U);
  EXPECT_EQ(parse_bytes("k").error().offset, 0U);
  EXPECT_EQ(parse_bytes("10x").error().offset, 2U);
  EXPECT_EQ(parse_bytes("10 k").error().offset, 2U);
  EXPECT_EQ(parse_bytes("1.5k").error().offset, 1U);
  EXPECT_EQ(parse_bytes("10x").error().expected, "a unit: k, M, G, T or KiB, MiB, GiB, TiB");
}

TEST(ParseBytes, RefusesWhatDoesNotFit) {
  EXPECT_FALSE(parse_bytes("16777216T").has_value());
  EXPECT_FALSE(parse_bytes("18446744073709551616").has_value());
}

}  // namespace
}  // namespace limpet::base
