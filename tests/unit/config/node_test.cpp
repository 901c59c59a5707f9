#include "config/node.h"

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <string>
#include <utility>
#include <vector>

namespace limpet::config {
namespace {

/// The tree as "key=value" and "[...]" texts, for comparing.
std::string shown(const Node& node) {
  if (node.is_null()) return "~";
  if (node.is_scalar()) return node.scalar;
  std::string out = node.is_list() ? "[" : "{";
  for (const Node& item : node.items) out += shown(item) + ",";
  for (const NodeEntry& entry : node.entries) out += entry.key + "=" + shown(entry.value) + ",";
  return out + (node.is_list() ? "]" : "}");
}

Node tree_of(const std::vector<std::pair<std::string, std::string>>& values, base::Diagnostics& out) {
  FlatTree tree;
  for (const auto& [key, value] : values) tree.add(key, value, {.source = "here"}, out);
  return tree.finish();
}

TEST(FlatTree, PutsKeysTogetherWhateverTheirCase) {
  base::Diagnostics problems;
  const Node tree =
      tree_of({{"a.b", "1"}, {"A.c", "2"}, {"a.servers[1].url", "y"}, {"a.servers[0].url", "x"}}, problems);
  EXPECT_TRUE(problems.empty()) << problems.text();
  EXPECT_EQ(shown(tree), "{a={b=1,c=2,servers=[{url=x,},{url=y,},],},}");
}

TEST(FlatTree, BareTrueGivesWayToKeysBelowIt) {
  base::Diagnostics problems;
  EXPECT_EQ(shown(tree_of({{"sticky", "true"}, {"sticky.cookie.name", "x"}}, problems)),
            "{sticky={cookie={name=x,},},}");
  EXPECT_EQ(shown(tree_of({{"sticky.cookie.name", "x"}, {"sticky", "true"}}, problems)),
            "{sticky={cookie={name=x,},},}");
  EXPECT_TRUE(problems.empty()) << problems.text();
}

TEST(FlatTree, ReportsWhatDoesNotFit) {
  base::Diagnostics problems;
  const Node tree = tree_of({{"a", "x"},
                             {"a.b", "1"},
                             {"c.d", "1"},
                             {"c", "5"},
                             {"e..f", "1"},
                             {"g[x]", "1"},
                             {"h[0]", "1"},
                             {"h.i", "2"}},
                            problems);
  EXPECT_EQ(shown(tree), "{a=x,c={d=1,},h=[1,],}");
  EXPECT_EQ(problems.text(),
            "here: error: a.b: the key before b has the value \"x\" already\n"
            "here: error: c: expected keys below it, got the value \"5\"\n"
            "here: error: e..f: expected keys separated by dots, such as log.level or servers[0].url\n"
            "here: error: g[x]: expected keys separated by dots, such as log.level or servers[0].url\n"
            "here: error: h.i: expected either list positions or names after the same key\n");
}

TEST(Node, MergeLaysOneTreeOnAnother) {
  base::Diagnostics problems;
  const Node base =
      tree_of({{"log.level", "INFO"}, {"log.format", "json"}, {"api.insecure", "true"}}, problems);
  const Node over = tree_of({{"LOG.Level", "DEBUG"}, {"api", "true"}, {"ping", "true"}}, problems);
  EXPECT_EQ(shown(merge(base, over)), "{log={level=DEBUG,format=json,},api={insecure=true,},ping=true,}");
  const Node off = tree_of({{"api", "false"}}, problems);
  EXPECT_EQ(shown(merge(base, off)), "{log={level=INFO,format=json,},api=false,}");
}

TEST(Node, TakeRemovesAKey) {
  base::Diagnostics problems;
  Node tree = tree_of({{"server.port", "3000"}, {"server.weight", "2"}}, problems);
  EXPECT_EQ(tree.find("server")->take("PORT").scalar, "3000");
  EXPECT_EQ(shown(tree), "{server={weight=2,},}");
  EXPECT_TRUE(tree.take("nothing").is_null());
}

RC_GTEST_PROP(NodeProperty, MergeIsIdempotentAndKeepsWhatIsOnTop, ()) {
  const auto random_tree = [] {
    const auto path = rc::gen::map(
        rc::gen::container<std::vector<std::string>>(rc::gen::element<std::string>("a", "b", "c")),
        [](std::vector<std::string> parts) {
          parts.resize(std::min<std::size_t>(parts.size(), 3));
          std::string out = "k";
          for (const std::string& part : parts) out += "." + part;
          return out;
        });
    const auto values = *rc::gen::container<std::vector<std::pair<std::string, std::string>>>(
        rc::gen::pair(path, rc::gen::element<std::string>("1", "2", "true")));
    base::Diagnostics problems;
    return tree_of(values, problems);
  };
  const Node base = random_tree();
  const Node over = random_tree();
  const Node once = merge(base, over);
  RC_ASSERT(shown(merge(once, over)) == shown(once));
  RC_ASSERT(shown(merge(base, base)) == shown(base));
  RC_ASSERT(shown(merge(base, Node::map({}))) == shown(base));
}

}  // namespace
}  // namespace limpet::config
