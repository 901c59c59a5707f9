#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <expected>
#include <functional>
#include <map>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/clock.h"
#include "net/reactor.h"
#include "net/task.h"
#include "placement/ledger.h"
#include "placement/webhook.h"

namespace limpet::placement {

/// What became of the questions to one service's webhook.
struct WebhookCounts {
  std::uint64_t chosen = 0;    ///< it named a server
  std::uint64_t declined = 0;  ///< it had no place
  std::uint64_t failed = 0;    ///< no answer of use: the fallback decided
  std::uint64_t full = 0;      ///< of those chosen: the server had no seats any more, the fallback decided
};

/// Places keys (see Ledger::place) after asking the webhooks of those services that have one about keys
/// without a server. One question about a key at a time: whoever asks for the same key meanwhile gets the
/// same decision. A webhook that fails leaves the decision to the fallback policy. Control thread only.
class Placer {
 public:
  using Result = std::expected<std::vector<Placed>, PlaceFailure>;
  /// Told the wishes and what became of them; called once. What it changes is still to be committed.
  using Done = std::move_only_function<void(std::span<const Wish> wishes, Result result)>;
  /// Gets the answer to a question, at its deadline at the latest.
  using Ask = std::function<net::Task<WebhookAnswer>(WebhookCall call)>;

  /// Most questions under way at a time; others wait, within the same time limit.
  static constexpr std::size_t kMostAtOnce = 32;
  /// Most questions that wait; beyond, the fallback decides at once.
  static constexpr std::size_t kMostWaiting = 10'000;

  /// `ledger` outlives it.
  Placer(Ledger& ledger, Ask ask) : ledger_(ledger), ask_(std::move(ask)) {}
  Placer(const Placer&) = delete;
  Placer& operator=(const Placer&) = delete;
  /// No question is under way: await stop() first.
  ~Placer();

  /// `done` is called at once if nobody has to be asked.
  void place(std::vector<Wish> wishes, Done done);
  /// By service that ever asked.
  [[nodiscard]] const std::map<std::string, WebhookCounts, std::less<>>& counts() const noexcept {
    return counts_;
  }

  /// Asks nobody any more, and waits for the answers under way.
  [[nodiscard]] net::Task<void> stop(net::Reactor& reactor);

 private:
  using Name = std::pair<std::string, std::string>;  // service, key
  /// Wishes that are placed together once nothing is asked about any of them.
  struct Batch {
    std::vector<Wish> wishes;
    Done done;
    std::size_t open = 0;               // questions
    std::vector<std::size_t> declined;  // wishes
  };
  /// What is told to the webhook is put together when it is asked: many may wait.
  struct Question {
    Wish wish;  // the first about this key
    base::TimePoint deadline{};
    std::vector<std::pair<std::shared_ptr<Batch>, std::size_t>>
        waiting;  // which wish of whom; shared: a batch waits for several questions
  };
  /// What the log was told about a service.
  struct Warnings {
    base::TimePoint next{};
    std::uint64_t left_out = 0;
  };

  [[nodiscard]] bool ask_about(const Wish& wish, Now now, const std::shared_ptr<Batch>& batch,
                               std::size_t index);
  [[nodiscard]] net::Task<void> ask_those_waiting();
  void note(const Name& name, const WebhookAnswer& answer);
  void settle(const Name& name, const WebhookAnswer& answer);
  void finish(Batch& batch);
  void warn(const Name& name, std::string_view problem);

  Ledger& ledger_;
  Ask ask_;
  std::map<Name, Question> questions_;
  std::deque<Name> queue_;  // of them, those not asked yet
  std::size_t asking_ = 0;  // coroutines that do
  std::map<std::string, WebhookCounts, std::less<>> counts_;
  std::map<std::string, Warnings, std::less<>> warnings_;
  bool stopping_ = false;
};

}  // namespace limpet::placement
