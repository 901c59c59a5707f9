#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "scaling/drivers/driver.h"

namespace limpet::scaling {

/// Remembers what a driver tells.
class RecordedEvents final : public DriverEvents {
 public:
  struct Gone {
    std::string url;
    bool expected = false;
    std::string why;
    bool operator==(const Gone&) const = default;
  };

  void on_ready(std::string_view url, base::Duration took) override {
    ready.emplace_back(url);
    start_times.push_back(took);
  }
  void on_launch_failed(std::string_view why) override { failed.emplace_back(why); }
  void on_gone(std::string_view url, bool expected, std::string_view why) override {
    gone.push_back({.url = std::string(url), .expected = expected, .why = std::string(why)});
  }

  std::vector<std::string> ready;  // URLs
  std::vector<base::Duration> start_times;
  std::vector<std::string> failed;  // reasons
  std::vector<Gone> gone;
};

}  // namespace limpet::scaling
