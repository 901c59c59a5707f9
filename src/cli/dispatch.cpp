#include "cli/dispatch.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <string_view>
#include <utility>

#include "base/text.h"
#include "cli/arguments.h"
#include "cli/call.h"
#include "cli/command_table.h"
#include "cli/commands/check.h"
#include "cli/commands/completion.h"
#include "cli/commands/demo.h"
#include "cli/commands/drain.h"
#include "cli/commands/hash.h"
#include "cli/commands/healthcheck.h"
#include "cli/commands/place.h"
#include "cli/commands/run.h"
#include "cli/commands/scale.h"
#include "cli/commands/servers.h"
#include "cli/commands/simulate.h"
#include "cli/commands/version.h"
#include "cli/help.h"
#include "config/document.h"

namespace limpet::cli {
namespace {

int unknown_command(std::string_view name, Console& console) {
  std::string line = fmt::format("limpet: unknown command \"{}\"", name);
  if (config::is_document_name(name)) {
    line += fmt::format("; to start with this file: limpet run --configFile={}", name);
  } else if (const auto near = base::nearest(name, command_names())) {
    line += fmt::format("; did you mean {}?", *near);
  }
  console.err << line << "\nlimpet --help lists the commands\n";
  return kExitUsage;
}

void print_help(const CommandInfo& command, Console& console) {
  console.out << command_help(command);
  if (command.name == "run") console.out << '\n' << flags_help();
}

int help(const Call& call) {
  if (call.arguments.words.empty()) {
    call.console.out << general_help();
    return kExitFine;
  }
  const std::string& name = call.arguments.words.front();
  const CommandInfo* command = find_command(name);
  if (command == nullptr) return unknown_command(name, call.console);
  print_help(*command, call.console);
  return kExitFine;
}

using Handler = int (*)(const Call&);
constexpr auto kHandlers = std::to_array<std::pair<std::string_view, Handler>>({
    {"run", &run_strict},
    {"check", &check},
    {"hash", &hash},
    {"servers", &servers},
    {"drain", &drain},
    {"undrain", &undrain},
    {"place", &place},
    {"demo", &demo},
    {"scale", &scale},
    {"roll", &roll},
    {"healthcheck", &healthcheck},
    {"simulate", &simulate},
    {"version", &version},
    {"completion", &completion},
    {"help", &help},
});

int run_handler(Handler handler, const CommandInfo& command, std::span<const std::string> args,
                std::span<const std::string> environment, Console& console) {
  auto arguments = parse_arguments(command, args);
  if (!arguments) {
    console.err << fmt::format("limpet {}: {}\nUsage: limpet {} {}\n", command.name, arguments.error(),
                               command.name, command.usage);
    return kExitUsage;
  }
  if (arguments->wants_help()) {
    print_help(command, console);
    return kExitFine;
  }
  return handler(
      {.command = command, .arguments = *arguments, .environment = environment, .console = console});
}

}  // namespace

int dispatch(std::span<const std::string> args, std::span<const std::string> environment, Console& console) {
  if (args.empty() || args.front().starts_with('-')) {
    if (!args.empty() && args.front() == "--version") {
      return run_handler(&version, *find_command("version"), args.subspan(1), environment, console);
    }
    if (std::ranges::any_of(args, [](const std::string& arg) { return arg == "--help" || arg == "-h"; })) {
      console.out << general_help();
      return kExitFine;
    }
    return run_handler(&run_as_traefik, *find_command("run"), args, environment, console);
  }
  const CommandInfo* command = find_command(args.front());
  if (command == nullptr) return unknown_command(args.front(), console);
  const auto* handler =
      std::ranges::find(kHandlers, command->name, &std::pair<std::string_view, Handler>::first);
  return run_handler(handler->second, *command, args.subspan(1), environment, console);
}

}  // namespace limpet::cli
