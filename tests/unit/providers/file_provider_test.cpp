#include "providers/file_provider.h"

#include <gtest/gtest.h>

#include <chrono>
#include <string>
#include <utility>
#include <vector>

#include "unit/providers/temp_tree.h"

namespace limpet::providers {
namespace {

using namespace std::chrono_literals;

class Recorder final : public Sink {
 public:
  void publish(std::string_view provider, config::Dynamic configuration,
               base::Diagnostics /*warnings*/) override {
    EXPECT_EQ(provider, "file");
    std::string names;
    for (const auto& [name, router] : configuration.routers) names += name;
    events.push_back(names);
  }
  void failed(std::string_view /*provider*/, base::Diagnostics errors) override {
    events.push_back("failed");
    last_errors = errors.text();
  }

  std::vector<std::string> events;
  std::string last_errors;
};

class FileProviderTest : public ::testing::Test {
 protected:
  FileProvider make(base::Duration throttle, bool watch = true) {
    return {{.filename = tree_.path("d.yml"), .directory = {}, .watch = watch}, false, throttle, reactor_};
  }
  /// Turns the loop until there are this many events.
  void wait_for(std::size_t count) {
    const auto deadline = base::Clock::now() + 10s;
    while (sink_.events.size() < count && base::Clock::now() < deadline) reactor_.run_once(100ms);
    ASSERT_GE(sink_.events.size(), count);
  }

  TempTree tree_;
  net::Reactor reactor_;
  Recorder sink_;
};

TEST_F(FileProviderTest, PublishesAtOnceAndFollowsChanges) {
  tree_.write("d.yml", router_text("one"));
  FileProvider provider = make(0s);
  provider.start(sink_);
  EXPECT_EQ(sink_.events, std::vector<std::string>{"one"});
  tree_.replace("d.yml", router_text("two"));
  wait_for(2);
  tree_.write("d.yml", "http: [");
  wait_for(3);
  EXPECT_NE(sink_.last_errors.find("d.yml:1:"), std::string::npos);
  tree_.remove("d.yml");
  wait_for(4);
  tree_.write("d.yml", router_text("three"));
  wait_for(5);
  EXPECT_EQ(sink_.events, (std::vector<std::string>{"one", "two", "failed", "failed", "three"}));
}

TEST_F(FileProviderTest, SpacesChangesOutAndTheNewestCounts) {
  tree_.write("d.yml", router_text("a"));
  FileProvider provider = make(500ms);
  provider.start(sink_);
  tree_.replace("d.yml", router_text("b"));
  wait_for(2);
  const auto second = base::Clock::now();
  for (const char* name : {"c", "d", "e"}) {
    tree_.replace("d.yml", router_text(name));
    reactor_.run_once(1ms);
  }
  wait_for(3);
  EXPECT_GE(base::Clock::now() - second, 450ms);
  EXPECT_EQ(sink_.events, (std::vector<std::string>{"a", "b", "e"}));
}

TEST_F(FileProviderTest, ReloadReadsAgainWithoutAChange) {
  tree_.write("d.yml", router_text("a"));
  FileProvider provider = make(2s, false);
  provider.start(sink_);
  provider.reload();
  EXPECT_EQ(sink_.events, (std::vector<std::string>{"a", "a"}));
  net::spawn(provider.stop());
  provider.reload();
  EXPECT_EQ(sink_.events.size(), 2U);
}

TEST_F(FileProviderTest, AMissingFileMayComeLater) {
  FileProvider provider = make(0s);
  provider.start(sink_);
  EXPECT_EQ(sink_.events, std::vector<std::string>{"failed"});
  tree_.write("d.yml", router_text("late"));
  wait_for(2);
  EXPECT_EQ(sink_.events.back(), "late");
}

}  // namespace
}  // namespace limpet::providers
