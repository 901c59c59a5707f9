#pragma once

#include <cstdint>
#include <expected>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "net/fd.h"
#include "net/reactor.h"

namespace limpet::scaling {

/// What to run, and how.
struct ProcessSpec {
  std::vector<std::string> command;      ///< at least one word
  std::string workdir;                   ///< empty: ours
  std::vector<std::string> environment;  ///< all of it, "NAME=value"
};

/// A server's process, with a keeper (keeper.h) around it: nothing of it outlives this object for long, nor
/// this process. Its output comes line by line. Control thread only; not movable; the callbacks may not
/// destroy it.
class ChildProcess {
 public:
  /// A line of output, without its end, at most kLongestLine bytes.
  using Line = std::function<void(std::string_view line)>;
  /// The process has ended and its output is read; `why` is "exit status 3" or "killed by SIGKILL". Once.
  using End = std::function<void(std::string why)>;
  static constexpr std::size_t kLongestLine = 4096;

  /// Starts it. Does not wait until the command runs: a command that can't be run ends with status 127 and a
  /// line that says why. Fails with a sentence if the system has no room for a process.
  [[nodiscard]] static std::expected<std::unique_ptr<ChildProcess>, std::string> start(
      net::Reactor& reactor, const ProcessSpec& spec, Line line, End end);
  ChildProcess(const ChildProcess&) = delete;
  ChildProcess& operator=(const ChildProcess&) = delete;
  /// Kills it, if it still runs, without waiting.
  ~ChildProcess();

  /// Sends a signal to its process group.
  void signal(int number) noexcept;
  /// Kills it and all its descendants. Its end is told as always.
  void kill() noexcept;
  [[nodiscard]] bool ended() const noexcept { return ended_; }

 private:
  /// Events of one descriptor.
  struct Watch final : net::EventHandler {
    Watch(ChildProcess& owner, void (ChildProcess::*call)()) noexcept : process(owner), handle(call) {}
    void on_events(std::uint32_t events) noexcept override;
    ChildProcess& process;
    void (ChildProcess::*handle)();
  };

  ChildProcess(net::Reactor& reactor, Line line, End end);
  [[nodiscard]] bool spawn(const ProcessSpec& spec);
  void read_output();
  void take_output(std::string_view bytes);
  void reap();

  net::Reactor& reactor_;
  Line line_;
  End end_;
  net::Fd control_;  // signals to the keeper; closing it ends everything
  net::Fd output_;
  net::Fd pidfd_;
  Watch output_watch_;
  Watch end_watch_;
  std::string partial_;
  bool ended_ = false;
};

}  // namespace limpet::scaling
