#include "providers/file_watcher.h"

#include <gtest/gtest.h>
#include <poll.h>

#include <chrono>
#include <functional>
#include <string>

#include "unit/providers/temp_tree.h"

namespace limpet::providers {
namespace {

using Clock = std::chrono::steady_clock;

config::FileProvider one_file(const TempTree& tree, const std::string& name) {
  return {.filename = tree.path(name), .directory = {}, .watch = true};
}

config::FileProvider directory_of(const TempTree& tree, const std::string& name) {
  return {.filename = {}, .directory = tree.path(name), .watch = true};
}

/// Whether something relevant changes within this time.
bool changes(FileWatcher& watcher, std::chrono::milliseconds longest) {
  const auto deadline = Clock::now() + longest;
  while (true) {
    const auto left = std::chrono::duration_cast<std::chrono::milliseconds>(deadline - Clock::now());
    pollfd waiting{.fd = watcher.fd(), .events = POLLIN, .revents = 0};
    if (left.count() < 0 || ::poll(&waiting, 1, static_cast<int>(left.count())) <= 0) return false;
    if (watcher.drain()) return true;
  }
}

/// Events are queued before the call that causes them returns, so nothing needs waiting for here.
bool changed(FileWatcher& watcher) {
  return watcher.drain();
}

FileWatcher open(const config::FileProvider& settings) {
  auto watcher = FileWatcher::open(settings);
  EXPECT_TRUE(watcher) << watcher.error();
  return std::move(*watcher);
}

TEST(FileWatcher, SeesAFileWrittenInPlace) {
  const TempTree tree;
  tree.write("d.yml", "1");
  FileWatcher watcher = open(one_file(tree, "d.yml"));
  EXPECT_FALSE(changed(watcher));
  tree.write("d.yml", "2");
  EXPECT_TRUE(changes(watcher, std::chrono::seconds(5)));
  EXPECT_FALSE(changed(watcher));
}

TEST(FileWatcher, SeesRenamesOverTheFileAgainAndAgain) {
  const TempTree tree;
  tree.write("d.yml", "1");
  FileWatcher watcher = open(one_file(tree, "d.yml"));
  for (int i = 0; i < 3; ++i) {
    tree.replace("d.yml", "2");
    EXPECT_TRUE(changed(watcher)) << i;
  }
  tree.rename("d.yml", "d.yml~");  // as vim does it
  tree.write("d.yml", "3");
  EXPECT_TRUE(changed(watcher));
}

TEST(FileWatcher, OtherFilesOfTheDirectoryDoNotMatter) {
  const TempTree tree;
  tree.write("d.yml", "1");
  FileWatcher watcher = open(one_file(tree, "d.yml"));
  tree.write("other.yml", "1");
  tree.write(".d.yml.swp", "1");
  tree.remove("other.yml");
  EXPECT_FALSE(changed(watcher));
}

TEST(FileWatcher, SeesAFileDeletedAndMadeAgain) {
  const TempTree tree;
  tree.write("d.yml", "1");
  FileWatcher watcher = open(one_file(tree, "d.yml"));
  tree.remove("d.yml");
  EXPECT_TRUE(changed(watcher));
  tree.write("d.yml", "2");
  EXPECT_TRUE(changed(watcher));
  tree.write("d.yml", "3");
  EXPECT_TRUE(changed(watcher));
}

TEST(FileWatcher, WaitsForAFileAndItsDirectoriesToCome) {
  const TempTree tree;
  FileWatcher watcher = open(one_file(tree, "a/b/d.yml"));
  EXPECT_FALSE(changed(watcher));
  tree.write("a/b/d.yml", "1");
  EXPECT_TRUE(changed(watcher));
  tree.write("a/b/d.yml", "2");
  EXPECT_TRUE(changed(watcher));
}

TEST(FileWatcher, SeesADirectoryDeletedAndMadeAgain) {
  const TempTree tree;
  tree.write("conf/d.yml", "1");
  FileWatcher watcher = open(one_file(tree, "conf/d.yml"));
  tree.remove("conf");
  EXPECT_TRUE(changed(watcher));
  tree.write("conf/d.yml", "2");
  EXPECT_TRUE(changed(watcher));
  tree.rename("conf", "old");
  EXPECT_TRUE(changed(watcher));
  tree.write("conf/d.yml", "3");
  EXPECT_TRUE(changed(watcher));
  tree.write("conf/d.yml", "4");
  EXPECT_TRUE(changed(watcher));
}

/// What kubelet does to a mounted ConfigMap.
void swap_data(const TempTree& tree, const std::string& version, const std::string& text) {
  tree.write("vol/" + version + "/d.yml", text);
  tree.link(version, "vol/..data_tmp");
  tree.rename("vol/..data_tmp", "vol/..data");
}

TEST(FileWatcher, SeesKubernetesSwapItsData) {
  for (const bool whole_directory : {false, true}) {
    const TempTree tree;
    swap_data(tree, "..2024_1", "1");
    tree.link("..data/d.yml", "vol/d.yml");
    FileWatcher watcher = open(whole_directory ? directory_of(tree, "vol") : one_file(tree, "vol/d.yml"));
    EXPECT_FALSE(changed(watcher));
    for (int i = 2; i < 5; ++i) {
      const std::string before = "vol/..2024_" + std::to_string(i - 1);
      swap_data(tree, "..2024_" + std::to_string(i), "x");
      EXPECT_TRUE(changed(watcher)) << whole_directory << i;
      tree.remove(before);
      static_cast<void>(changed(watcher));
    }
  }
}

TEST(FileWatcher, SeesChangesBehindALink) {
  const TempTree tree;
  tree.write("real/d.yml", "1");
  tree.write("other/d.yml", "1");
  tree.link("real/d.yml", "d.yml");
  FileWatcher watcher = open(one_file(tree, "d.yml"));
  tree.write("real/d.yml", "2");
  EXPECT_TRUE(changed(watcher));
  tree.replace("real/d.yml", "3");
  EXPECT_TRUE(changed(watcher));
  tree.remove("d.yml");
  tree.link("other/d.yml", "d.yml");
  EXPECT_TRUE(changed(watcher));
  tree.write("real/d.yml", "4");
  EXPECT_FALSE(changed(watcher));
  tree.write("other/d.yml", "5");
  EXPECT_TRUE(changed(watcher));
}

TEST(FileWatcher, LinksThatGoRoundEnd) {
  const TempTree tree;
  tree.link("b.yml", "a.yml");
  tree.link("a.yml", "b.yml");
  FileWatcher watcher = open(one_file(tree, "a.yml"));
  tree.remove("a.yml");
  tree.write("a.yml", "1");
  EXPECT_TRUE(changed(watcher));
}

TEST(FileWatcher, FollowsADirectoryAndItsSubdirectories) {
  const TempTree tree;
  tree.write("conf/a.yml", "1");
  FileWatcher watcher = open(directory_of(tree, "conf/"));
  tree.write("conf/notes.txt", "1");
  EXPECT_FALSE(changed(watcher));
  tree.write("conf/b.toml", "1");
  EXPECT_TRUE(changed(watcher));
  tree.write("conf/new/deep/c.yaml", "1");
  EXPECT_TRUE(changed(watcher));
  tree.write("conf/new/deep/c.yaml", "2");
  EXPECT_TRUE(changed(watcher));
  tree.remove("conf/new");
  EXPECT_TRUE(changed(watcher));
  tree.remove("conf");
  EXPECT_TRUE(changed(watcher));
  tree.write("conf/a.yml", "2");
  EXPECT_TRUE(changed(watcher));
  tree.write("conf/a.yml", "3");
  EXPECT_TRUE(changed(watcher));
}

}  // namespace
}  // namespace limpet::providers
