#include "cli/commands/demo.h"

#include <fmt/format.h>
#include <stdlib.h>
#include <sys/socket.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <filesystem>
#include <fstream>
#include <optional>
#include <string>
#include <string_view>
#include <system_error>
#include <thread>
#include <vector>

#include "app/run.h"
#include "base/json_text.h"
#include "cli/admin_api.h"
#include "cli/crowd.h"
#include "cli/stop_signals.h"
#include "config/load.h"
#include "net/fd.h"

namespace limpet::cli {
namespace {

constexpr std::uint32_t kUsualCapacity = 20;
constexpr std::uint32_t kMostUsers = 20'000;
constexpr base::Duration kTick = std::chrono::milliseconds(100);
constexpr base::Duration kLine = std::chrono::seconds(1);
constexpr base::Duration kTimeout = std::chrono::seconds(2);

/// What is to be shown.
struct Plan {
  std::string command;
  std::string ready_path;
  std::string target = "/";  // of simulated users
  std::uint16_t port = 8000;
  std::uint16_t admin_port = 8080;
  std::uint16_t first_server_port = 3001;
  std::uint32_t min = 1, max = 6, capacity = kUsualCapacity;
  std::uint32_t users = 0;  // simulated
};

/// A folder that is gone at the end.
class Folder {
 public:
  Folder() {
    std::string name = (std::filesystem::temp_directory_path() / "limpet-demo-XXXXXX").string();
    if (::mkdtemp(name.data()) != nullptr) path_ = name;
  }
  Folder(const Folder&) = delete;
  Folder& operator=(const Folder&) = delete;
  ~Folder() {
    std::error_code ignored;
    if (!path_.empty()) std::filesystem::remove_all(path_, ignored);
  }
  [[nodiscard]] const std::filesystem::path& path() const { return path_; }

 private:
  std::filesystem::path path_;
};

bool is_free(std::uint16_t port) {
  const net::SocketAddress address(net::IpAddress::from_v4(0x7F000001), port);
  const net::Fd fd(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
  const int on = 1;
  ::setsockopt(fd.get(), SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
  return ::bind(fd.get(), address.native(), address.native_length()) == 0;
}

std::uint16_t free_port(std::uint16_t from) {
  while (!is_free(from) && from < 65'000) ++from;
  return from;
}

std::expected<std::uint32_t, std::string> number(const Call& call, std::string_view name,
                                                 std::uint32_t fallback, std::uint32_t most) {
  const auto text = call.arguments.value(name);
  if (!text) return fallback;
  std::uint32_t value = 0;
  const char* end = text->data() + text->size();
  const auto [stop, error] = std::from_chars(text->data(), end, value);
  if (error != std::errc{} || stop != end || value == 0 || value > most) {
    return std::unexpected(
        fmt::format("--{}: expected a number from 1 to {}, got \"{}\"", name, most, *text));
  }
  return value;
}

/// The chat that is built with Limpet, as a command.
std::optional<std::string> chat_command() {
  std::error_code problem;
  const auto chat = std::filesystem::read_symlink("/proc/self/exe", problem).parent_path() / "limpet-chat";
  if (problem || !std::filesystem::exists(chat, problem)) return std::nullopt;
  return fmt::format("sh -c 'exec \"$0\" --port {{port}} --name \"$LIMPET_SERVER\"' \"{}\"", chat.string());
}

std::expected<Plan, std::string> plan_of(const Call& call) {
  Plan plan;
  if (const auto command = call.arguments.value("exec")) {
    plan.command = *command;
  } else if (const auto chat = chat_command()) {
    plan.command = *chat;
    plan.ready_path = "/health";
    plan.target = "/ws/?EIO=4&transport=websocket";
  } else {
    return std::unexpected("limpet-chat is not beside this program; give --exec with a server's command");
  }
  const auto users = number(call, "load", 0, kMostUsers);
  const auto min = number(call, "min", plan.min, 100);
  const auto max = number(call, "max", plan.max, 100);
  const auto port = number(call, "port", plan.port, 65'000);
  const auto fitting = std::max(kUsualCapacity, users.value_or(0) / 4);
  const auto capacity = number(call, "capacity", fitting, 1'000'000);
  for (const auto* each : {&users, &min, &max, &port, &capacity}) {
    if (!*each) return std::unexpected(each->error());
  }
  if (const auto target = call.arguments.value("path")) plan.target = *target;
  plan.users = *users;
  plan.min = *min;
  plan.max = std::max(*max, *min);
  plan.capacity = *capacity;
  plan.port = free_port(static_cast<std::uint16_t>(*port));
  plan.admin_port = free_port(plan.admin_port);
  if (plan.admin_port == plan.port) plan.admin_port = free_port(static_cast<std::uint16_t>(plan.port + 1));
  return plan;
}

std::string configuration_of(const Plan& plan) {
  std::string command;
  base::append_json_string(command, plan.command);
  return fmt::format(R"yaml(http:
  routers:
    demo: {{rule: "PathPrefix(`/`)", service: demo}}
  services:
    demo:
      loadBalancer:
        sticky: {{cookie: {{name: ws-session}}}}
        capacity: {}
        scaling:
          min: {}
          max: {}
          interval: 1s
          stabilisation: 15s
          process:
            command: {}
            ports: {}-{}
            readyPath: "{}"
)yaml",
                     plan.capacity, plan.min, plan.max, command, plan.first_server_port,
                     plan.first_server_port + 999, plan.ready_path);
}

std::string greeting(const Plan& plan) {
  return fmt::format(R"(
Limpet runs {} to {} servers with {} seats each, as many as users need.

    http://localhost:{}/          the service
    http://localhost:{}/          the dashboard

    limpet scale --address http://127.0.0.1:{}
    limpet servers --watch --address http://127.0.0.1:{}

Ctrl-C stops everything.

)",
                     plan.min, plan.max, plan.capacity, plan.port, plan.admin_port, plan.admin_port,
                     plan.admin_port);
}

/// The share of the simulated users that is there at a time of the show, and what that is called.
struct Wave {
  int seconds;
  int percent;  // at its end
  std::string_view name;
};
constexpr auto kWaves = std::to_array<Wave>({
    {.seconds = 15, .percent = 20, .name = "calm"},
    {.seconds = 10, .percent = 100, .name = "flash crowd"},
    {.seconds = 30, .percent = 100, .name = "full house"},
    {.seconds = 15, .percent = 10, .name = "leaving"},
    {.seconds = 60, .percent = 10, .name = "calm"},
});

/// Where in the waves a moment is. They repeat.
std::pair<std::uint32_t, std::string_view> wave_at(double seconds, std::uint32_t users) {
  double before = 0;
  while (true) {
    for (const Wave& wave : kWaves) {
      if (seconds < wave.seconds) {
        const double share = before + (wave.percent - before) * seconds / wave.seconds;
        return {static_cast<std::uint32_t>(share * users / 100), wave.name};
      }
      seconds -= wave.seconds;
      before = wave.percent;
    }
  }
}

/// Plays the waves and prints how they fare. A thread of its own.
class Show {
 public:
  Show(const Plan& plan, Console& console)
      : plan_(plan),
        console_(console),
        crowd_(reactor_, net::SocketAddress(net::IpAddress::from_v4(0x7F000001), plan.port), plan.target) {}

  void run() {
    net::spawn(play());
    reactor_.run();
  }
  /// Any thread.
  void stop() {
    reactor_.post([this] { over_ = true; });
  }

 private:
  net::Task<void> play() {
    const base::TimePoint start = base::Clock::now();
    base::TimePoint printed = start;
    while (!over_) {
      const base::TimePoint now = base::Clock::now();
      const auto [users, wave] = wave_at(std::chrono::duration<double>(now - start).count(), plan_.users);
      crowd_.aim(users);
      if (now - printed >= kLine) {
        printed = now;
        print(wave);
      }
      net::Sleep sleep(reactor_, kTick);
      co_await sleep;
    }
    crowd_.aim(0);
    while (!crowd_.is_empty()) {
      net::Sleep sleep(reactor_, kTick);
      co_await sleep;
    }
    console_.out << "\n" << std::flush;
    reactor_.stop();
  }

  void print(std::string_view wave) {
    const auto address = parse_admin_address(fmt::format("127.0.0.1:{}", plan_.admin_port));
    const auto rows = fetch_scaling(AdminClient(*address, "", kTimeout));
    if (!rows || rows->empty()) return;
    const ScalingRow& row = rows->front();
    const Crowd::Counts& counts = crowd_.counts();
    const std::string line = fmt::format(
        "{:<11}  servers {} ready, {} starting, {} draining  users {} in, {} waiting  cut {}  {}", wave,
        row.ready, row.starting, row.draining, counts.inside, counts.outside, counts.cut, row.why);
    console_.out << (console_.terminal ? "\r\x1b[K" + line : line + "\n") << std::flush;
  }

  const Plan& plan_;
  Console& console_;
  net::Reactor reactor_;
  Crowd crowd_;
  bool over_ = false;
};

}  // namespace

int demo(const Call& call) {
  const auto plan = plan_of(call);
  if (!plan) return call.fail(kExitUsage, plan.error());
  const Folder folder;
  const auto file = folder.path() / "dynamic.yml";
  std::ofstream(file) << configuration_of(*plan);
  std::vector<std::string> flags{fmt::format("--entryPoints.web.address=127.0.0.1:{}", plan->port),
                                 fmt::format("--api.address=127.0.0.1:{}", plan->admin_port),
                                 "--api.dashboard=true",
                                 "--shutdown.tunnelGrace=1s",
                                 "--shutdown.closeWindow=0s",
                                 fmt::format("--providers.file.filename={}", file.string())};
  // The show has the screen to itself.
  if (plan->users > 0) flags.push_back(fmt::format("--log.filePath={}", (folder.path() / "log").string()));
  const auto loaded = config::load_static(flags, {}, {.lenient_default = false, .directories = {}});
  if (!loaded) return call.fail(kExitUsage, loaded.error().text());
  call.console.out << greeting(*plan) << std::flush;
  if (plan->users == 0) return app::run(*loaded);
  // Held back in every thread, so that they reach Limpet's own reading of them.
  const StopSignals signals;
  Show show(*plan, call.console);
  std::jthread thread([&show] { show.run(); });
  const int status = app::run(*loaded);
  show.stop();
  return status;
}

}  // namespace limpet::cli
