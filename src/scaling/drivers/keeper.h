#pragma once

#include <span>

namespace limpet::scaling {

/// The name that a process must be started under (as argv[0]) to be a keeper.
inline constexpr const char* kKeeperName = "limpet-keeper";

/// The whole of a keeper: a small process between Limpet and one server, so that nothing of the server stays
/// behind, whatever happens. It is a subreaper, so descendants that lost their parent become its children. It
/// ends when the server's first process ends, or when standard input ends, which the kernel sees to even if
/// Limpet is killed; before it does, it kills every descendant. If the keeper itself is killed, the kernel
/// kills the server.
///
/// `args` are the directory to run in (empty: this one) and the words of the command. Standard input brings
/// signal numbers, one byte each, for the server's process group; output is passed on as it is. Returns the
/// server's exit status, 128 and the signal's number if one killed it, or 127 if it could not be started,
/// with a line on standard error.
[[nodiscard]] int run_keeper(std::span<char*> args);

}  // namespace limpet::scaling
