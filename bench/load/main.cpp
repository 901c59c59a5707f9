#include <fmt/format.h>
#include <unistd.h>

#include <cstdio>
#include <exception>
#include <iostream>
#include <memory>
#include <string>

#include "load/echo_workload.h"
#include "load/fanout_workload.h"
#include "load/fleet.h"
#include "load/http_workload.h"
#include "load/options.h"
#include "load/recorder.h"
#include "load/sessions_workload.h"
#include "wire/sockets.h"

namespace limpet::bench {
namespace {

constexpr double kSilentSeconds = 2;
constexpr int kMaxDrainTurns = 15;

std::int64_t after(double seconds) {
  return now_ns() + static_cast<std::int64_t>(seconds * 1e9);
}

void announce(const std::string& line) {
  fmt::print("{}\n", line);
  std::fflush(stdout);
}

/// Tells the caller where the run is and, when asked to, waits until it has looked at the machine.
void gate(const Options& options, const char* event) {
  announce(fmt::format(R"({{"event":"{}"}})", event));
  std::string line;
  if (options.sync) std::getline(std::cin, line);
}

std::unique_ptr<Workload> make_workload(const Options& options, Fleet& fleet, Recorder& recorder) {
  switch (options.mode) {
    case Mode::kWsFanOut:
      return std::make_unique<FanOutWorkload>(options, fleet, recorder);
    case Mode::kWsSessions:
      return std::make_unique<SessionsWorkload>(options, fleet, recorder);
    case Mode::kHttpKeepAlive:
    case Mode::kHttpPollingMix:
      return std::make_unique<HttpWorkload>(options, fleet, recorder);
    default:
      return std::make_unique<EchoWorkload>(options, fleet, recorder);
  }
}

void open_all(const Options& options, Fleet& fleet, Recorder& recorder) {
  const auto start = now_ns();
  for (auto& connection : fleet.connections()) fleet.connect(connection);
  const bool done = fleet.run_until(after(options.open_timeout), [&] {
    return fleet.open_count() + fleet.failed_count() >= options.clients;
  });
  if (!done)
    recorder.failed(Failure::kConnect, "not open in time",
                    options.clients - fleet.open_count() - fleet.failed_count());
  announce(fmt::format(R"({{"event":"open","clients":{},"seconds":{:.3f}}})", fleet.open_count(),
                       static_cast<double>(now_ns() - start) / 1e9));
}

/// Waits for the answers that are still due, as long as some keep coming: what is late is not lost.
void drain(Fleet& fleet, const Workload& workload) {
  for (int turn = 0; turn < kMaxDrainTurns; ++turn) {
    const auto before = workload.outstanding();
    const bool done = fleet.run_until(after(kSilentSeconds), [&] { return workload.outstanding() == 0; });
    if (done || workload.outstanding() == before) return;
  }
}

void run_measured(const Options& options, Fleet& fleet, Recorder& recorder) {
  const auto never_done = [] { return false; };
  const auto workload = make_workload(options, fleet, recorder);
  fleet.attach(*workload);
  if (workload->opens_first()) open_all(options, fleet, recorder);
  workload->start(now_ns());
  fleet.run_until(after(options.warm_up), never_done);
  gate(options, "begin");
  recorder.begin(now_ns());
  workload->rebase(now_ns());
  fleet.run_until(after(options.seconds), never_done);
  recorder.end(now_ns());
  gate(options, "end");
  workload->stop();
  drain(fleet, *workload);
  recorder.failed(Failure::kLost, "never answered", workload->outstanding());
  announce(recorder.result_json());
}

/// One message through every tunnel, as a measurement of its own.
void run_round(const Options& options, Fleet& fleet, Recorder& recorder, IdleWorkload& workload) {
  recorder.begin(now_ns());
  workload.start(now_ns());
  const bool done = fleet.run_until(after(options.open_timeout), [&] { return workload.round_done(); });
  recorder.end(now_ns());
  if (!done) recorder.failed(Failure::kLost, "never answered", workload.outstanding());
}

/// Opens the tunnels and holds them for options.seconds, or until "quit" or the end of standard input.
void run_idle(const Options& options, Fleet& fleet, Recorder& recorder) {
  IdleWorkload workload(options, fleet, recorder);
  fleet.attach(workload);
  open_all(options, fleet, recorder);
  const bool commanded = fleet.watch_input(STDIN_FILENO);
  run_round(options, fleet, recorder, workload);
  announce(fmt::format(R"({{"event":"held","clients":{},"failures":{}}})", fleet.open_count(),
                       recorder.failures()));
  const auto until = commanded ? kNever : after(options.seconds);
  while (fleet.run_until(until, [&] { return fleet.take_input_ready(); })) {
    std::string line;
    if (!std::getline(std::cin, line) || line == "quit") break;
    if (line == "round") {
      run_round(options, fleet, recorder, workload);
      announce(recorder.result_json());
    }
  }
  announce(fmt::format(R"({{"event":"closing","clients":{},"failures":{}}})", fleet.open_count(),
                       recorder.failures()));
}

int run(const Options& options) {
  raise_descriptor_limit();
  alarm(options.limit);
  Recorder recorder(options);
  Fleet fleet(options, recorder);
  if (options.mode == Mode::kIdle)
    run_idle(options, fleet, recorder);
  else
    run_measured(options, fleet, recorder);
  return recorder.failures() == 0 ? 0 : 3;
}

}  // namespace
}  // namespace limpet::bench

int main(int argc, char** argv) {
  int exit_code = 0;
  const auto options = limpet::bench::parse_options(argc, argv, exit_code);
  if (!options) return exit_code;
  try {
    return limpet::bench::run(*options);
  } catch (const std::exception& error) {
    fmt::print(stderr, "limpet-load: {}\n", error.what());
    return 1;
  }
}
