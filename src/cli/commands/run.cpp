#include "cli/commands/run.h"

#include "app/run.h"
#include "config/load.h"

namespace limpet::cli {
namespace {

int run(const Call& call, bool lenient) {
  const auto loaded = config::load_static(call.arguments.flags, call.environment,
                                          {.lenient_default = lenient, .directories = {}});
  if (!loaded) {
    call.console.err << loaded.error().text();
    return kExitUsage;
  }
  return app::run(*loaded);
}

}  // namespace

int run_strict(const Call& call) {
  return run(call, false);
}

int run_as_traefik(const Call& call) {
  return run(call, true);
}

}  // namespace limpet::cli
