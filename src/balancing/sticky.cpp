#include "balancing/sticky.h"

#include <algorithm>
#include <array>
#include <bit>
#include <charconv>
#include <utility>

#include "base/hash.h"
#include "base/text.h"
#include "http/cookie.h"

namespace limpet::balancing {
namespace {

using config::CookieFormat;

constexpr std::size_t kHmacDigits = 32;
constexpr std::size_t kKeyDigits = 16;
// Browsers keep no longer cookie; it bounds the work that a raw value can cause.
constexpr std::size_t kMaxTextLength = 4096;

constexpr std::array<std::pair<CookieFormat, std::string_view>, 7> kFormats = {{
    {CookieFormat::kFnv1a, "fnv1a"},
    {CookieFormat::kFnv1aStripped, "fnv1a-stripped"},
    {CookieFormat::kTraefik3, "traefik3"},
    {CookieFormat::kSha256, "sha256"},
    {CookieFormat::kFnv1, "fnv1"},
    {CookieFormat::kRaw, "raw"},
    {CookieFormat::kHmac, "hmac"},
}};

/// The value of 1 to 16 hex digits, or nothing if the text is anything else.
std::optional<std::uint64_t> parse_hex(std::string_view text) noexcept {
  if (text.empty() || text.size() > kKeyDigits) return std::nullopt;
  std::uint64_t value = 0;
  const char* const end = text.data() + text.size();
  const auto [stop, error] = std::from_chars(text.data(), end, value, 16);
  if (error != std::errc() || stop != end) return std::nullopt;
  return value;
}

std::uint64_t fnv1_of_fnv1(std::string_view text) {
  return base::fnv1_64(base::hex_stripped(base::fnv1_64(text)));
}

/// What two raw values that name the same server have in common: scheme, host and path, the path decoded. A
/// text that is no URL stays as it is.
std::string comparable_form(std::string_view text) {
  constexpr std::string_view kSchemeEnd = "://";
  const std::size_t scheme_end = text.find(kSchemeEnd);
  if (scheme_end == std::string_view::npos) return std::string(text);
  const std::string_view rest = text.substr(scheme_end + kSchemeEnd.size());
  std::string_view authority = rest.substr(0, rest.find_first_of("/?#"));
  std::string_view path = rest.substr(authority.size());
  path = path.substr(0, path.find_first_of("?#"));
  if (const std::size_t at = authority.rfind('@'); at != std::string_view::npos)
    authority.remove_prefix(at + 1);
  std::string form = base::to_lower(text.substr(0, scheme_end));
  form += kSchemeEnd;
  form += authority;
  form += http::percent_decode(path, false);
  return form;
}

void add_new(std::vector<std::string>& values, std::string value) {
  if (std::ranges::find(values, value) == values.end()) values.push_back(std::move(value));
}

}  // namespace

std::string cookie_value(std::string_view url, CookieFormat format, std::string_view secret) {
  switch (format) {
    case CookieFormat::kFnv1a:
      return base::hex16(base::fnv1a_64(url));
    case CookieFormat::kFnv1aStripped:
      return base::hex_stripped(base::fnv1a_64(url));
    case CookieFormat::kTraefik3:
      return base::hex_stripped(base::fnv1_64(base::hex16(base::fnv1a_64(url))));
    case CookieFormat::kSha256:
      return base::sha256_hex(url).substr(0, kKeyDigits);
    case CookieFormat::kFnv1:
      return base::hex_stripped(base::fnv1_64(url));
    case CookieFormat::kRaw:
      return std::string(url);
    case CookieFormat::kHmac:
      return base::hmac_sha256_hex(secret, url).substr(0, kHmacDigits);
  }
  return {};
}

std::string_view format_name(CookieFormat format) noexcept {
  const auto* const found =
      std::ranges::find(kFormats, format, &std::pair<CookieFormat, std::string_view>::first);
  return found == kFormats.end() ? std::string_view() : found->second;
}

std::optional<CookieFormat> format_from_name(std::string_view name) noexcept {
  const auto* const found =
      std::ranges::find(kFormats, name, &std::pair<CookieFormat, std::string_view>::second);
  if (found == kFormats.end()) return std::nullopt;
  return found->first;
}

const std::vector<std::string_view>& format_names() {
  static const std::vector<std::string_view> names = [] {
    std::vector<std::string_view> all;
    for (const auto& [format, name] : kFormats) all.push_back(name);
    return all;
  }();
  return names;
}

std::vector<std::string> accepted_cookie_values(std::string_view url) {
  const std::uint64_t traefik3 = base::fnv1_64(base::hex16(base::fnv1a_64(url)));
  const std::uint64_t fnv1 = base::fnv1_64(url);
  const std::uint64_t twice = fnv1_of_fnv1(url);
  std::vector<std::string> values;
  for (const auto& [format, name] : kFormats) {
    if (format != CookieFormat::kHmac) add_new(values, cookie_value(url, format));
  }
  add_new(values, base::hex_stripped(twice));
  for (const std::uint64_t value : {traefik3, fnv1, twice}) add_new(values, base::hex16(value));
  return values;
}

std::string default_cookie_name(std::string_view qualified_service) {
  constexpr std::size_t kDigits = 5;
  std::string text = "_TRAEFIK_BACKEND_";
  text += qualified_service;
  return "_" + base::sha1_hex(text).substr(0, kDigits);
}

std::string cookie_name_of(const config::StickyCookie& cookie, std::string_view qualified_service) {
  return cookie.name.empty() ? default_cookie_name(qualified_service)
                             : http::sanitise_cookie_name(cookie.name);
}

std::string sticky_set_cookie(const config::StickyCookie& cookie, std::string_view name,
                              std::string_view value) {
  constexpr std::array<std::string_view, 4> kSameSiteNames = {"", "None", "Lax", "Strict"};
  return http::format_set_cookie({.name = name,
                                  .value = value,
                                  .path = cookie.path,
                                  .domain = cookie.domain,
                                  .secure = cookie.secure,
                                  .http_only = cookie.http_only,
                                  .same_site = kSameSiteNames[static_cast<std::size_t>(cookie.same_site)],
                                  .max_age = cookie.max_age,
                                  .partitioned = cookie.partitioned});
}

CookieIndex::Table::Table(std::size_t entries) : slots_(std::bit_ceil(2 * entries + 1)) {}

void CookieIndex::Table::insert(std::uint64_t key, std::uint32_t server) noexcept {
  const std::size_t mask = slots_.size() - 1;
  std::size_t at = base::mix_64(key, 0) & mask;
  std::size_t probes = 1;
  // Ends: at least half of the slots stay free.
  for (; slots_[at].server != kFree; at = (at + 1) & mask) ++probes;
  slots_[at] = {key, server};
  longest_probe_ = std::max(longest_probe_, probes);
}

template <class Predicate>
std::optional<std::uint32_t> CookieIndex::Table::find(std::uint64_t key, Predicate is_it) const noexcept {
  if (slots_.empty()) return std::nullopt;
  const std::size_t mask = slots_.size() - 1;
  std::size_t at = base::mix_64(key, 0) & mask;
  for (std::size_t probe = 0; probe < longest_probe_ && slots_[at].server != kFree;
       ++probe, at = (at + 1) & mask) {
    if (slots_[at].key == key && is_it(slots_[at].server)) return slots_[at].server;
  }
  return std::nullopt;
}

CookieIndex::CookieIndex(const std::vector<std::string_view>& urls, std::string_view secret,
                         CookieFormat issued)
    : hmac_(!secret.empty() || issued == CookieFormat::kHmac), texts_by_hash_(urls.size()) {
  const auto count = static_cast<std::uint32_t>(urls.size());
  texts_.reserve(count);
  if (hmac_) {
    for (std::uint32_t i = 0; i < count; ++i) {
      texts_.push_back(cookie_value(urls[i], CookieFormat::kHmac, secret));
      texts_by_hash_.insert(*parse_hex(std::string_view(texts_[i]).substr(0, kKeyDigits)), i);
    }
    return;
  }
  for (std::uint32_t i = 0; i < count; ++i) {
    texts_.push_back(comparable_form(urls[i]));
    texts_by_hash_.insert(base::fnv1a_64(texts_[i]), i);
  }
  // The formats that have values of 64 bits; padded or stripped is one key.
  std::array<CookieFormat, 4> order = {CookieFormat::kFnv1a, CookieFormat::kTraefik3, CookieFormat::kSha256,
                                       CookieFormat::kFnv1};
  if (auto* const first = std::ranges::find(order, issued); first != order.end()) {
    std::rotate(order.begin(), first, first + 1);
  }
  hashes_ = Table((order.size() + 1) * urls.size());
  const auto insert_new = [this](std::uint64_t key, std::uint32_t server) {
    if (!hashes_.find(key, [](std::uint32_t) { return true; })) hashes_.insert(key, server);
  };
  for (const CookieFormat format : order) {
    for (std::uint32_t i = 0; i < count; ++i) insert_new(*parse_hex(cookie_value(urls[i], format)), i);
  }
  for (std::uint32_t i = 0; i < count; ++i) insert_new(fnv1_of_fnv1(urls[i]), i);
}

std::optional<std::uint32_t> CookieIndex::find(std::string_view value) const noexcept {
  if (texts_.empty() || value.empty()) return std::nullopt;
  if (hmac_) return find_secret(value);
  if (const auto key = parse_hex(value)) {
    if (const auto server = hashes_.find(*key, [](std::uint32_t) { return true; })) return server;
  }
  return find_text(value);
}

std::optional<std::uint32_t> CookieIndex::find_secret(std::string_view value) const noexcept {
  if (value.size() != kHmacDigits) return std::nullopt;
  const auto key = parse_hex(value.substr(0, kKeyDigits));
  if (!key) return std::nullopt;
  // Time may tell whether the first half is right; the second half keeps 64 bits that it can't tell.
  return texts_by_hash_.find(
      *key, [&](std::uint32_t server) { return base::equals_constant_time(texts_[server], value); });
}

std::optional<std::uint32_t> CookieIndex::find_text(std::string_view value) const {
  if (value.size() > kMaxTextLength) return std::nullopt;
  const auto probe = [this](std::string_view text) {
    const std::string form = comparable_form(text);
    return texts_by_hash_.find(base::fnv1a_64(form),
                               [&](std::uint32_t server) { return texts_[server] == form; });
  };
  if (const auto server = probe(value)) return server;
  if (!value.contains('%')) return std::nullopt;
  return probe(http::percent_decode(value, false));
}

std::size_t CookieIndex::longest_probe() const noexcept {
  return std::max(hashes_.longest_probe(), texts_by_hash_.longest_probe());
}

}  // namespace limpet::balancing
