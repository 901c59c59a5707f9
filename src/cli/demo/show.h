#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "base/clock.h"
#include "cli/admin_client.h"
#include "cli/console.h"
#include "cli/demo/crowd.h"
#include "cli/demo/look.h"
#include "cli/demo/plan.h"
#include "cli/demo/screen.h"
#include "cli/demo/waves.h"
#include "net/reactor.h"
#include "net/task.h"

namespace limpet::cli {

/// Watches a Limpet that runs in this process and tells what happens: a greeting once its servers are ready,
/// and events. With simulated users it plays the waves too. It talks to Limpet as anybody does, by HTTP. A
/// thread of its own.
class Show {
 public:
  /// `plan` and `console` outlive it; nobody else writes there meanwhile.
  Show(const DemoPlan& plan, Console& console);

  /// Runs until Limpet stops, or stop().
  void run();
  /// Any thread.
  void stop();

 private:
  struct Kill {
    base::TimePoint at;
    std::uint64_t lost_before = 0;
    bool told = false;
  };

  [[nodiscard]] net::Task<void> play();
  [[nodiscard]] net::Task<void> let_everybody_go();
  void observe();
  void greet();
  void next_wave(const Scene& scene);
  [[nodiscard]] const Look::Server* spare_server();
  void drain_one();
  void kill_one();
  void tell_of_return();
  void say(std::string_view event) { screen_.say(now_ - start_, event); }
  [[nodiscard]] bool is_stopping() const;
  [[nodiscard]] Tally tally() const;

  const DemoPlan& plan_;
  net::Reactor reactor_;
  AdminClient admin_;
  Crowd crowd_;
  Screen screen_;
  Look look_;
  base::TimePoint start_;  // of the show, once it is greeted; else of this object
  base::TimePoint now_;
  bool greeted_ = false;
  bool over_ = false;
  std::uint32_t goal_ = 0;  // users
  std::optional<std::size_t> wave_;
  std::optional<Kill> kill_;
  Tally sure_;  // when Limpet was last known to run: whoever is closed since then is so because it stops
};

}  // namespace limpet::cli
