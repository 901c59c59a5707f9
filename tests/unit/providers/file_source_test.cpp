#include "providers/file_source.h"

#include <gtest/gtest.h>

#include <string>

#include "unit/providers/temp_tree.h"

namespace limpet::providers {
namespace {

TEST(FileSource, GivesTheConfigurationOnceForTheSameContent) {
  const TempTree tree;
  tree.write("d.yml", router_text("one"));
  FileSource source({.filename = tree.path("d.yml"), .directory = {}, .watch = true}, false);
  auto first = source.read_if_changed();
  ASSERT_TRUE(first && *first);
  EXPECT_TRUE((*first)->configuration.routers.contains("one"));
  auto same = source.read_if_changed();
  EXPECT_TRUE(same && !*same);
  tree.write("d.yml", router_text("two"));
  auto changed = source.read_if_changed();
  ASSERT_TRUE(changed && *changed);
  EXPECT_TRUE((*changed)->configuration.routers.contains("two"));
  EXPECT_TRUE(source.read());
}

TEST(FileSource, ABrokenFileFailsOnceAndRecovers) {
  const TempTree tree;
  FileSource source({.filename = tree.path("d.yml"), .directory = {}, .watch = true}, false);
  auto missing = source.read_if_changed();
  ASSERT_FALSE(missing);
  EXPECT_EQ(tree.without_root(missing.error().text()),
            "d.yml: error: cannot be read: No such file or directory\n");
  tree.write("d.yml", "http: {routers: {a: {rule: [}}}\n");
  auto broken = source.read_if_changed();
  ASSERT_FALSE(broken);
  EXPECT_TRUE(tree.without_root(broken.error().text()).starts_with("d.yml:1:29: error: not valid YAML: "))
      << broken.error().text();
  auto same = source.read_if_changed();
  EXPECT_TRUE(same && !*same);
  tree.write("d.yml", router_text("a"));
  auto good = source.read_if_changed();
  EXPECT_TRUE(good && *good);
}

TEST(FileSource, PutsADirectoryTogether) {
  const TempTree tree;
  tree.write("conf/b.toml", "[http.routers.b]\nrule = \"Host(`b`)\"\nservice = \"s\"\n");
  tree.write("conf/deep/er/a.yaml", router_text("a"));
  tree.write("conf/C.YML", router_text("c"));
  tree.write("conf/.hidden.yml", "nonsense");
  tree.write("conf/..2024/a.yml", "nonsense");
  tree.write("conf/notes.txt", "nonsense");
  FileSource source({.filename = {}, .directory = tree.path("conf"), .watch = true}, false);
  auto reading = source.read();
  ASSERT_TRUE(reading) << reading.error().text();
  EXPECT_EQ(reading->configuration.routers.size(), 3U);
}

TEST(FileSource, ANameInTwoFilesIsAnErrorOrInLenientModeAWarning) {
  const TempTree tree;
  tree.write("a.yml", router_text("same"));
  tree.write("b.yml", "\n" + router_text("same"));
  FileSource strict({.filename = {}, .directory = tree.path(""), .watch = true}, false);
  auto failed = strict.read();
  ASSERT_FALSE(failed);
  EXPECT_EQ(tree.without_root(failed.error().text()),
            "b.yml:2:18: error: http.routers.same: defined at a.yml:1:18 already\n");
  FileSource lenient({.filename = {}, .directory = tree.path(""), .watch = true}, true);
  auto reading = lenient.read();
  ASSERT_TRUE(reading);
  EXPECT_EQ(tree.without_root(reading->warnings.text()),
            "b.yml:2:18: warning: http.routers.same: defined at a.yml:1:18 already, ignored\n");
  EXPECT_EQ(reading->configuration.routers.at("same").place.line, 1U);
}

TEST(FileSource, EveryFilesMistakesAreReported) {
  const TempTree tree;
  tree.write("a.yml", "http: {routers: {x: {ruel: 1}, 'y@z': {rule: r, service: s}}}\n");
  tree.write("b.yml", "# {{ comment }}\nhttp:\n  routers: {{ range }}\n");
  tree.write("c.toml", "x = \n");
  FileSource source({.filename = {}, .directory = tree.path(""), .watch = true}, false);
  auto failed = source.read();
  ASSERT_FALSE(failed);
  const std::string text = tree.without_root(failed.error().text());
  EXPECT_TRUE(text.starts_with(
      "a.yml:1:22: error: http.routers.x.ruel: unknown key, did you mean rule?\n"
      "a.yml:1:33: error: http.routers.y@z: expected a name without @, which stands before a provider\n"
      "b.yml:3:12: error: Go template syntax {{ }} is not supported: write the values out\n"
      "c.toml:1:5: error: not valid TOML: "))
      << text;
}

TEST(FileSource, AMissingDirectoryIsAnError) {
  const TempTree tree;
  FileSource source({.filename = {}, .directory = tree.path("none"), .watch = true}, false);
  auto failed = source.read();
  ASSERT_FALSE(failed);
  EXPECT_EQ(tree.without_root(failed.error().text()),
            "none: error: cannot be read: No such file or directory\n");
}

}  // namespace
}  // namespace limpet::providers
