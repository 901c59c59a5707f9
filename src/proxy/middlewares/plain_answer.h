#pragma once

#include <cstdint>
#include <string>

#include "http/head_writer.h"
#include "proxy/middleware.h"

namespace limpet::proxy {

/// An answer whose body is the status in words, as Traefik's middlewares write it.
[[nodiscard]] inline Answer plain_answer(std::uint16_t status) {
  Answer answer;
  answer.status = status;
  answer.body = http::reason_phrase(status);
  return answer;
}

}  // namespace limpet::proxy
