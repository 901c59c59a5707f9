#include "app/run.h"

#include <sys/resource.h>

#include <exception>

#include "app/server.h"
#include "base/log.h"

namespace limpet::app {
namespace {

// A tunnel takes two descriptors, and the limit that shells give is often 1024.
void raise_descriptor_limit() noexcept {
  rlimit limit{};
  if (::getrlimit(RLIMIT_NOFILE, &limit) != 0) return;
  limit.rlim_cur = limit.rlim_max;
  ::setrlimit(RLIMIT_NOFILE, &limit);
}

}  // namespace

int run(const config::Loaded& loaded) {
  raise_descriptor_limit();
  try {
    Server server(loaded);
    server.run();
    return 0;
  } catch (const std::exception& error) {
    base::log_error("{}", error.what());
    return 1;
  }
}

}  // namespace limpet::app
