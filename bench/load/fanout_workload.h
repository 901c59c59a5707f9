#pragma once

#include <cstdint>

#include "load/fleet.h"
#include "load/message_writer.h"
#include "load/options.h"
#include "load/recorder.h"
#include "load/workload.h"

namespace limpet::bench {

/// One client asks the echo server to push a message to all clients; the next round begins when all have it
/// (or, with a rate, at the next due time after that). What counts is a delivery, timed from the request.
class FanOutWorkload final : public Workload {
 public:
  /// All three must outlive the workload.
  FanOutWorkload(const Options& options, Fleet& fleet, Recorder& recorder)
      : options_(options), fleet_(fleet), recorder_(recorder) {}

  void start(std::int64_t now) override;
  void rebase(std::int64_t now) override { next_round_ns_ = now; }
  void stop() override { running_ = false; }
  [[nodiscard]] std::uint64_t outstanding() const override { return missing_; }
  void message(Connection& connection, const Arrival& arrival) override;
  std::int64_t wake(std::int64_t now) override;

 private:
  const Options& options_;
  Fleet& fleet_;
  Recorder& recorder_;
  MessageWriter writer_;
  bool running_ = false;
  std::uint64_t round_ = 0;
  std::uint64_t missing_ = 0;  ///< Deliveries of this round that are still due.
  std::int64_t next_round_ns_ = 0;
};

}  // namespace limpet::bench
