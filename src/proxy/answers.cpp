#include "proxy/answers.h"

#include <random>
#include <string_view>

#include "base/text.h"
#include "http/head_writer.h"

namespace limpet::proxy {

Answer status_answer(std::uint16_t status) {
  Answer answer;
  answer.status = status;
  answer.body = status == 404 ? "404 page not found\n" : std::string(http::reason_phrase(status)) + "\n";
  return answer;
}

Answer refusal_answer(balancing::Refusal reason) {
  Answer answer = status_answer(503);
  answer.fields.emplace_back("Limpet-Reason", balancing::refusal_name(reason));
  if (reason != balancing::Refusal::kBoundUnknown) {
    // Spread over some seconds, so that those who were refused together do not come back together.
    thread_local std::minstd_rand random(std::random_device{}());
    answer.fields.emplace_back("Retry-After", std::to_string(std::uniform_int_distribution(1, 5)(random)));
  }
  return answer;
}

Answer ticket_answer(balancing::TicketVerdict verdict) {
  Answer answer = status_answer(403);
  answer.fields.emplace_back("Limpet-Reason", balancing::verdict_name(verdict));
  return answer;
}

Answer replay_answer(std::string_view reason) {
  Answer answer = status_answer(502);
  answer.fields.emplace_back("Limpet-Reason", reason);
  return answer;
}

Answer failure_answer(const base::Failure& failure) {
  const bool late = failure.kind == base::FailureKind::kTimeout;
  if (failure.side == base::Side::kClient) return status_answer(late ? 408 : 400);
  const std::uint16_t status = failure.side == base::Side::kOwn ? 503 : late ? 504 : 502;
  Answer answer = status_answer(status);
  answer.fields.emplace_back("Limpet-Reason", failure.text());
  return answer;
}

void apply_edits(Answer& answer, const FieldEdits& edits) {
  for (const auto& [name, value] : edits.sets()) {
    if (base::iequals(name, "Date") || base::iequals(name, "Content-Length")) continue;
    if (base::iequals(name, "Content-Type")) {
      answer.content_type = value;
      continue;
    }
    std::erase_if(answer.fields, [&](const auto& field) { return base::iequals(field.first, name); });
    if (!value.empty()) answer.fields.emplace_back(name, value);
  }
  for (const auto& [name, value] : edits.adds()) answer.fields.emplace_back(name, value);
}

void write_answer(std::string& out, const Answer& answer, const WriteOptions& options) {
  http::HeadWriter writer(out);
  writer.status_line(answer.status);
  const bool may_have_body = answer.status >= 200 && answer.status != 204 && answer.status != 304;
  if (may_have_body) {
    if (!answer.body.empty() && !answer.content_type.empty())
      writer.field("Content-Type", answer.content_type);
    writer.field("Content-Length", std::uint64_t{answer.body.size()});
  }
  writer.date(base::WallClock::now());
  for (const auto& [name, value] : answer.fields) writer.field(name, value);
  if (options.close) writer.field("Connection", "close");
  writer.end();
  if (may_have_body && options.body) out += answer.body;
}

}  // namespace limpet::proxy
