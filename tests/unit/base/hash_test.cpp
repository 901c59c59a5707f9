#include "base/hash.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <fstream>
#include <set>
#include <string>
#include <vector>

#include "base/text.h"

namespace limpet::base {
namespace {

/// The rows of cookie-values.tsv, without comments and the row of column names.
std::vector<std::vector<std::string>> cookie_rows() {
  std::ifstream file(LIMPET_TEST_DATA "/cookie-values.tsv");
  std::vector<std::vector<std::string>> rows;
  for (std::string line; std::getline(file, line);) {
    if (line.starts_with("http")) {
      const auto parts = split_list(line, '\t');
      rows.emplace_back(parts.begin(), parts.end());
    }
  }
  return rows;
}

TEST(Hash, GivesTheCookieValuesOfEveryTraefik) {
  const auto rows = cookie_rows();
  ASSERT_EQ(rows.size(), 9U);
  for (const auto& row : rows) {
    ASSERT_EQ(row.size(), 7U);
    const std::string& url = row[0];
    const std::uint64_t fnv1a = fnv1a_64(url);
    const std::uint64_t fnv1 = fnv1_64(url);
    EXPECT_TRUE(row[1] == hex16(fnv1a) || row[1] == hex_stripped(fnv1a)) << url;
    EXPECT_EQ(hex16(fnv1a), row[2]);
    EXPECT_EQ(hex_stripped(fnv1_64(hex16(fnv1a))), row[3]);
    EXPECT_EQ(hex_stripped(fnv1), row[4]);
    EXPECT_EQ(hex_stripped(fnv1_64(hex_stripped(fnv1))), row[5]);
    EXPECT_EQ(sha256_hex(url).substr(0, 16), row[6]);
  }
}

TEST(Hash, FnvOfNothingIsTheOffsetBasis) {
  EXPECT_EQ(fnv1a_64(""), 0xcbf29ce484222325U);
  EXPECT_EQ(fnv1_64(""), 0xcbf29ce484222325U);
  EXPECT_EQ(fnv1a_64("a"), 0xaf63dc4c8601ec8cU);
  EXPECT_EQ(fnv1_64("a"), 0xaf63bd4c8601b7beU);
  EXPECT_EQ(fnv1a_64("\xff"), 0xaf64724c8602eb6eU);
}

TEST(Hash, Mix64IsStableAndSpreads) {
  EXPECT_EQ(mix_64(1, 2), mix_64(1, 2));
  EXPECT_NE(mix_64(1, 2), mix_64(2, 1));
  static_assert(mix_64(0, 0) == 0xe220a8397b1dcdafU);
  std::set<std::uint64_t> seen;
  for (std::uint64_t i = 0; i < 1000; ++i) seen.insert(mix_64(i, 42) >> 40U);
  EXPECT_GT(seen.size(), 990U);
}

TEST(Hash, GivesKnownDigests) {
  EXPECT_EQ(sha256_hex("abc"), "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
  EXPECT_EQ(sha1_hex("abc"), "a9993e364706816aba3e25717850c26c9cd0d89d");
  EXPECT_EQ(sha1_hex("_TRAEFIK_BACKEND_webapp@docker").substr(0, 5), "c4bdf");
  EXPECT_EQ(hmac_sha256_hex("Jefe", "what do ya want for nothing?"),
            "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843");
  EXPECT_EQ(hmac_sha256_hex("", "").size(), 64U);
}

TEST(Hash, WritesHex) {
  EXPECT_EQ(hex16(0), "0000000000000000");
  EXPECT_EQ(hex_stripped(0), "0");
  EXPECT_EQ(hex16(0xf283c17966ae7b2U), "0f283c17966ae7b2");
  EXPECT_EQ(hex_stripped(0xf283c17966ae7b2U), "f283c17966ae7b2");
}

}  // namespace
}  // namespace limpet::base
