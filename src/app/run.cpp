#include "app/run.h"

#include <exception>

#include "app/server.h"
#include "base/log.h"

namespace limpet::app {

int run(const config::Loaded& loaded) {
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
