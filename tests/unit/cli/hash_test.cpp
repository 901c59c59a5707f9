#include <gtest/gtest.h>

#include <fstream>
#include <map>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "base/text.h"
#include "unit/cli/outcome.h"

namespace limpet::cli {
namespace {

using Row = std::map<std::string, std::string>;

std::vector<std::string> cells_of(const std::string& line) {
  std::vector<std::string> cells;
  for (const std::string_view cell : base::split_list(line, '\t')) cells.emplace_back(cell);
  return cells;
}

/// The rows of tests/data/cookie-values.tsv by column.
std::vector<Row> published_values() {
  std::ifstream file(LIMPET_TEST_DATA "/cookie-values.tsv");
  std::vector<Row> rows;
  std::vector<std::string> columns;
  for (std::string line; std::getline(file, line);) {
    if (line.empty() || line.starts_with('#')) continue;
    const std::vector<std::string> cells = cells_of(line);
    if (columns.empty()) {
      columns = cells;
      continue;
    }
    Row& row = rows.emplace_back();
    for (std::size_t i = 0; i < columns.size(); ++i) row[columns.at(i)] = cells.at(i);
  }
  return rows;
}

std::string hash_of(const std::string& url, const std::string& format) {
  const Outcome outcome = run({"hash", "--format", format, url});
  EXPECT_EQ(outcome.status, kExitFine);
  EXPECT_EQ(outcome.err, "");
  EXPECT_TRUE(outcome.out.ends_with('\n'));
  return outcome.out.substr(0, outcome.out.find('\n'));
}

std::string stripped(const std::string& value) {
  return value.substr(value.find_first_not_of('0'));
}

TEST(Hash, PrintsEveryPublishedValue) {
  const std::vector<Row> rows = published_values();
  ASSERT_GE(rows.size(), 9U);
  for (const Row& row : rows) {
    const std::string& url = row.at("url");
    SCOPED_TRACE(url);
    EXPECT_EQ(run({"hash", url}).out, row.at("fnv1a") + "\n");
    EXPECT_EQ(hash_of(url, "fnv1a"), row.at("fnv1a"));
    EXPECT_EQ(hash_of(url, "fnv1a-stripped"), stripped(row.at("fnv1a")));
    EXPECT_EQ(hash_of(url, "traefik3"), row.at("fnv1_of_fnv1a"));
    EXPECT_EQ(hash_of(url, "fnv1"), row.at("fnv1"));
    EXPECT_EQ(hash_of(url, "sha256"), row.at("sha256_16"));
    EXPECT_EQ(hash_of(url, "raw"), url);
    EXPECT_EQ(stripped(row.at("published")), stripped(row.at("fnv1a")));
  }
}

TEST(Hash, TableAndJsonHoldEveryFormat) {
  for (const Row& row : published_values()) {
    const std::string& url = row.at("url");
    SCOPED_TRACE(url);
    const std::map<std::string, std::string> expected{{"fnv1a", row.at("fnv1a")},
                                                      {"fnv1a-stripped", stripped(row.at("fnv1a"))},
                                                      {"traefik3", row.at("fnv1_of_fnv1a")},
                                                      {"sha256", row.at("sha256_16")},
                                                      {"fnv1", row.at("fnv1")},
                                                      {"fnv1-of-fnv1", row.at("fnv1_of_fnv1")},
                                                      {"raw", url}};
    const auto json = nlohmann::json::parse(run({"hash", "--json", "--format=all", url}).out);
    ASSERT_EQ(json.size(), 1U);
    EXPECT_EQ(json[0]["url"], url);
    EXPECT_EQ(json[0]["values"], nlohmann::json(expected));

    std::istringstream table(run({"hash", "--format", "all", url}).out);
    std::string line;
    std::getline(table, line);
    EXPECT_EQ(line, url);
    std::map<std::string, std::string> printed;
    while (std::getline(table, line)) {
      std::istringstream cells(line);
      std::string name;
      cells >> name >> printed[name];
    }
    printed.erase("");
    EXPECT_EQ(printed, expected);
  }
}

TEST(Hash, SeveralUrlsAreNamed) {
  const Outcome outcome = run({"hash", "http://172.20.0.2:3000", "http://10.1.0.40:3000"});
  EXPECT_EQ(outcome.out,
            "a3d52f0267943dcc  http://172.20.0.2:3000\n0f283c17966ae7b2  http://10.1.0.40:3000\n");
}

TEST(Hash, ReadsUrlsFromStandardInput) {
  const Outcome outcome = run({"hash", "-"}, "http://172.20.0.2:3000\r\n\n  http://10.1.0.40:3000");
  EXPECT_EQ(outcome.out,
            "a3d52f0267943dcc  http://172.20.0.2:3000\n0f283c17966ae7b2  http://10.1.0.40:3000\n");
  EXPECT_EQ(run({"hash", "-"}, "http://172.20.0.2:3000\n").out, "a3d52f0267943dcc\n");
  EXPECT_EQ(run({"hash", "-"}, "").out, "");
}

TEST(Hash, JsonOfOneFormat) {
  EXPECT_EQ(run({"hash", "--json", "http://172.20.0.2:3000"}).out,
            R"([{"url":"http://172.20.0.2:3000","format":"fnv1a","value":"a3d52f0267943dcc"}])"
            "\n");
}

TEST(Hash, SlipsAreNamed) {
  const Outcome odd = run({"hash", "172.20.0.2:3000"});
  EXPECT_EQ(odd.status, kExitFine);
  EXPECT_NE(odd.err.find("no scheme"), std::string::npos);
  const Outcome format = run({"hash", "--format", "fnv1b", "http://a"});
  EXPECT_EQ(format.status, kExitUsage);
  EXPECT_NE(format.err.find("did you mean fnv1a?"), std::string::npos);
  EXPECT_EQ(run({"hash"}).status, kExitUsage);
}

}  // namespace
}  // namespace limpet::cli
