#include <unistd.h>

#include <cstring>

#include "scaling/drivers/keeper.h"

namespace {

/// The test program is its own keeper, as limpet is. Runs before main.
[[gnu::constructor]] void start_keeper(int argc, char** argv) {
  if (argc == 0 || std::strcmp(argv[0], limpet::scaling::kKeeperName) != 0) return;
  ::_exit(limpet::scaling::run_keeper({argv + 1, argv + argc}));
}

}  // namespace
