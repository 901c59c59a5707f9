#include "balancing/sticky.h"

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <rapidcheck.h>

#include <fstream>
#include <set>
#include <sstream>

#include "base/hash.h"
#include "base/text.h"

namespace limpet::balancing {
namespace {

using config::CookieFormat;
using testing::ElementsAre;

struct Row {
  std::string url, published, fnv1a, fnv1_of_fnv1a, fnv1, fnv1_of_fnv1, sha256_16;
};

std::vector<Row> read_rows() {
  std::vector<Row> rows;
  std::ifstream file(LIMPET_TEST_DATA "/cookie-values.tsv");
  for (std::string line; std::getline(file, line);) {
    if (line.empty() || line.starts_with('#') || line.starts_with("url\t")) continue;
    std::istringstream fields(line);
    Row row;
    fields >> row.url >> row.published >> row.fnv1a >> row.fnv1_of_fnv1a >> row.fnv1 >> row.fnv1_of_fnv1 >>
        row.sha256_16;
    rows.push_back(row);
  }
  return rows;
}

CookieIndex index_of(const std::vector<std::string>& urls, CookieFormat issued = CookieFormat::kFnv1a,
                     std::string_view secret = {}) {
  return {std::vector<std::string_view>(urls.begin(), urls.end()), secret, issued};
}

std::string stripped(std::string_view hex) {
  return std::string(hex.substr(hex.find_first_not_of('0')));
}
std::string padded(std::string_view hex) {
  return std::string(16 - hex.size(), '0') + std::string(hex);
}

/// The whole text as encodeURIComponent writes it.
std::string percent_encoded(std::string_view text) {
  std::string out;
  for (const char c : text) {
    const bool plain = (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
                       std::string_view("-_.!~*'()").contains(c);
    out += plain ? std::string(1, c) : fmt::format("%{:02X}", static_cast<unsigned char>(c));
  }
  return out;
}

TEST(CookieValue, GivesEveryValueOfTheTable) {
  const std::vector<Row> rows = read_rows();
  ASSERT_EQ(rows.size(), 9U);
  for (const Row& row : rows) {
    EXPECT_EQ(cookie_value(row.url, CookieFormat::kFnv1a), row.fnv1a);
    EXPECT_EQ(cookie_value(row.url, CookieFormat::kFnv1aStripped), stripped(row.fnv1a));
    EXPECT_EQ(cookie_value(row.url, CookieFormat::kTraefik3), row.fnv1_of_fnv1a);
    EXPECT_EQ(cookie_value(row.url, CookieFormat::kSha256), row.sha256_16);
    EXPECT_EQ(cookie_value(row.url, CookieFormat::kFnv1), row.fnv1);
    EXPECT_EQ(cookie_value(row.url, CookieFormat::kRaw), row.url);
    const std::vector<std::string> accepted = accepted_cookie_values(row.url);
    for (const std::string& value :
         {row.published, row.fnv1a, stripped(row.fnv1a), row.fnv1_of_fnv1a, row.fnv1, row.fnv1_of_fnv1,
          row.sha256_16, row.url, padded(row.fnv1_of_fnv1a), padded(row.fnv1), padded(row.fnv1_of_fnv1)}) {
      EXPECT_THAT(accepted, testing::Contains(value));
    }
  }
}

TEST(CookieIndex, FindsEveryValueOfTheTableInEverySpelling) {
  const std::vector<Row> rows = read_rows();
  std::vector<std::string> urls;
  for (const Row& row : rows) urls.push_back(row.url);
  for (const CookieFormat issued :
       {CookieFormat::kFnv1a, CookieFormat::kFnv1aStripped, CookieFormat::kTraefik3, CookieFormat::kSha256,
        CookieFormat::kFnv1, CookieFormat::kRaw}) {
    const CookieIndex index = index_of(urls, issued);
    for (std::uint32_t i = 0; i < rows.size(); ++i) {
      for (const std::string& hex : {rows[i].published, rows[i].fnv1a, rows[i].fnv1_of_fnv1a, rows[i].fnv1,
                                     rows[i].fnv1_of_fnv1, rows[i].sha256_16}) {
        EXPECT_EQ(index.find(hex), i) << hex;
        EXPECT_EQ(index.find(stripped(hex)), i) << hex;
        EXPECT_EQ(index.find(padded(hex)), i) << hex;
      }
      EXPECT_EQ(index.find(rows[i].url), i);
      EXPECT_EQ(index.find(percent_encoded(rows[i].url)), i);
      for (const std::string& value : accepted_cookie_values(rows[i].url))
        EXPECT_EQ(index.find(value), i) << value;
    }
  }
}

TEST(AcceptedCookieValues, ComeInOrderWithoutDuplicates) {
  EXPECT_THAT(accepted_cookie_values("http://10.1.0.38:3000"),
              ElementsAre("7e4492d358f38d47", "bf5ba91ee0aaccce", "0df23d36cc3e0534", "3aca419e1a9392b",
                          "http://10.1.0.38:3000", "b76dd043f18d4751", "03aca419e1a9392b"));
  EXPECT_THAT(accepted_cookie_values("http://10.1.0.40:3000"),
              ElementsAre("0f283c17966ae7b2", "f283c17966ae7b2", "53472b762d4befdd", "6fc5241f8185835a",
                          "51c7ccbe6e9fb650", "http://10.1.0.40:3000", "9268e4055ddd83a9"));
}

TEST(CookieIndex, FindsChildrenOfAWeightedServiceByName) {
  const CookieIndex index = index_of({"app-v1@file", "app-v2@file", "cafe"});
  EXPECT_EQ(index.find("app-v2@file"), 1U) << "Traefik 2.0 to 2.10";
  EXPECT_EQ(index.find(base::hex_stripped(base::fnv1_64("app-v2@file"))), 1U) << "2.11 to 3.3.3";
  EXPECT_EQ(index.find(base::sha256_hex("app-v2@file").substr(0, 16)), 1U) << "3.3.4 and later";
  for (const std::string& value : accepted_cookie_values("app-v2@file"))
    EXPECT_EQ(index.find(value), 1U) << value;
  EXPECT_EQ(index.find("app-v2%40file"), 1U);
  EXPECT_EQ(index.find("cafe"), 2U) << "a name may look like a hash";
}

TEST(DefaultCookieName, IsTraefiks) {
  EXPECT_EQ(default_cookie_name("webapp@docker"), "_c4bdf");
  EXPECT_EQ(default_cookie_name("nodechatapp-node-chat-app-svc-3000@kubernetes"), "_965eb");
}

TEST(CookieName, IsTheOneGivenMadeAToken) {
  config::StickyCookie cookie;
  EXPECT_EQ(cookie_name_of(cookie, "webapp@docker"), "_c4bdf");
  cookie.name = "ws-session";
  EXPECT_EQ(cookie_name_of(cookie, "webapp@docker"), "ws-session");
  cookie.name = "my session/1";
  EXPECT_EQ(cookie_name_of(cookie, "webapp@docker"), "my_session_1");
}

TEST(FormatName, GoesBothWays) {
  for (const std::string_view name : format_names()) {
    const auto format = format_from_name(name);
    ASSERT_TRUE(format.has_value()) << name;
    EXPECT_EQ(format_name(*format), name);
  }
  EXPECT_THAT(format_names(),
              ElementsAre("fnv1a", "fnv1a-stripped", "traefik3", "sha256", "fnv1", "raw", "hmac"));
  EXPECT_EQ(format_from_name("FNV1a"), std::nullopt);
  EXPECT_EQ(format_from_name("md5"), std::nullopt);
}

TEST(CookieIndex, ComparesRawUrlsBySchemeHostAndPath) {
  const CookieIndex index = index_of({"http://a:80", "http://a:80/", "https://a:80", "http://a:80/x%20y"});
  EXPECT_EQ(index.find("http://a:80"), 0U);
  EXPECT_EQ(index.find("HTTP://a:80"), 0U);
  EXPECT_EQ(index.find("http://user:word@a:80"), 0U);
  EXPECT_EQ(index.find("http://a:80?q=1#f"), 0U);
  EXPECT_EQ(index.find("http://a:80/"), 1U);
  EXPECT_EQ(index.find("http://a:80/?q=1"), 1U);
  EXPECT_EQ(index.find("https://a:80"), 2U);
  EXPECT_EQ(index.find("http://a:80/x%20y"), 3U);
  EXPECT_EQ(index.find("http://a:80/x y"), 3U);
  EXPECT_EQ(index.find(percent_encoded("http://a:80/x%20y")), 3U);
  EXPECT_EQ(index.find("http://a"), std::nullopt);
  EXPECT_EQ(index.find("http://a:81"), std::nullopt);
  EXPECT_EQ(index.find("a:80"), std::nullopt);
}

TEST(CookieIndex, FindsNothingForForeignValues) {
  const CookieIndex index = index_of({"http://172.20.0.2:3000"});
  for (const std::string_view value :
       {"", "0", "a3d52f0267943dc", "a3d52f0267943dcc0", "00a3d52f0267943dcc", "a3d52f0267943dcg",
        "-3d52f0267943dcc", "0xa3d52f0267943", "%", "%zz", "http://", "://", "a3d52f0267943dcc "}) {
    EXPECT_EQ(index.find(value), std::nullopt) << value;
  }
  EXPECT_EQ(index.find("A3D52F0267943DCC"), 0U) << "hex digits in capitals are the same number";
  EXPECT_EQ(index.find("http://172.20.0.2:3000/" + std::string(100'000, 'x')), std::nullopt);
  EXPECT_EQ(CookieIndex().find("a3d52f0267943dcc"), std::nullopt);
  EXPECT_EQ(index_of({}).find("a3d52f0267943dcc"), std::nullopt);
}

TEST(CookieIndex, AnyBytesAreSafe) {
  const CookieIndex index = index_of({"http://172.20.0.2:3000"});
  EXPECT_TRUE(rc::check("no foreign value names the server", [&index](const std::string& value) {
    if (index.find(value)) RC_ASSERT(base::iequals(value, "a3d52f0267943dcc"));
  }));
}

TEST(CookieIndex, TheIssuedFormatWinsAndThenTheOrderIsFixed) {
  // URLs whose values collide can't be found; texts can: the value of one, taken for the URL of the other.
  const std::string one = "http://10.1.0.38:3000";
  const std::string other = cookie_value(one, CookieFormat::kFnv1);
  const std::string shared = cookie_value(other, CookieFormat::kFnv1);  // FNV-1 of FNV-1 of `one`
  ASSERT_THAT(accepted_cookie_values(one), testing::Contains(shared));
  EXPECT_EQ(index_of({one, other}, CookieFormat::kFnv1).find(shared), 1U) << "issued by the second";
  EXPECT_EQ(index_of({one, other}, CookieFormat::kFnv1a).find(shared), 1U)
      << "FNV-1 comes before FNV-1 of FNV-1";
  EXPECT_EQ(index_of({other, one}, CookieFormat::kFnv1a).find(shared), 0U);

  // FNV-1 of the fnv1a text is what Traefik 3.0 issued for one, and FNV-1 of the server called so.
  const std::string fnv1a = cookie_value(one, CookieFormat::kFnv1a);
  const std::string doubled = cookie_value(one, CookieFormat::kTraefik3);
  ASSERT_EQ(cookie_value(fnv1a, CookieFormat::kFnv1), doubled);
  EXPECT_EQ(index_of({one, fnv1a}, CookieFormat::kTraefik3).find(doubled), 0U);
  EXPECT_EQ(index_of({one, fnv1a}, CookieFormat::kFnv1).find(doubled), 1U);
  EXPECT_EQ(index_of({fnv1a, one}, CookieFormat::kFnv1).find(doubled), 0U);
  EXPECT_EQ(index_of({fnv1a, one}, CookieFormat::kFnv1a).find(doubled), 1U) << "traefik3 comes before FNV-1";
}

TEST(CookieIndex, OfEqualUrlsTheFirstIsFound) {
  const CookieIndex index = index_of({"http://b", "http://a", "http://a"});
  for (const std::string& value : accepted_cookie_values("http://a")) EXPECT_EQ(index.find(value), 1U);
}

TEST(CookieIndex, HmacModeAcceptsNothingElse) {
  const std::vector<std::string> urls = {"http://172.20.0.2:3000", "http://172.20.0.4:3000"};
  const CookieIndex index = index_of(urls, CookieFormat::kHmac, "a secret");
  for (std::uint32_t i = 0; i < urls.size(); ++i) {
    const std::string value = cookie_value(urls[i], CookieFormat::kHmac, "a secret");
    EXPECT_EQ(value.size(), 32U);
    EXPECT_EQ(index.find(value), i);
    std::string wrong = value;
    wrong.back() = wrong.back() == '0' ? '1' : '0';
    EXPECT_EQ(index.find(wrong), std::nullopt);
    EXPECT_EQ(index.find(value.substr(0, 16)), std::nullopt);
    EXPECT_EQ(index.find(value + "0"), std::nullopt);
    for (const std::string& open : accepted_cookie_values(urls[i])) EXPECT_EQ(index.find(open), std::nullopt);
    EXPECT_EQ(index.find(cookie_value(urls[i], CookieFormat::kHmac, "another")), std::nullopt);
  }
  EXPECT_EQ(index.find(cookie_value(urls[0], CookieFormat::kHmac, "a secret").substr(0, 16) +
                       cookie_value(urls[1], CookieFormat::kHmac, "a secret").substr(16)),
            std::nullopt);
}

TEST(CookieIndex, FiveThousandServersCostNoMoreThanAFewProbes) {
  std::vector<std::string> urls;
  for (int i = 0; i < 5000; ++i)
    urls.push_back(fmt::format("http://10.{}.{}.{}:3000", i / 65536, i / 256 % 256, i % 256));
  const CookieIndex index = index_of(urls);
  EXPECT_LE(index.longest_probe(), 24U);
  for (std::uint32_t i = 0; i < urls.size(); ++i) {
    for (const std::string& value : accepted_cookie_values(urls[i])) ASSERT_EQ(index.find(value), i) << value;
  }
}

TEST(StickySetCookie, WritesTheSettings) {
  config::StickyCookie cookie;
  EXPECT_EQ(sticky_set_cookie(cookie, "ws-session", "a3d52f0267943dcc"),
            "ws-session=a3d52f0267943dcc; Path=/");
  cookie.domain = "example.com";
  cookie.secure = true;
  cookie.http_only = true;
  cookie.same_site = config::SameSite::kNone;
  cookie.max_age = 3600;
  cookie.partitioned = true;
  const std::string text = sticky_set_cookie(cookie, "s", "v");
  for (const std::string_view part :
       {"s=v", "Domain=example.com", "Secure", "HttpOnly", "SameSite=None", "Max-Age=3600", "Partitioned"}) {
    EXPECT_THAT(text, testing::HasSubstr(std::string(part)));
  }
  cookie.same_site = config::SameSite::kLax;
  EXPECT_THAT(sticky_set_cookie(cookie, "s", "v"), testing::HasSubstr("SameSite=Lax"));
  cookie.same_site = config::SameSite::kStrict;
  EXPECT_THAT(sticky_set_cookie(cookie, "s", "v"), testing::HasSubstr("SameSite=Strict"));
}

}  // namespace
}  // namespace limpet::balancing
