#pragma once

#include <cstdint>
#include <string>

#include "proxy/middleware.h"

/// Answers that Limpet makes itself.
namespace limpet::proxy {

struct WriteOptions {
  bool close = false;  ///< say "Connection: close"
  bool body = true;    ///< false for HEAD
};

/// A short plain answer with the status's standard phrase as its text, like Traefik's.
[[nodiscard]] Answer status_answer(std::uint16_t status);

/// Appends a whole answer, head and body, to `out`.
void write_answer(std::string& out, const Answer& answer, const WriteOptions& options);

}  // namespace limpet::proxy
