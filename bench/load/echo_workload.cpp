#include "load/echo_workload.h"

#include "wire/sockets.h"

namespace limpet::bench {
namespace {

/// A paced client that waits for this many volleys leaves out the next ones: the proxy is beyond its limit.
constexpr std::uint32_t kMaxVolleysWaiting = 4;

/// Volleys per turn of the loop, so that echoes are read in between.
constexpr int kVolleysPerTurn = 64;

constexpr std::size_t kClientsPerRoundAtOnce = 256;

}  // namespace

void EchoWorkload::start(std::int64_t now) {
  running_ = true;
  period_ns_ = paced() ? 1e9 / (options_.rate * static_cast<double>(options_.clients)) : 0;
  rebase(now);
  if (paced()) return;
  for (auto& connection : fleet_.connections())
    if (connection.state == Connection::State::kOpen) volley(connection, now_ns());
}

void EchoWorkload::rebase(std::int64_t now) {
  base_ns_ = now;
  volleys_ = 0;
}

void EchoWorkload::volley(Connection& connection, std::int64_t stamp) {
  writer_.clear();
  for (std::uint32_t i = 0; i < options_.burst; ++i)
    writer_.add_message({.sent_ns = stamp, .sequence = connection.next_sequence++}, options_.size);
  connection.outstanding += options_.burst;
  outstanding_ += options_.burst;
  fleet_.send(connection, writer_.bytes());
}

void EchoWorkload::message(Connection& connection, const Arrival& arrival) {
  if (!arrival.intact || arrival.size != options_.size ||
      arrival.stamp.sequence != connection.expected_sequence) {
    recorder_.failed(Failure::kMismatch, "an echo differs from what was sent");
    return;
  }
  ++connection.expected_sequence;
  --connection.outstanding;
  --outstanding_;
  recorder_.finished(arrival.stamp.sent_ns, arrival.now, arrival.size);
  if (connection.outstanding == 0) answered(connection, arrival.now);
}

void EchoWorkload::answered(Connection& connection, std::int64_t now) {
  if (running_ && !paced()) volley(connection, now);
}

bool EchoWorkload::closed(Connection& connection, std::int64_t) {
  recorder_.failed(Failure::kLost, "closed with echoes outstanding", connection.outstanding);
  outstanding_ -= connection.outstanding;
  connection.outstanding = 0;
  return false;
}

std::int64_t EchoWorkload::wake(std::int64_t now) {
  if (!running_ || !paced()) return kNever;
  const auto due = [this] {
    return base_ns_ + static_cast<std::int64_t>(static_cast<double>(volleys_) * period_ns_);
  };
  for (int i = 0; i < kVolleysPerTurn && due() <= now; ++i) {
    const auto at = due();
    auto& connection = fleet_.connections()[volleys_++ % options_.clients];
    if (connection.state != Connection::State::kOpen) continue;
    if (connection.outstanding >= kMaxVolleysWaiting * options_.burst)
      recorder_.skipped();
    else
      volley(connection, at);
  }
  return due();
}

void IdleWorkload::start(std::int64_t now) {
  next_ = 0;
  for (std::size_t i = 0; i < kClientsPerRoundAtOnce; ++i) next_volley(now);
}

void IdleWorkload::next_volley(std::int64_t now) {
  const auto connections = fleet_.connections();
  while (next_ < connections.size()) {
    auto& connection = connections[next_++];
    if (connection.state == Connection::State::kOpen) return volley(connection, now);
  }
}

}  // namespace limpet::bench
