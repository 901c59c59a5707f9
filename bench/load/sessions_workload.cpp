#include "load/sessions_workload.h"

#include <algorithm>

#include "wire/sockets.h"

namespace limpet::bench {

void SessionsWorkload::start(std::int64_t) {
  running_ = true;
  for (auto& connection : fleet_.connections()) fleet_.connect(connection);
}

std::uint64_t SessionsWorkload::outstanding() const {
  return static_cast<std::uint64_t>(std::ranges::count_if(
      fleet_.connections(), [](const Connection& one) { return one.state != Connection::State::kClosed; }));
}

void SessionsWorkload::opened(Connection& connection) {
  connection.step = kEchoing;
  writer_.clear();
  writer_.add_message({.sent_ns = now_ns(), .sequence = connection.next_sequence++}, options_.size);
  fleet_.send(connection, writer_.bytes());
}

void SessionsWorkload::message(Connection& connection, const Arrival& arrival) {
  if (!arrival.intact || arrival.size != options_.size ||
      arrival.stamp.sequence + 1 != connection.next_sequence)
    recorder_.failed(Failure::kMismatch, "an echo differs from what was sent");
  constexpr std::string_view kNormalClosure("\x03\xe8", 2);
  connection.step = kClosing;
  writer_.clear();
  writer_.add_frame(Opcode::kClose, kNormalClosure);
  fleet_.send(connection, writer_.bytes());
}

bool SessionsWorkload::closed(Connection& connection, std::int64_t now) {
  const bool complete = connection.step == kClosing;
  if (complete)
    recorder_.finished(connection.started_ns, now, options_.size);
  else
    recorder_.failed(Failure::kClosed, "a session ended before its echo");
  fleet_.close(connection);
  if (running_) fleet_.connect(connection);
  return true;
}

}  // namespace limpet::bench
