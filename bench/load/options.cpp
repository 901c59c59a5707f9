#include "load/options.h"

#include <fmt/format.h>
#include <CLI/CLI.hpp>

#include <cstdio>
#include <map>

#include "wire/sockets.h"
#include "wire/stamp.h"

namespace limpet::bench {
namespace {

const std::map<std::string, Mode> kModes = {
    {"ws-saturated", Mode::kWsSaturated},
    {"ws-paced", Mode::kWsPaced},
    {"ws-burst", Mode::kWsBurst},
    {"ws-fanout", Mode::kWsFanOut},
    {"ws-sessions", Mode::kWsSessions},
    {"http-keepalive", Mode::kHttpKeepAlive},
    {"bulk", Mode::kBulk},
    {"http-polling-mix", Mode::kHttpPollingMix},
    {"idle", Mode::kIdle},
};

constexpr const char* kExamples = R"(Examples:
  limpet-load --target 127.0.0.1:8000 --mode ws-saturated --clients 100 --size 64
  limpet-load --target 127.0.0.1:8000 --mode ws-paced --clients 1000 --rate 20 --seconds 10
  limpet-load --target 127.0.0.1:8000 --mode ws-fanout --clients 2000 --rate 5
  limpet-load --target 127.0.0.1:8000 --mode idle --clients 9000      (then type "round" or "quit")

Every step is one JSON line on standard output: open, begin, end, result (idle: held).)";

/// What a mode means beyond its name, where the command line is silent.
void apply_mode_defaults(const CLI::App& app, Options& options) {
  const auto unset = [&app](const char* name) { return app.count(name) == 0; };
  switch (options.mode) {
    case Mode::kWsPaced:
      if (unset("--clients")) options.clients = 1000;
      if (unset("--rate")) options.rate = 20;
      break;
    case Mode::kWsBurst:
      if (unset("--burst")) options.burst = 8;
      break;
    case Mode::kWsFanOut:
      if (unset("--clients")) options.clients = 1000;
      break;
    case Mode::kBulk:
      if (unset("--clients")) options.clients = 16;
      if (unset("--size")) options.size = 256 * 1024;
      break;
    case Mode::kIdle:
      if (unset("--clients")) options.clients = 1000;
      if (unset("--limit")) options.limit = 0;
      break;
    default:
      break;
  }
}

}  // namespace

std::optional<Options> parse_options(int argc, char** argv, int& exit_code) {
  CLI::App app("WebSocket and HTTP clients for a benchmark: one thread, one epoll set, many clients.");
  app.footer(kExamples);
  Options options;
  std::string target;
  app.add_option("--target", target, "Address and port to connect to")->required();
  app.add_option("--mode", options.mode_name, "What the clients do")
      ->required()
      ->check(CLI::IsMember(kModes));
  app.add_option("--clients", options.clients, "Number of connections")->check(CLI::Range(1, 1'000'000));
  app.add_option("--size", options.size, "Payload bytes per message")
      ->check(CLI::Range(std::uint64_t{kStampSize}, std::uint64_t{16} << 20U));
  app.add_option("--burst", options.burst, "Messages per write")->check(CLI::Range(1, 1024));
  app.add_option("--rate", options.rate, "Writes per client and second, 0 = as fast as they can")
      ->check(CLI::NonNegativeNumber);
  app.add_option("--seconds", options.seconds, "Length of the measurement")->capture_default_str();
  app.add_option("--warm-up", options.warm_up, "Seconds of traffic before it")->capture_default_str();
  app.add_option("--interval", options.interval, "Also give percentiles per so many seconds");
  app.add_option("--open-timeout", options.open_timeout, "Seconds for all clients to connect")
      ->capture_default_str();
  app.add_option("--sources", options.sources, "Distinct 127.x source addresses")
      ->check(CLI::Range(1, 60'000))
      ->capture_default_str();
  app.add_option("--open-parallel", options.open_parallel, "Connects in flight")
      ->check(CLI::Range(1, 100'000))
      ->capture_default_str();
  app.add_option("--limit", options.limit, "Seconds after which the process ends itself (idle: none)")
      ->capture_default_str();
  app.add_option("--hosts", options.hosts,
                 "http-keepalive: ask for 100 of the hosts h0.bench.test, h1... of so many")
      ->check(CLI::Range(1, 1'000'000));
  app.add_flag("--sync", options.sync, "Wait for a line on standard input at begin and at end");
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    exit_code = app.exit(error);
    return std::nullopt;
  }
  const auto endpoint = parse_endpoint(target);
  if (!endpoint) {
    fmt::print(stderr, "limpet-load: --target: {}\n", endpoint.error());
    exit_code = 2;
    return std::nullopt;
  }
  options.target = *endpoint;
  options.mode = kModes.at(options.mode_name);
  apply_mode_defaults(app, options);
  return options;
}

}  // namespace limpet::bench
