#include "net/host_names.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <condition_variable>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

namespace limpet::net {
namespace {

using std::chrono::milliseconds;
using testing::ElementsAre;
using testing::HasSubstr;

IpAddress ip(std::uint32_t last) {
  return IpAddress::from_v4(0x0a000000U + last);
}

/// A resolver that answers what it is told to, and may be held up.
class Resolver {
 public:
  void answer(const std::string& host, HostNames::Found found) {
    const std::lock_guard lock(state_->mutex);
    state_->answers.insert_or_assign(host, std::move(found));
    state_->changed.notify_all();
  }
  HostNames::Lookup lookup() {
    return [state = state_](const std::string& host) {
      std::unique_lock lock(state->mutex);
      ++state->lookups;
      state->changed.notify_all();
      state->changed.wait(lock, [&] { return state->answers.contains(host); });
      return state->answers.at(host);
    };
  }
  void await_lookup() {
    std::unique_lock lock(state_->mutex);
    state_->changed.wait(lock, [this] { return state_->lookups > 0; });
  }

 private:
  struct State {
    std::mutex mutex;
    std::condition_variable changed;
    std::map<std::string, HostNames::Found> answers;
    int lookups = 0;
  };
  std::shared_ptr<State> state_ = std::make_shared<State>();  // shared with lookups that outlive the test
};

class HostNamesTest : public testing::Test {
 protected:
  HostNames make(base::Duration interval = milliseconds(20)) {
    return HostNames(reactor_, [this] { reactor_.stop(); }, resolver_.lookup(), interval);
  }
  // Until the names say that something has changed.
  void await_change() { reactor_.run(); }

  Reactor reactor_;
  Resolver resolver_;
};

TEST_F(HostNamesTest, WaitsForNewNames) {
  resolver_.answer("a", std::vector{ip(1), ip(2)});
  resolver_.answer("b", std::unexpected("no such name"));
  auto names = make();
  names.use({"a", "b"});
  EXPECT_THAT(names.find("a").value(), ElementsAre(ip(1), ip(2)));
  EXPECT_EQ(names.find("b").error(), "no such name");
  EXPECT_THAT(names.find("c").error(), HasSubstr("no answer yet"));
}

TEST_F(HostNamesTest, TellsOfAnAnswerThatCameLate) {
  auto names = make();
  names.use({"slow"}, milliseconds(1));
  EXPECT_THAT(names.find("slow").error(), HasSubstr("no answer yet"));
  resolver_.answer("slow", std::vector{ip(3)});
  await_change();
  EXPECT_THAT(names.find("slow").value(), ElementsAre(ip(3)));
}

TEST_F(HostNamesTest, TellsOfOtherAddressesButNotOfAnotherOrder) {
  resolver_.answer("moves", std::vector{ip(1)});
  resolver_.answer("rotates", std::vector{ip(5), ip(6)});
  auto names = make();
  names.use({"moves", "rotates"});
  resolver_.answer("rotates", std::vector{ip(6), ip(5)});
  resolver_.answer("moves", std::vector{ip(2)});
  await_change();
  EXPECT_THAT(names.find("moves").value(), ElementsAre(ip(2)));
  EXPECT_THAT(names.find("rotates").value(), ElementsAre(ip(5), ip(6)));
}

TEST_F(HostNamesTest, KeepAddressesWhenALookupFails) {
  resolver_.answer("a", std::vector{ip(1)});
  resolver_.answer("b", std::vector{ip(1)});
  auto names = make();
  names.use({"a", "b"});
  resolver_.answer("a", std::unexpected("the name server is away"));
  resolver_.answer("b", std::vector{ip(2)});
  await_change();
  EXPECT_THAT(names.find("a").value(), ElementsAre(ip(1)));
}

TEST_F(HostNamesTest, ForgetNamesOutOfUse) {
  resolver_.answer("a", std::vector{ip(1)});
  resolver_.answer("b", std::vector{ip(2)});
  auto names = make();
  names.use({"a"});
  names.use({"b"});
  EXPECT_FALSE(names.find("a").has_value());
  EXPECT_TRUE(names.find("b").has_value());
}

TEST_F(HostNamesTest, EndsWhileALookupIsUnderWay) {
  {
    auto names = make();
    names.use({"never"}, milliseconds(1));
    resolver_.await_lookup();
  }
  resolver_.answer("never", std::vector{ip(1)});
}

}  // namespace
}  // namespace limpet::net
