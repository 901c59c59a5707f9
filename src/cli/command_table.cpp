#include "cli/command_table.h"

#include <algorithm>

namespace limpet::cli {
namespace {

const OptionInfo kAddress{
    .name = "address",
    .value = "ADDRESS",
    .doc =
        "where the admin API is, as http://host:port or unix:/path; else $LIMPET_ADDRESS, else "
        "http://127.0.0.1:8080"};
const OptionInfo kToken{.name = "token",
                        .value = "TOKEN",
                        .doc = "the API's bearer token; else $LIMPET_TOKEN, which other users cannot see"};

CommandInfo run() {
  return {
      .name = "run",
      .usage = "[--configFile=FILE] [--KEY=VALUE]...",
      .summary = "Start the load balancer",
      .details =
          "Reads the static configuration from flags, LIMPET_... and TRAEFIK_... variables, and a file, "
          "in this precedence, key by key. Without --configFile the file is limpet.yml, .yaml or .toml, "
          "then traefik.yml, .yaml or .toml, in the working directory, $XDG_CONFIG_HOME, $HOME/.config, "
          "/etc/limpet or /etc/traefik. SIGHUP reads dynamic configuration files again, SIGUSR1 reopens "
          "log files, SIGTERM and SIGINT stop in an orderly way, a second one at once.",
      .words = {},
      .takes_flags = true,
      .options = {},
      .examples =
          {{.line = "limpet run --configFile=limpet.yml", .doc = "with a file"},
           {.line = "limpet run --entryPoints.web.address=:80 --providers.file.directory=/etc/limpet/dynamic",
            .doc = "with flags"},
           {.line = "LIMPET_LOG_LEVEL=DEBUG limpet run", .doc = "with a variable"},
           {.line = "limpet --api.insecure=true --providers.file.filename=dynamic.yml",
            .doc = "Traefik's form: the same, but unknown keys cost only a warning"}},
      .exits = {
          {.status = 0, .doc = "stopped in an orderly way"},
          {.status = 1, .doc = "could not start, for example because an address is taken"},
          {.status = 2, .doc = "the configuration is wrong; each problem is on a line of standard error"}}};
}

CommandInfo check() {
  return {
      .name = "check",
      .usage = "[--lenient] [--json] FILE...",
      .summary = "Check configuration files without starting anything",
      .details =
          "Static and dynamic files, YAML or TOML, and directories of dynamic ones, told apart by their "
          "keys. Files given together are checked together: routers against the entry points of the "
          "static file. No name is resolved and nothing is connected to.",
      .words = {.least = 1, .most = WordsInfo::kAny, .choices = {}, .files = true},
      .options = {{.name = "lenient",
                   .value = "",
                   .doc = "unknown and unsupported keys cost a warning, as with compat.lenient; on by itself "
                          "if a file is called traefik.*"},
                  {.name = "json", .value = "", .doc = "print one JSON object"}},
      .examples = {{.line = "limpet check limpet.yml dynamic.yml", .doc = "both kinds together"},
                   {.line = "limpet check --json /etc/limpet/dynamic", .doc = "a directory, for a program"}},
      .exits = {{.status = 0, .doc = "no errors; there may be warnings"},
                {.status = 1, .doc = "errors, each printed as file:line:column"},
                {.status = 2, .doc = "wrong usage"}}};
}

CommandInfo hash() {
  return {
      .name = "hash",
      .usage = "[--format FORMAT] [--json] URL...",
      .summary = "Print the sticky cookie value of server URLs",
      .details =
          "A client that sends this value in the service's cookie is bound to that server. The URL is "
          "taken exactly as written: http://a:80/ and http://a:80 have different values. With \"-\", "
          "URLs are read from standard input, one a line. Limpet accepts the values of all formats, "
          "whichever it issues.",
      .words = {.least = 1, .most = WordsInfo::kAny},
      .options = {{.name = "format",
                   .value = "FORMAT",
                   .doc = "fnv1a (default), fnv1a-stripped, traefik3, sha256, fnv1, raw, or all for a table",
                   .choices = {"fnv1a", "fnv1a-stripped", "traefik3", "sha256", "fnv1", "raw", "all"}},
                  {.name = "json", .value = "", .doc = "print a JSON array, an object for each URL"}},
      .examples = {{.line = "limpet hash http://172.20.0.2:3000", .doc = "a3d52f0267943dcc"},
                   {.line = "limpet hash --format all http://172.20.0.2:3000", .doc = "every format"},
                   {.line = "limpet hash --format sha256 - < urls.txt", .doc = "of a list"}},
      .exits = {{.status = 0, .doc = "printed"}, {.status = 2, .doc = "wrong usage"}}};
}

CommandInfo servers() {
  return {.name = "servers",
          .usage = "[--service NAME] [--watch] [--json] [--address ADDRESS] [--token TOKEN]",
          .summary = "Show the servers of a running Limpet",
          .details =
              "Service, server URL, status, connections, capacity (- means no limit) and cookie value of "
              "each server.",
          .words = {},
          .options = {{.name = "service", .value = "NAME", .doc = "only this service, as web or web@file"},
                      {.name = "watch", .value = "", .doc = "again each second, until Ctrl-C"},
                      {.name = "json",
                       .value = "",
                       .doc = "print the API's JSON array; with --watch one line each second"},
                      kAddress,
                      kToken},
          .examples = {{.line = "limpet servers", .doc = "of the Limpet on this machine"},
                       {.line = "limpet servers --watch --service web", .doc = "one service, live"},
                       {.line = "limpet servers --address unix:/run/limpet.sock --json",
                        .doc = "over a Unix socket, for a program"}},
          .exits = {{.status = 0, .doc = "printed"},
                    {.status = 1, .doc = "Limpet could not be asked, or there is no such service"},
                    {.status = 2, .doc = "wrong usage"}}};
}

CommandInfo drain(bool on) {
  return {.name = on ? "drain" : "undrain",
          .usage = "[--service NAME] [--address ADDRESS] [--token TOKEN] SERVER",
          .summary = on ? "Send no new users to a server" : "Let new users to a drained server again",
          .details =
              on ? "Bound users stay as long as their connections last, unless the service's onDraining says "
                   "otherwise. SERVER is the server's URL, or its id as in limpet servers --json."
                 : "SERVER is the server's URL, or its id as in limpet servers --json.",
          .words = {.least = 1, .most = 1},
          .options = {{.name = "service",
                       .value = "NAME",
                       .doc = "of this service, where several have a server with that URL"},
                      kAddress,
                      kToken},
          .examples = {{.line = on ? "limpet drain http://172.20.0.2:3000"
                                   : "limpet undrain http://172.20.0.2:3000",
                        .doc = "by URL"}},
          .exits = {{.status = 0, .doc = "done"},
                    {.status = 1, .doc = "Limpet could not be asked, or there is no such server"},
                    {.status = 2, .doc = "wrong usage"}}};
}

CommandInfo place() {
  return {
      .name = "place",
      .usage = "[--seats N] [--ttl TIME] [--json] [--address ADDRESS] [--token TOKEN] SERVICE KEY",
      .summary = "Reserve seats for the users of a key, such as a room",
      .details =
          "Prints the server, and the cookie and the ticket that take users there. The same key has the "
          "same server while it lives.",
      .words = {.least = 2, .most = 2},
      .options = {{.name = "seats", .value = "N", .doc = "seats of the key's users together; else 1"},
                  {.name = "ttl",
                   .value = "TIME",
                   .doc = "how long they are reserved, for example 30s; else the service's placement.ttl"},
                  {.name = "json", .value = "", .doc = "print the API's JSON object"},
                  kAddress,
                  kToken},
      .examples = {{.line = "limpet place game room-7 --seats 4 --ttl 30s", .doc = "for a party of four"}},
      .exits = {{.status = 0, .doc = "placed"},
                {.status = 1, .doc = "Limpet could not be asked, or has no such seats"},
                {.status = 2, .doc = "wrong usage"}}};
}

CommandInfo demo() {
  return {
      .name = "demo",
      .usage = "[--exec COMMAND] [--load N] [OPTION]...",
      .summary = "Watch servers come and go with their users, on this machine",
      .details =
          "Starts Limpet on 127.0.0.1 with a service that it scales: the chat that is built with it, or any "
          "server. Each time a server comes or goes it says so. With --load simulated users come in waves, a "
          "flash crowd among them, a server is drained and one is killed, and it counts who is cut: by the "
          "killed server, and by Limpet. On a terminal that is a live view.",
      .words = {},
      .options = {{.name = "exec",
                   .value = "COMMAND",
                   .doc = "a server's command; {port} stands for its port, which is in PORT too"},
                  {.name = "load", .value = "N", .doc = "simulated users at the most"},
                  {.name = "pace", .value = "N", .doc = "their waves come N times as fast, up to 20"},
                  {.name = "path",
                   .value = "PATH",
                   .doc = "where they open WebSockets, / by default for a command of yours"},
                  {.name = "min", .value = "N", .doc = "least servers, 1 by default"},
                  {.name = "max", .value = "N", .doc = "most servers, 6 by default"},
                  {.name = "capacity",
                   .value = "N",
                   .doc = "users of a server, 20 by default, with --load a quarter of these"},
                  {.name = "port",
                   .value = "N",
                   .doc = "where to listen, 8000 by default; the next free one is taken"}},
      .examples = {{.line = "limpet demo --load 2000",
                    .doc = "a flash crowd, a drained and a killed server, calm, and again"},
                   {.line = "limpet demo --exec 'node server.js {port}'", .doc = "a server of yours"}},
      .exits = {{.status = 0, .doc = "stopped in good order"},
                {.status = 1, .doc = "Limpet could not start"},
                {.status = 2, .doc = "wrong usage"}}};
}

CommandInfo scale() {
  return {
      .name = "scale",
      .usage =
          "[--min N] [--max N] [--pause|--resume] [--json] [--address ADDRESS] [--token TOKEN] [SERVICE]",
      .summary = "Show how services are scaled, or change it for a while",
      .details =
          "Without SERVICE all services that are scaled are listed. Changes hold until Limpet ends; the "
          "value default takes one back.",
      .words = {.least = 0, .most = 1},
      .options = {{.name = "min", .value = "N", .doc = "least servers, or default for what is configured"},
                  {.name = "max", .value = "N", .doc = "most servers, or default"},
                  {.name = "pause", .value = "", .doc = "start and stop no servers"},
                  {.name = "resume", .value = "", .doc = "do it again"},
                  {.name = "json", .value = "", .doc = "print JSON: a service, or a list of all"},
                  kAddress,
                  kToken},
      .examples = {{.line = "limpet scale", .doc = "all services"},
                   {.line = "limpet scale chat --min 4", .doc = "before a crowd comes"},
                   {.line = "limpet scale chat --min default", .doc = "after it has gone"}},
      .exits = {{.status = 0, .doc = "done"},
                {.status = 1, .doc = "Limpet could not be asked, or refused"},
                {.status = 2, .doc = "wrong usage"}}};
}

CommandInfo roll() {
  return {
      .name = "roll",
      .usage = "--command COMMAND|--image IMAGE [--json] [--address ADDRESS] [--token TOKEN] SERVICE",
      .summary = "Move a service's servers to another command or image, without cutting anyone",
      .details =
          "For servers that Limpet starts itself: processes get another command (scaling.process), "
          "containers another image (scaling.docker), which is there already, since Limpet pulls none. New "
          "users go to new servers as soon as those are ready; the old ones drain, and end with their last "
          "user or at the drain deadline. It holds until Limpet ends, so put the command or image into the "
          "configuration too.",
      .words = {.least = 1, .most = 1},
      .options = {{.name = "command",
                   .value = "COMMAND",
                   .doc = "as scaling.process.command; default for the one that is configured"},
                  {.name = "image",
                   .value = "IMAGE",
                   .doc = "name or id of an image; default to leave servers as they are"},
                  {.name = "json", .value = "", .doc = "print the service as JSON"},
                  kAddress,
                  kToken},
      .examples = {{.line = "limpet roll chat --command 'node server-2.js {port}'", .doc = ""},
                   {.line = "limpet roll webapp --image nodewsapp:2", .doc = ""}},
      .exits = {{.status = 0, .doc = "begun"},
                {.status = 1, .doc = "Limpet could not be asked, or refused"},
                {.status = 2, .doc = "wrong usage"}}};
}

CommandInfo healthcheck() {
  return {
      .name = "healthcheck",
      .usage = "[--address ADDRESS] [--configFile=FILE] [--KEY=VALUE]...",
      .summary = "Ask a running Limpet whether it is well",
      .details =
          "Asks /ping, for a container's health check. It takes the flags, variables and file that "
          "Limpet was started with to find the entry point that answers: ping's, or the admin API's.",
      .words = {},
      .takes_flags = true,
      .options = {{.name = "address",
                   .value = "ADDRESS",
                   .doc =
                       "ask there instead, as http://host:port or unix:/path; else $LIMPET_ADDRESS, if set"}},
      .examples = {{.line = "limpet healthcheck", .doc = "of the admin API, or as the file says"},
                   {.line = "limpet healthcheck --ping --entryPoints.traefik.address=:8082",
                    .doc = "Traefik's form"}},
      .exits = {{.status = 0, .doc = "well: /ping answered 200"},
                {.status = 1, .doc = "not well, stopping, or not reached"},
                {.status = 2, .doc = "the configuration is wrong"}}};
}

CommandInfo simulate() {
  return {
      .name = "simulate",
      .usage = "[--shape SHAPE] [--capacity N] [--boot TIME] [--drain TIME] [OPTION]...",
      .summary = "Compare scaling policies on simulated users",
      .details =
          "Plays the same users, in virtual time, against Limpet's scaling policy and the Kubernetes recipe: "
          "an "
          "autoscaler that aims at 70 % of the seats, least connections, the newest pod dies. Prints what "
          "the servers cost, who "
          "waited, who was refused and who was cut by a scale-in. Nothing is started, nothing connected to.",
      .words = {},
      .options =
          {{.name = "shape",
            .value = "SHAPE",
            .doc = "how users arrive: day (default, 300 to 4,000 and a flash crowd), steady, ramp, flash "
                   "(a crowd) or storm (all reconnect)",
            .choices = {"day", "steady", "ramp", "flash", "storm"}},
           {.name = "capacity", .value = "N", .doc = "seats of a server, 100 by default"},
           {.name = "boot",
            .value = "TIME",
            .doc = "from a server's launch until it is ready, 30s by default"},
           {.name = "drain",
            .value = "TIME",
            .doc = "the drain deadline of Limpet's policy, or never; without it 60m and never are compared"},
           {.name = "target",
            .value = "SHARE",
            .doc = "the utilisation that Limpet's policy aims at, 0.8 by default"},
           {.name = "policy",
            .value = "POLICY",
            .doc = "all (default), hpa, or one placement of Limpet's: pack or spread",
            .choices = {"all", "hpa", "pack", "spread"}},
           {.name = "seeds",
            .value = "N",
            .doc = "runs with different users, 5 by default; the table has averages"},
           {.name = "json", .value = "", .doc = "print one JSON object"}},
      .examples = {{.line = "limpet simulate", .doc = "a day"},
                   {.line = "limpet simulate --boot 2m --drain 30m", .doc = "servers that start slowly"},
                   {.line = "limpet simulate --shape flash --capacity 800 --policy pack --json",
                    .doc = "one policy in a flash crowd, for a program"}},
      .exits = {{.status = 0, .doc = "printed"}, {.status = 2, .doc = "wrong usage"}}};
}

CommandInfo version() {
  return {.name = "version",
          .usage = "[--json]",
          .summary = "Print the version",
          .details = "",
          .words = {},
          .options = {{.name = "json", .value = "", .doc = "print one JSON object"}},
          .examples = {{.line = "limpet version", .doc = "or limpet --version"}},
          .exits = {{.status = 0, .doc = "printed"}, {.status = 2, .doc = "wrong usage"}}};
}

CommandInfo completion() {
  return {
      .name = "completion",
      .usage = "bash|zsh|fish",
      .summary = "Print a completion script for a shell",
      .details = "",
      .words = {.least = 1, .most = 1, .choices = {"bash", "zsh", "fish"}},
      .options = {},
      .examples = {{.line = "source <(limpet completion bash)", .doc = "in ~/.bashrc"},
                   {.line = "limpet completion zsh > ~/.zsh/completions/_limpet",
                    .doc = "a directory of $fpath"},
                   {.line = "limpet completion fish > ~/.config/fish/completions/limpet.fish", .doc = ""}},
      .exits = {{.status = 0, .doc = "printed"}, {.status = 2, .doc = "wrong usage"}}};
}

CommandInfo help() {
  return {.name = "help",
          .usage = "[COMMAND]",
          .summary = "Print help on a command",
          .details = "",
          .words = {.least = 0, .most = 1},
          .options = {},
          .examples = {{.line = "limpet help run", .doc = "the same as limpet run --help"}},
          .exits = {{.status = 0, .doc = "printed"}, {.status = 2, .doc = "no such command"}}};
}

}  // namespace

const std::vector<CommandInfo>& commands() {
  static const std::vector<CommandInfo> table{run(),         check(),    hash(),    servers(),    drain(true),
                                              drain(false),  scale(),    roll(),    place(),      demo(),
                                              healthcheck(), simulate(), version(), completion(), help()};
  return table;
}

const CommandInfo* find_command(std::string_view name) noexcept {
  const auto found = std::ranges::find(commands(), name, &CommandInfo::name);
  return found == commands().end() ? nullptr : &*found;
}

std::vector<std::string_view> command_names() {
  std::vector<std::string_view> names;
  for (const CommandInfo& command : commands()) names.push_back(command.name);
  return names;
}

}  // namespace limpet::cli
