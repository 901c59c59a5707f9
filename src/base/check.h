#pragma once

#include <cstdio>
#include <cstdlib>

namespace limpet::base {

/// Ends the process with a line that names the broken invariant. Any thread.
[[noreturn]] inline void check_failed(const char* what, const char* file, int line) noexcept {
  std::fprintf(stderr, "%s:%d: broken invariant: %s\n", file, line, what);
  std::abort();
}

}  // namespace limpet::base

/// An invariant of our own. A failure is a bug, never bad input: the process ends and says where.
#define LIMPET_CHECK(condition)                        \
  (static_cast<bool>(condition) ? static_cast<void>(0) \
                                : ::limpet::base::check_failed(#condition, __FILE__, __LINE__))
