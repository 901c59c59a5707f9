#include "load/fanout_workload.h"

#include <fmt/format.h>

namespace limpet::bench {

void FanOutWorkload::start(std::int64_t now) {
  running_ = true;
  next_round_ns_ = now;
}

std::int64_t FanOutWorkload::wake(std::int64_t now) {
  if (!running_ || missing_ > 0) return kNever;
  if (now < next_round_ns_) return next_round_ns_;
  auto& asking = fleet_.connections().front();
  if (asking.state != Connection::State::kOpen) return kNever;
  ++round_;
  missing_ = fleet_.open_count();
  if (options_.rate > 0) next_round_ns_ = now + static_cast<std::int64_t>(1e9 / options_.rate);
  writer_.clear();
  writer_.add_frame(Opcode::kText, fmt::format("fanout {} {} {}", options_.size, round_, now));
  fleet_.send(asking, writer_.bytes());
  return kNever;
}

void FanOutWorkload::message(Connection&, const Arrival& arrival) {
  if (!arrival.intact || arrival.size != options_.size || arrival.stamp.sequence != round_ || missing_ == 0) {
    recorder_.failed(Failure::kMismatch, "a pushed message differs from what was asked for");
    return;
  }
  --missing_;
  recorder_.finished(arrival.stamp.sent_ns, arrival.now, arrival.size);
}

}  // namespace limpet::bench
