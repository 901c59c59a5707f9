#include <unistd.h>

#include <exception>
#include <iostream>
#include <string>
#include <string_view>
#include <vector>

#include "cli/console.h"
#include "cli/dispatch.h"
#include "scaling/drivers/keeper.h"

int main(int argc, char** argv) {
  if (argc > 0 && argv[0] == std::string_view(limpet::scaling::kKeeperName)) {
    return limpet::scaling::run_keeper({argv + 1, argv + argc});
  }
  try {
    const std::vector<std::string> args(argv + (argc > 0 ? 1 : 0), argv + argc);
    std::vector<std::string> environment;
    for (char** entry = environ; *entry != nullptr; ++entry) environment.emplace_back(*entry);
    limpet::cli::Console console{
        .in = std::cin, .out = std::cout, .err = std::cerr, .terminal = ::isatty(STDOUT_FILENO) == 1};
    return limpet::cli::dispatch(args, environment, console);
  } catch (const std::exception& error) {
    std::cerr << "limpet: " << error.what() << '\n';
    return limpet::cli::kExitFailed;
  }
}
