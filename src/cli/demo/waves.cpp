#include "cli/demo/waves.h"

#include <array>
#include <chrono>

namespace limpet::cli {
namespace {

using namespace std::chrono_literals;

constexpr auto kWaves = std::to_array<Wave>({
    {.name = "calm", .length = 15s, .percent = 20},
    {.name = "flash crowd", .length = 10s, .percent = 100},
    {.name = "full house", .length = 15s, .percent = 100},
    {.name = "a server drains", .length = 20s, .percent = 100, .act = Act::kDrain},
    {.name = "a server is killed", .length = 20s, .percent = 100, .act = Act::kKill},
    {.name = "leaving", .length = 15s, .percent = 10},
    {.name = "calm", .length = 55s, .percent = 10},
});

constexpr base::Duration kRound = [] {
  base::Duration sum{};
  for (const Wave& wave : kWaves) sum += wave.length;
  return sum;
}();

double seconds(base::Duration time) {
  return std::chrono::duration<double>(time).count();
}

}  // namespace

Scene scene_at(base::Duration time, std::uint32_t users) {
  const auto rounds = static_cast<std::size_t>(time / kRound);
  // The first round begins with nobody.
  double before = rounds == 0 ? 0 : kWaves.back().percent;
  time %= kRound;
  Scene scene{.number = rounds * kWaves.size()};
  for (const Wave& wave : kWaves) {
    if (time < wave.length) {
      const double percent = before + (wave.percent - before) * seconds(time) / seconds(wave.length);
      scene.wave = &wave;
      scene.users = static_cast<std::uint32_t>(percent * users / 100);
      scene.goal = users * wave.percent / 100;
      scene.left = wave.length - time;
      break;
    }
    time -= wave.length;
    before = wave.percent;
    ++scene.number;
  }
  return scene;
}

}  // namespace limpet::cli
