#pragma once

#include "config/load.h"

namespace limpet::app {

/// Runs Limpet with a static configuration until a stop signal, and returns the process's exit status: 0
/// after an orderly stop, 1 if it could not start (one sentence on the log says why). The main thread becomes
/// the control thread.
[[nodiscard]] int run(const config::Loaded& loaded);

}  // namespace limpet::app
