#include "base/units.h"

#include <fmt/format.h>

#include <array>
#include <charconv>
#include <iterator>
#include <limits>
#include <optional>
#include <span>
#include <system_error>

#include "base/text.h"

namespace limpet::base {
namespace {

constexpr std::uint64_t kMaxDuration = static_cast<std::uint64_t>(std::numeric_limits<std::int64_t>::max());
constexpr std::uint64_t kSecond = 1'000'000'000;
constexpr std::uint64_t kMinute = 60 * kSecond;
constexpr std::uint64_t kHour = 60 * kMinute;

constexpr std::string_view kDurationForm = "a duration such as 500ms, 1m30s or 1.5h";
constexpr std::string_view kDurationUnit = "a unit: ns, us, ms, s, m or h";
constexpr std::string_view kDurationRange = "a duration of at most 2562047h47m16.854775807s";
constexpr std::string_view kSizeForm = "a size in bytes such as 4096, 64k, 10M or 1GiB";
constexpr std::string_view kSizeUnit = "a unit: k, M, G, T or KiB, MiB, GiB, TiB";

struct Unit {
  std::string_view name;
  std::uint64_t factor;
};

constexpr std::array kDurationUnits = std::to_array<Unit>({
    {"ns", 1},
    {"us", 1'000},
    {"\u00b5s", 1'000},
    {"\u03bcs", 1'000},
    {"ms", 1'000'000},
    {"s", kSecond},
    {"m", kMinute},
    {"h", kHour},
});

constexpr std::array kSizeUnits = std::to_array<Unit>({
    {"", 1},
    {"b", 1},
    {"k", 1ULL << 10U},
    {"kb", 1ULL << 10U},
    {"kib", 1ULL << 10U},
    {"m", 1ULL << 20U},
    {"mb", 1ULL << 20U},
    {"mib", 1ULL << 20U},
    {"g", 1ULL << 30U},
    {"gb", 1ULL << 30U},
    {"gib", 1ULL << 30U},
    {"t", 1ULL << 40U},
    {"tb", 1ULL << 40U},
    {"tib", 1ULL << 40U},
});

constexpr bool is_digit(char c) noexcept {
  return c >= '0' && c <= '9';
}

std::unexpected<ParseError> wrong(std::size_t offset, std::string_view expected) {
  return std::unexpected(ParseError{.offset = offset, .expected = std::string(expected)});
}

/// Walks a text from the front and knows how far it came.
class Cursor {
 public:
  explicit Cursor(std::string_view text) noexcept : text_(text) {}

  [[nodiscard]] std::size_t offset() const noexcept { return offset_; }
  [[nodiscard]] bool at_end() const noexcept { return offset_ == text_.size(); }
  [[nodiscard]] char peek() const noexcept { return at_end() ? '\0' : text_[offset_]; }
  bool take(char c) noexcept {
    if (peek() != c) return false;
    ++offset_;
    return true;
  }
  std::string_view take_digits() noexcept {
    return take_while([](char c) { return is_digit(c); });
  }
  std::string_view take_unit() noexcept {
    return take_while([](char c) { return !is_digit(c) && c != '.'; });
  }

 private:
  template <class Predicate>
  std::string_view take_while(Predicate predicate) noexcept {
    const std::size_t start = offset_;
    while (offset_ < text_.size() && predicate(text_[offset_])) ++offset_;
    return text_.substr(start, offset_ - start);
  }

  std::string_view text_;
  std::size_t offset_ = 0;
};

/// The number that digits spell ("" is 0), unless it does not fit.
std::optional<std::uint64_t> number_of(std::string_view digits) noexcept {
  std::uint64_t value = 0;
  if (digits.empty()) return value;
  const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), value);
  if (error != std::errc{} || end != digits.data() + digits.size()) return std::nullopt;
  return value;
}

/// What ".<digits>" of a unit is worth, rounded down; digits beyond the eighteenth are worth nothing.
std::uint64_t fraction_of(std::string_view digits, std::uint64_t factor) noexcept {
  constexpr std::size_t kMostDigits = 18;
  double scale = 1;
  std::uint64_t value = 0;
  for (const char c : digits.substr(0, kMostDigits)) {
    value = value * 10 + static_cast<std::uint64_t>(c - '0');
    scale *= 10;
  }
  return static_cast<std::uint64_t>(static_cast<double>(value) * (static_cast<double>(factor) / scale));
}

std::optional<std::uint64_t> factor_of(std::span<const Unit> units, std::string_view name) noexcept {
  for (const Unit& unit : units) {
    if (unit.name == name) return unit.factor;
  }
  return std::nullopt;
}

/// Appends `value / unit` with as many decimals as it has.
void append_decimal(std::string& out, std::uint64_t value, std::uint64_t unit) {
  fmt::format_to(std::back_inserter(out), "{}", value / unit);
  std::uint64_t rest = value % unit;
  if (rest == 0) return;
  out += '.';
  for (std::uint64_t place = unit / 10; rest != 0; place /= 10) {
    out += static_cast<char>('0' + rest / place);
    rest %= place;
  }
}

}  // namespace

std::expected<Duration, ParseError> parse_duration(std::string_view text) {
  Cursor cursor(text);
  if (cursor.peek() == '-') return wrong(0, "a duration that is not negative");
  cursor.take('+');
  if (cursor.at_end()) return wrong(cursor.offset(), kDurationForm);

  std::uint64_t total = 0;
  for (bool first = true; !cursor.at_end(); first = false) {
    const std::size_t start = cursor.offset();
    const std::string_view whole = cursor.take_digits();
    const bool dotted = cursor.take('.');
    const std::string_view fraction = dotted ? cursor.take_digits() : std::string_view{};
    if (whole.empty() && fraction.empty()) return wrong(start, kDurationForm);

    const std::size_t unit_start = cursor.offset();
    const std::string_view unit = cursor.take_unit();
    const bool bare_seconds = unit.empty() && first && !dotted;
    const std::optional<std::uint64_t> factor = bare_seconds ? kSecond : factor_of(kDurationUnits, unit);
    if (!factor) return wrong(unit_start, kDurationUnit);

    const std::optional<std::uint64_t> count = number_of(whole);
    if (!count || *count > kMaxDuration / *factor) return wrong(start, kDurationRange);
    const std::uint64_t part = *count * *factor + fraction_of(fraction, *factor);
    if (part > kMaxDuration - total) return wrong(start, kDurationRange);
    total += part;
  }
  return Duration(static_cast<std::int64_t>(total));
}

std::string format_duration(Duration duration) {
  if (duration == Duration::zero()) return "0s";
  std::string out;
  auto value = static_cast<std::uint64_t>(duration.count());
  if (duration < Duration::zero()) {
    out += '-';
    value = 0 - value;
  }
  if (value < kSecond) {
    const Unit& unit = kDurationUnits[value < 1'000 ? 0U : (value < 1'000'000 ? 2U : 4U)];
    append_decimal(out, value, unit.factor);
    return out += unit.name;
  }
  if (value >= kHour) fmt::format_to(std::back_inserter(out), "{}h", value / kHour);
  if (value >= kMinute) fmt::format_to(std::back_inserter(out), "{}m", value % kHour / kMinute);
  append_decimal(out, value % kMinute, kSecond);
  return out += 's';
}

std::expected<std::uint64_t, ParseError> parse_bytes(std::string_view text) {
  Cursor cursor(text);
  const std::string_view digits = cursor.take_digits();
  if (digits.empty()) return wrong(0, kSizeForm);
  const std::optional<std::uint64_t> factor = factor_of(kSizeUnits, to_lower(text.substr(digits.size())));
  if (!factor) return wrong(digits.size(), kSizeUnit);
  const std::optional<std::uint64_t> count = number_of(digits);
  if (!count || *count > std::numeric_limits<std::uint64_t>::max() / *factor) {
    return wrong(0, "a size of less than 16777216T");
  }
  return *count * *factor;
}

}  // namespace limpet::base
