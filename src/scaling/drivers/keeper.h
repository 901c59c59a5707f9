#pragma once

#include <span>

namespace limpet::scaling {

/// The name that a process must be started under (as argv[0]) to be a keeper.
inline constexpr const char* kKeeperName = "limpet-keeper";

/// The whole of a keeper: two small processes between Limpet and one server, one within the other, so that
/// nothing of the server stays behind, whatever happens. Both are subreapers, so descendants that lost their
/// parent become their children. The inner one ends when the server's first process ends, or when standard
/// input ends, which the kernel sees to even if Limpet is killed; before it does, it kills every descendant.
/// If the inner one is killed, the outer one kills who is left; if the outer one is, Limpet closes standard
/// input, or has gone and the kernel did. Only if both are killed at the same moment, no one is there to do
/// so: the kernel then kills the server's first process, and no other.
///
/// `args` are the directory to run in (empty: this one) and the words of the command. Standard input brings
/// signal numbers, one byte each, for the server's process group; output is passed on as it is. Returns the
/// server's exit status, 128 and the signal's number if one killed it, or 127 if it could not be started,
/// with a line on standard error.
[[nodiscard]] int run_keeper(std::span<char*> args);

}  // namespace limpet::scaling
