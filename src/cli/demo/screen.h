#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.h"
#include "cli/console.h"
#include "cli/demo/look.h"
#include "cli/demo/waves.h"

namespace limpet::cli {

/// What the show has counted.
struct Tally {
  std::uint64_t inside = 0;
  std::uint64_t outside = 0;    ///< on their way in
  std::uint64_t cut = 0;        ///< by Limpet: all but those of killed servers
  std::uint64_t lost = 0;       ///< cut by killed servers
  std::uint64_t away = 0;       ///< of those: not back yet
  base::Duration back_after{};  ///< how long after the last kill the last of them was back
};

/// "37, all back in 1.2 s", "37, 4 not back yet", "0".
[[nodiscard]] std::string lost_text(const Tally& tally);

/// The live view's lines, without events.
[[nodiscard]] std::vector<std::string> view_of(base::Duration time, const Scene& scene, const Look& look,
                                               const Tally& tally, std::uint64_t capacity);

/// Where the show is told. On a terminal there is a view that is drawn in place, with the last events below
/// it; otherwise each event is a line.
class Screen {
 public:
  /// `live`: there is to be a view, if `console` is a terminal.
  Screen(Console& console, bool live) : console_(console), live_(live && console.terminal) {}

  [[nodiscard]] bool is_live() const noexcept { return live_; }
  /// Prints text as it is, above the view. Before the first draw().
  void print(std::string_view text) const;
  /// Tells an event.
  void say(base::Duration time, std::string_view event);
  /// Draws the view in place of the last one.
  void draw(std::vector<std::string> lines);

 private:
  Console& console_;
  bool live_;
  std::vector<std::string> events_;  // the last ones, for the view
  std::size_t drawn_ = 0;            // lines
};

}  // namespace limpet::cli
