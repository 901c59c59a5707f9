#pragma once

#include <cstdint>

#include "load/fleet.h"
#include "load/message_writer.h"
#include "load/options.h"
#include "load/recorder.h"
#include "load/workload.h"

namespace limpet::bench {

/// Clients that live short: connect, upgrade, one echo, the closing handshake (the server ends the
/// connection, RFC 6455 section 7.1.1), and again. What counts is a session, timed from connect to end of
/// stream.
class SessionsWorkload final : public Workload {
 public:
  /// All three must outlive the workload.
  SessionsWorkload(const Options& options, Fleet& fleet, Recorder& recorder)
      : options_(options), fleet_(fleet), recorder_(recorder) {}

  [[nodiscard]] bool opens_first() const override { return false; }
  void start(std::int64_t now) override;
  void stop() override { running_ = false; }
  [[nodiscard]] std::uint64_t outstanding() const override;
  void opened(Connection& connection) override;
  void message(Connection& connection, const Arrival& arrival) override;
  bool closed(Connection& connection, std::int64_t now) override;

 private:
  enum Step : std::uint32_t { kEchoing, kClosing };

  const Options& options_;
  Fleet& fleet_;
  Recorder& recorder_;
  MessageWriter writer_;
  bool running_ = false;
};

}  // namespace limpet::bench
