#include "scaling/simulator/workload.h"

#include <algorithm>
#include <array>
#include <chrono>
#include <cmath>
#include <numbers>

#include "scaling/simulator/random.h"

namespace limpet::scaling {
namespace {

using std::chrono::hours;
using std::chrono::minutes;

constexpr double kMeanSession = 20 * 60;  // seconds
constexpr double kSigma = 1;
constexpr double kNight = 300, kDay = 4'000, kSteadyUsers = 2'000, kQuiet = 500;  // users
constexpr double kCrowd = 1'500;                                                  // users, in all
constexpr double kHour = 3'600;                                                   // seconds

constexpr auto kShapes = std::to_array<ShapeInfo>({
    {Shape::kDay, "day", "24 h, 300 users at night and 4,000 by day, 1,500 more within 5 min at 06:00"},
    {Shape::kSteady, "steady", "6 h of 2,000 users"},
    {Shape::kRamp, "ramp", "6 h, from 300 users to 4,000 within an hour, and back after another"},
    {Shape::kFlash, "flash", "4 h of 500 users, 1,500 more within 5 min after an hour"},
    {Shape::kStorm, "storm", "4 h of 2,000 users, who all lose their connections after an hour"},
});

/// Users who should be there at a time in seconds, without the crowd.
double population(Shape shape, double at) {
  switch (shape) {
    case Shape::kDay:
      return kNight + (kDay - kNight) * (1 - std::cos(2 * std::numbers::pi * at / (24 * kHour))) / 2;
    case Shape::kSteady:
    case Shape::kStorm:
      return kSteadyUsers;
    case Shape::kRamp: {
      const double up = std::clamp(at / kHour - 1, 0.0, 1.0);
      const double down = std::clamp(at / kHour - 3, 0.0, 1.0);
      return kNight + (kDay - kNight) * (up - down);
    }
    case Shape::kFlash:
      return kQuiet;
  }
  return 0;
}

struct Crowd {
  double begin = 0, end = 0;  // seconds
};

std::optional<Crowd> crowd_of(Shape shape) {
  if (shape == Shape::kDay) return Crowd{.begin = 6 * kHour, .end = 6 * kHour + 300};
  if (shape == Shape::kFlash) return Crowd{.begin = kHour, .end = kHour + 300};
  return std::nullopt;
}

base::Duration length_of(Shape shape) {
  if (shape == Shape::kDay) return hours(24);
  return shape == Shape::kFlash || shape == Shape::kStorm ? hours(4) : hours(6);
}

base::Duration from_seconds(double value) {
  return std::chrono::duration_cast<base::Duration>(std::chrono::duration<double>(value));
}

double log_normal(Random& random, double mu) {
  return std::exp(mu + kSigma * random.normal());
}

}  // namespace

std::span<const ShapeInfo> shapes() noexcept {
  return kShapes;
}

std::optional<Shape> shape_from_name(std::string_view name) noexcept {
  const auto* found = std::ranges::find(kShapes, name, &ShapeInfo::name);
  return found == kShapes.end() ? std::nullopt : std::optional(found->shape);
}

Workload make_workload(Shape shape, std::uint64_t seed) {
  Random random(seed);
  Workload workload{.length = length_of(shape), .sessions = {}, .storm = {}};
  if (shape == Shape::kStorm) workload.storm = hours(1);
  const double mu = std::log(kMeanSession) - kSigma * kSigma / 2;

  // Who is seen at a given moment is likelier to be in a long visit, and anywhere within it.
  const auto present = static_cast<int>(population(shape, 0));
  for (int i = 0; i < present; ++i) {
    const double whole = log_normal(random, mu + kSigma * kSigma);
    workload.sessions.push_back({.at = {}, .length = from_seconds(whole * random.uniform())});
  }

  const std::optional<Crowd> crowd = crowd_of(shape);
  const double length = std::chrono::duration<double>(workload.length).count();
  const auto rate = [&](double at) {
    const bool crowded = crowd && at >= crowd->begin && at < crowd->end;
    return population(shape, at) / kMeanSession + (crowded ? kCrowd / (crowd->end - crowd->begin) : 0);
  };
  const double most = kDay / kMeanSession + (crowd ? kCrowd / (crowd->end - crowd->begin) : 0);
  for (double at = random.exponential(most); at < length; at += random.exponential(most)) {
    if (random.uniform() * most >= rate(at)) continue;
    workload.sessions.push_back({.at = from_seconds(at), .length = from_seconds(log_normal(random, mu))});
  }
  return workload;
}

}  // namespace limpet::scaling
