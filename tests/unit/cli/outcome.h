#pragma once

#include <sstream>
#include <string>
#include <vector>

#include "cli/console.h"
#include "cli/dispatch.h"

namespace limpet::cli {

/// What a command line did.
struct Outcome {
  int status = 0;
  std::string out;
  std::string err;
};

/// Runs a command line in this process.
inline Outcome run(const std::vector<std::string>& args, const std::string& input = {},
                   const std::vector<std::string>& environment = {}) {
  std::istringstream in(input);
  std::ostringstream out;
  std::ostringstream err;
  Console console{.in = in, .out = out, .err = err};
  const int status = dispatch(args, environment, console);
  return {.status = status, .out = out.str(), .err = err.str()};
}

}  // namespace limpet::cli
