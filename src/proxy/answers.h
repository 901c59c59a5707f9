#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "balancing/service.h"
#include "base/failure.h"
#include "proxy/middleware.h"

/// Answers that Limpet makes itself.
namespace limpet::proxy {

struct WriteOptions {
  bool close = false;  ///< say "Connection: close"
  bool body = true;    ///< false for HEAD
};

/// A short plain answer with the status's standard phrase as its text, like Traefik's.
[[nodiscard]] Answer status_answer(std::uint16_t status);

/// 503 with the reason in a Limpet-Reason field, and a Retry-After with jitter where waiting helps.
[[nodiscard]] Answer refusal_answer(balancing::Refusal reason);

/// 403 with the reason in a Limpet-Reason field.
[[nodiscard]] Answer ticket_answer(balancing::TicketVerdict verdict);

/// 502 for a request that a server sent on and that can't be, with the reason in a Limpet-Reason field.
[[nodiscard]] Answer replay_answer(std::string_view reason);

/// 504 for a server that took too long, 502 for every other failure of its own, 503 for one of ours, with a
/// Limpet-Reason field; 408 for a client whose body took too long, 400 for one whose body is malformed.
[[nodiscard]] Answer failure_answer(const base::Failure& failure);

/// Sets, removes and adds an answer's fields as middlewares want it. Date and framing stay Limpet's own.
void apply_edits(Answer& answer, const FieldEdits& edits);

/// Appends a whole answer, head and body, to `out`.
void write_answer(std::string& out, const Answer& answer, const WriteOptions& options);

}  // namespace limpet::proxy
