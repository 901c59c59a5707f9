#include "cli/demo/show.h"

#include <fmt/format.h>

#include <filesystem>
#include <system_error>
#include <utility>

#include "cli/admin_api.h"
#include "cli/demo/victim.h"

namespace limpet::cli {
namespace {

using namespace std::chrono_literals;

constexpr base::Duration kTick = 100ms;
constexpr base::Duration kLookEvery = 500ms;
constexpr base::Duration kTimeout = 2s;
constexpr base::Duration kSession = 60s;
constexpr std::uint32_t kLoopback = 0x7F000001;

AdminClient client_of(const DemoPlan& plan) {
  return {*parse_admin_address(fmt::format("127.0.0.1:{}", plan.admin_port)), "", kTimeout};
}

/// This program as somebody in this folder would call it.
std::string program() {
  std::error_code problem;
  const auto here = std::filesystem::current_path(problem);
  const auto path = std::filesystem::read_symlink("/proc/self/exe", problem).lexically_relative(here);
  return path.empty() || path.string().starts_with("..") ? "limpet" : path.string();
}

std::string greeting(const DemoPlan& plan, const Look& look) {
  std::string out = fmt::format(R"(
Limpet runs {} to {} servers with {} seats each, as many as its users need.{}

    http://localhost:{}/          the {}, on the server that Limpet chose for you
    http://localhost:{}/          the dashboard

)",
                                plan.min, plan.max, grouped(plan.capacity),
                                plan.is_chat ? " Open two windows and chat:" : "", plan.port,
                                plan.is_chat ? "chat" : "service", plan.admin_port);
  if (plan.is_chat && plan.users == 0) {
    out += "Choose the server yourself: a cookie computed from its URL takes you there.\n\n";
    for (const Look::Server& server : look.servers) {
      if (server.cookie.empty()) continue;
      out += fmt::format("    curl -H 'Cookie: {}={}' http://localhost:{}/hostname    # {}, {}\n",
                         kCookieName, server.cookie, plan.port, server.name, server.url);
    }
    out += "\n";
  }
  const std::string address = fmt::format("--address http://127.0.0.1:{}", plan.admin_port);
  const std::string limpet = program();
  out += fmt::format("    {} servers --watch {}\n", limpet, address);
  if (!look.servers.empty())
    out += fmt::format("    {} drain {} {}\n", limpet, look.servers.front().url, address);
  return out + fmt::format("    {} scale chat --min {} {}\n\nCtrl-C stops everything.\n\n", limpet,
                           std::min(plan.min + 1, plan.max), address);
}

}  // namespace

Show::Show(const DemoPlan& plan, Console& console)
    : plan_(plan),
      admin_(client_of(plan)),
      crowd_(reactor_, net::SocketAddress(net::IpAddress::from_v4(kLoopback), plan.port), plan.target,
             kSession),
      screen_(console, plan.users > 0),
      start_(base::Clock::now()),
      now_(start_) {}

void Show::run() {
  net::spawn(play());
  reactor_.run();
}

void Show::stop() {
  reactor_.post([this] { over_ = true; });
}

net::Task<void> Show::play() {
  base::TimePoint looked{};
  while (!over_) {
    now_ = base::Clock::now();
    if (now_ - looked >= kLookEvery) {
      looked = now_;
      if (greeted_ && is_stopping()) break;
      sure_ = tally();
      observe();
    }
    if (greeted_ && plan_.users > 0) {
      Scene scene = scene_at((now_ - start_) * plan_.pace, plan_.users);
      scene.left /= plan_.pace;
      if (wave_ != scene.number) next_wave(scene);
      goal_ = scene.users;
      crowd_.aim(goal_);
      tell_of_return();
      if (looked == now_) screen_.draw(view_of(now_ - start_, scene, look_, tally(), plan_.capacity));
    }
    net::Sleep sleep(reactor_, kTick);
    co_await sleep;
  }
  co_await let_everybody_go();
  reactor_.stop();
}

net::Task<void> Show::let_everybody_go() {
  crowd_.aim(0);
  while (!crowd_.is_empty()) {
    net::Sleep sleep(reactor_, kTick);
    co_await sleep;
  }
  if (plan_.users == 0 || !greeted_) co_return;
  screen_.print(fmt::format("\n{} visits, cut by Limpet: {}, by killed servers: {}\n",
                            grouped(crowd_.counts().visits), grouped(sure_.cut), lost_text(sure_)));
}

bool Show::is_stopping() const {
  const auto answer = admin_.request("GET", "/ping");
  return !answer || answer->status != 200;
}

void Show::observe() {
  auto look = look_at(admin_);
  if (!look) return;
  if (!greeted_ && look->trouble != look_.trouble) say(look->trouble);
  const Look before = std::exchange(look_, std::move(*look));
  if (!greeted_) {
    if (look_.count("ready") >= plan_.min) greet();
    return;
  }
  for (const std::string& line : news(before, look_)) say(line);
}

void Show::greet() {
  greeted_ = true;
  start_ = now_;
  screen_.print(greeting(plan_, look_));
}

void Show::next_wave(const Scene& scene) {
  if (wave_) {
    const std::uint64_t servers = look_.count("ready") + look_.count("draining");
    say(fmt::format("{} on {} server{}; cut by Limpet: {}, by killed servers: {}",
                    users_text(crowd_.counts().inside), servers, servers == 1 ? "" : "s",
                    grouped(crowd_.counts().cut), lost_text(tally())));
  }
  wave_ = scene.number;
  const Wave& wave = *scene.wave;
  say(fmt::format("{}: {}{} within {} s", wave.name, goal_ == scene.goal ? "" : "to ", users_text(scene.goal),
                  std::chrono::ceil<std::chrono::seconds>(wave.length / plan_.pace).count()));
  if (wave.act == Act::kDrain) drain_one();
  if (wave.act == Act::kKill) kill_one();
}

const Look::Server* Show::spare_server() {
  // Without another one users would have nowhere to go, which is no fault of Limpet's.
  if (look_.count("ready") < 2) {
    say("there is no other server, so this one is left alone");
    return nullptr;
  }
  return look_.fullest("ready");
}

void Show::drain_one() {
  const Look::Server* server = spare_server();
  if (server == nullptr) return;
  if (const auto done = act_on_server(admin_, server->id, "drain"); !done) say(done.error());
}

void Show::kill_one() {
  const Look::Server* server = spare_server();
  if (server == nullptr) return;
  const Kill kill{.at = base::Clock::now(), .lost_before = crowd_.counts().lost};
  crowd_.expect_loss(server->cookie);
  const std::string port = server->url.substr(server->url.rfind(':') + 1);
  if (const auto done = kill_server(server->name, port); !done) return say(done.error());
  kill_ = kill;
  say(fmt::format("{} is killed, with {} on it", server->name, users_text(server->users)));
}

void Show::tell_of_return() {
  const Crowd::Counts& counts = crowd_.counts();
  if (!kill_ || kill_->told || counts.away > 0 || counts.lost == kill_->lost_before) return;
  kill_->told = true;
  say(fmt::format("cut by the killed server: {}; cut by Limpet: {}", lost_text(tally()),
                  grouped(counts.cut)));
}

Tally Show::tally() const {
  const Crowd::Counts& counts = crowd_.counts();
  return {.inside = counts.inside,
          .outside = goal_ > counts.inside ? goal_ - counts.inside : 0,
          .cut = counts.cut,
          .lost = counts.lost,
          .away = counts.away,
          .back_after = kill_ ? counts.back_at - kill_->at : base::Duration{}};
}

}  // namespace limpet::cli
