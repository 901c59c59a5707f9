#include "cli/commands/demo.h"

#include <fmt/format.h>
#include <stdlib.h>

#include <deque>
#include <filesystem>
#include <fstream>
#include <string>
#include <system_error>
#include <thread>

#include "app/run.h"
#include "cli/demo/plan.h"
#include "cli/demo/show.h"
#include "cli/stop_signals.h"
#include "config/load.h"

namespace limpet::cli {
namespace {

constexpr std::size_t kLastLines = 10;

/// A folder that is gone at the end.
class Folder {
 public:
  Folder() {
    std::error_code ignored;
    std::string name = (std::filesystem::temp_directory_path(ignored) / "limpet-demo-XXXXXX").string();
    if (::mkdtemp(name.data()) != nullptr) path_ = name;
  }
  Folder(const Folder&) = delete;
  Folder& operator=(const Folder&) = delete;
  ~Folder() {
    std::error_code ignored;
    if (!path_.empty()) std::filesystem::remove_all(path_, ignored);
  }
  /// Empty if there is none: nowhere to write.
  [[nodiscard]] const std::filesystem::path& path() const { return path_; }

 private:
  std::filesystem::path path_;
};

/// The end of a file, each line after a blank.
std::string last_lines(const std::filesystem::path& path) {
  std::ifstream file(path);
  std::deque<std::string> lines;
  for (std::string line; std::getline(file, line);) {
    lines.push_back(std::move(line));
    if (lines.size() > kLastLines) lines.pop_front();
  }
  std::string out;
  for (const std::string& line : lines) out += fmt::format("\n  {}", line);
  return out;
}

}  // namespace

int demo(const Call& call) {
  const auto plan = demo_plan_of(call);
  if (!plan) return call.fail(kExitUsage, plan.error());
  const Folder folder;
  if (folder.path().empty()) return call.fail(kExitFailed, "no folder can be made for temporary files");
  const auto file = folder.path() / "dynamic.yml";
  const auto log = folder.path() / "log";
  std::ofstream(file) << demo_configuration_of(*plan);
  const auto loaded = config::load_static(demo_flags_of(*plan, file.string(), log.string()), {},
                                          {.lenient_default = false, .directories = {}});
  if (!loaded) return call.fail(kExitUsage, loaded.error().text());
  // Held back in every thread, so that they reach Limpet's own reading of them.
  const StopSignals signals;
  int status = kExitFine;
  {
    Show show(*plan, call.console);
    const std::jthread thread([&show] { show.run(); });
    status = app::run(*loaded);
    show.stop();
  }
  if (status == kExitFine) return status;
  return call.fail(status, fmt::format("Limpet ended with status {}; its log:{}", status, last_lines(log)));
}

}  // namespace limpet::cli
