#pragma once

#include <cstdint>

#include "load/fleet.h"
#include "load/message_writer.h"
#include "load/options.h"
#include "load/recorder.h"
#include "load/workload.h"

namespace limpet::bench {

/// Clients that send messages and wait for their echoes: as fast as they can (the next volley when the last
/// one is back) or paced (volleys at fixed times, spread evenly over the clients; the time of an echo then
/// counts from the moment its volley was due, so that a late sender cannot hide a slow proxy).
class EchoWorkload : public Workload {
 public:
  /// All three must outlive the workload.
  EchoWorkload(const Options& options, Fleet& fleet, Recorder& recorder)
      : options_(options), fleet_(fleet), recorder_(recorder) {}

  void start(std::int64_t now) override;
  void rebase(std::int64_t now) override;
  void stop() override { running_ = false; }
  [[nodiscard]] std::uint64_t outstanding() const override { return outstanding_; }
  void message(Connection& connection, const Arrival& arrival) override;
  bool closed(Connection& connection, std::int64_t now) override;
  std::int64_t wake(std::int64_t now) override;

 protected:
  /// Sends one volley stamped with this time.
  void volley(Connection& connection, std::int64_t stamp);
  /// All echoes of a client are in.
  virtual void answered(Connection& connection, std::int64_t now);

 private:
  [[nodiscard]] bool paced() const { return options_.rate > 0; }

  const Options& options_;
  Fleet& fleet_;
  Recorder& recorder_;
  MessageWriter writer_;
  std::uint64_t outstanding_ = 0;
  bool running_ = false;
  std::int64_t base_ns_ = 0;
  std::uint64_t volleys_ = 0;
  double period_ns_ = 0;  ///< Between two volleys of the whole fleet.
};

/// Clients that stay silent, but for rounds in which each of them sends one message.
class IdleWorkload final : public EchoWorkload {
 public:
  IdleWorkload(const Options& options, Fleet& fleet, Recorder& recorder)
      : EchoWorkload(options, fleet, recorder), fleet_(fleet) {}

  /// One round begins: a bounded number of clients at a time.
  void start(std::int64_t now) override;
  [[nodiscard]] bool round_done() const { return next_ == fleet_.connections().size() && outstanding() == 0; }
  std::int64_t wake(std::int64_t) override { return kNever; }

 protected:
  void answered(Connection&, std::int64_t now) override { next_volley(now); }

 private:
  void next_volley(std::int64_t now);

  Fleet& fleet_;
  std::size_t next_ = 0;
};

}  // namespace limpet::bench
