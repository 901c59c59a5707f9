#include "placement/placer.h"

#include <fmt/format.h>

#include <algorithm>

#include "base/check.h"
#include "base/log.h"
#include "base/timestamp.h"
#include "net/socket.h"

namespace limpet::placement {
namespace {

constexpr base::Duration kBetweenWarnings = std::chrono::seconds(10);
constexpr base::Duration kPoll = std::chrono::milliseconds(10);

Now now() {
  return {.steady = base::Clock::now(), .unix_ms = base::unix_ms()};
}

}  // namespace

Placer::~Placer() {
  LIMPET_CHECK(asking_ == 0);
}

void Placer::place(std::vector<Wish> wishes, Done done) {
  const auto batch = std::make_shared<Batch>(std::move(wishes), std::move(done));
  const Now asked = now();
  for (std::size_t i = 0; i < batch->wishes.size(); ++i) {
    if (ask_about(batch->wishes[i], asked, batch, i)) ++batch->open;
  }
  if (batch->open == 0) return finish(*batch);
  while (asking_ < kMostAtOnce && !queue_.empty()) {
    ++asking_;
    net::spawn(ask_those_waiting());
  }
}

// Whether the wish has to wait for an answer.
bool Placer::ask_about(const Wish& wish, Now now, const std::shared_ptr<Batch>& batch, std::size_t index) {
  if (stopping_) return false;
  const auto open = ledger_.undecided(wish, now);
  if (!open) return false;
  const Name name(wish.service, wish.key);
  auto question = questions_.find(name);
  if (question == questions_.end()) {
    if (queue_.size() >= kMostWaiting) {
      warn(name, "too many questions wait for its answer");
      return false;
    }
    const base::Duration timeout = open->service->settings().placement.webhook->timeout;
    question = questions_.emplace(name, Question{.wish = wish, .deadline = now.steady + timeout}).first;
    queue_.push_back(name);
  }
  question->second.waiting.emplace_back(batch, index);
  return true;
}

net::Task<void> Placer::ask_those_waiting() {
  while (!queue_.empty()) {
    const Name name = std::move(queue_.front());
    queue_.pop_front();
    const Question& question = questions_.at(name);
    const Now asked = now();
    const auto open = ledger_.undecided(question.wish, asked);
    WebhookAnswer answer = std::unexpected("it did not answer others in time");
    if (open && !stopping_) {
      if (asked.steady < question.deadline) {
        WebhookCall call = webhook_call(*open, question.wish, question.deadline);
        answer = co_await ask_(std::move(call));
      }
      note(name, answer);
    }
    settle(name, answer);
  }
  --asking_;
}

void Placer::note(const Name& name, const WebhookAnswer& answer) {
  if (!answer) {
    warn(name, answer.error());
  } else {
    ++(*answer ? counts_[name.first].chosen : counts_[name.first].declined);
  }
}

// Goes on with those who waited; without an answer the ledger decides alone.
void Placer::settle(const Name& name, const WebhookAnswer& answer) {
  const auto question = questions_.extract(name);
  for (const auto& [batch, index] : question.mapped().waiting) {
    if (answer && *answer) {
      batch->wishes[index].advice = **answer;
    } else if (answer) {
      batch->declined.push_back(index);
    }
    if (--batch->open == 0) finish(*batch);
  }
}

void Placer::finish(Batch& batch) {
  const Now decided = now();
  for (const std::size_t index : batch.declined) {
    // Another request may have placed the key meanwhile.
    if (!ledger_.undecided(batch.wishes[index], decided)) continue;
    return batch.done(batch.wishes,
                      std::unexpected(PlaceFailure{.error = PlaceError::kDeclined, .wish = index}));
  }
  Result result = ledger_.place(batch.wishes, decided);
  for (std::size_t i = 0; result && i < result->size(); ++i) {
    const Placed& placed = (*result)[i];
    const Wish& wish = batch.wishes[i];
    const bool chosen = placed.created || placed.moved;
    if (chosen && !wish.advice.empty() && placed.row.url != wish.advice) ++counts_[wish.service].full;
  }
  batch.done(batch.wishes, std::move(result));
}

void Placer::warn(const Name& name, std::string_view problem) {
  const auto& [service, key] = name;
  ++counts_[service].failed;
  Warnings& warnings = warnings_[service];
  const base::TimePoint time = base::Clock::now();
  if (time < warnings.next) {
    ++warnings.left_out;
    return;
  }
  const std::uint64_t others = std::exchange(warnings.left_out, 0);
  warnings.next = time + kBetweenWarnings;
  base::log_warn("placement {} of {}: the webhook did not decide: {}; the fallback policy does{}", key,
                 service, problem,
                 others == 0 ? "" : fmt::format(" (and did {} times since the last warning)", others));
}

net::Task<void> Placer::stop(net::Reactor& reactor) {
  stopping_ = true;
  while (asking_ > 0) {
    net::Sleep pause(reactor, kPoll);
    co_await pause;
  }
}

}  // namespace limpet::placement
