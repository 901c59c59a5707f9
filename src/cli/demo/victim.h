#pragma once

#include <expected>
#include <string>

namespace limpet::cli {

/// Kills the first process (SIGKILL) of a server that this process runs, as a crash would end it. `name` is
/// the server's LIMPET_SERVER, `port` its PORT. Fails with a sentence.
[[nodiscard]] std::expected<void, std::string> kill_server(const std::string& name, const std::string& port);

}  // namespace limpet::cli
