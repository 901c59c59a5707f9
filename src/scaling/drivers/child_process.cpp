#include "scaling/drivers/child_process.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <spawn.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <csignal>
#include <cstring>
#include <utility>

#include "scaling/drivers/keeper.h"

namespace limpet::scaling {
namespace {

constexpr int kSignalled = 128;

struct Pipe {
  net::Fd read;
  net::Fd write;
};

Pipe make_pipe() {
  std::array<int, 2> ends{-1, -1};
  if (::pipe2(ends.data(), O_CLOEXEC) != 0) return {};
  return {.read = net::Fd(ends[0]), .write = net::Fd(ends[1])};
}

std::vector<char*> pointers(std::vector<std::string>& texts) {
  std::vector<char*> out;
  out.reserve(texts.size() + 1);
  for (std::string& text : texts) out.push_back(text.data());
  out.push_back(nullptr);
  return out;
}

/// posix_spawn's two settings, freed at the end.
class SpawnSettings {
 public:
  SpawnSettings() {
    ::posix_spawnattr_init(&attributes_);
    ::posix_spawn_file_actions_init(&actions_);
    sigset_t set;
    ::sigemptyset(&set);
    ::posix_spawnattr_setsigmask(&attributes_, &set);
    ::sigaddset(&set, SIGPIPE);
    ::posix_spawnattr_setsigdefault(&attributes_, &set);
    // In a session of its own no key of a terminal reaches it, so that Limpet can stop in good order.
    ::posix_spawnattr_setflags(&attributes_,
                               POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF | POSIX_SPAWN_SETSID);
  }
  SpawnSettings(const SpawnSettings&) = delete;
  SpawnSettings& operator=(const SpawnSettings&) = delete;
  ~SpawnSettings() {
    ::posix_spawnattr_destroy(&attributes_);
    ::posix_spawn_file_actions_destroy(&actions_);
  }
  void connect(const net::Fd& from, int to) { ::posix_spawn_file_actions_adddup2(&actions_, from.get(), to); }
  [[nodiscard]] const posix_spawnattr_t* attributes() const { return &attributes_; }
  [[nodiscard]] const posix_spawn_file_actions_t* actions() const { return &actions_; }

 private:
  posix_spawnattr_t attributes_{};
  posix_spawn_file_actions_t actions_{};
};

std::string reason_of(const siginfo_t& info) {
  if (info.si_code != CLD_EXITED) return "its keeper was killed";
  const int code = info.si_status;
  if (code <= kSignalled) return fmt::format("exit status {}", code);
  const char* name = ::sigabbrev_np(code - kSignalled);
  return name == nullptr ? fmt::format("exit status {}", code) : fmt::format("killed by SIG{}", name);
}

}  // namespace

void ChildProcess::Watch::on_events(std::uint32_t /*events*/) noexcept {
  (process.*handle)();
}

ChildProcess::ChildProcess(net::Reactor& reactor, Line line, End end)
    : reactor_(reactor),
      line_(std::move(line)),
      end_(std::move(end)),
      output_watch_(*this, &ChildProcess::read_output),
      end_watch_(*this, &ChildProcess::reap) {}

std::expected<std::unique_ptr<ChildProcess>, std::string> ChildProcess::start(net::Reactor& reactor,
                                                                              const ProcessSpec& spec,
                                                                              Line line, End end) {
  std::unique_ptr<ChildProcess> process(new ChildProcess(reactor, std::move(line), std::move(end)));
  if (!process->spawn(spec)) {
    return std::unexpected(fmt::format("can't start a process: {}", ::strerrordesc_np(errno)));
  }
  return process;
}

bool ChildProcess::spawn(const ProcessSpec& spec) {
  Pipe control = make_pipe();
  Pipe output = make_pipe();
  if (!control.write || !output.write) return false;
  SpawnSettings settings;
  settings.connect(control.read, STDIN_FILENO);
  settings.connect(output.write, STDOUT_FILENO);
  settings.connect(output.write, STDERR_FILENO);
  std::vector<std::string> words{kKeeperName, spec.workdir};
  words.insert(words.end(), spec.command.begin(), spec.command.end());
  std::vector<std::string> environment = spec.environment;
  pid_t pid = 0;
  errno = ::posix_spawn(&pid, "/proc/self/exe", settings.actions(), settings.attributes(),
                        pointers(words).data(), pointers(environment).data());
  if (errno != 0) return false;
  control_ = std::move(control.write);
  output_ = std::move(output.read);
  ::fcntl(output_.get(), F_SETFL, O_NONBLOCK);
  ::fcntl(control_.get(), F_SETFL, O_NONBLOCK);
  pidfd_ = net::Fd(static_cast<int>(::syscall(SYS_pidfd_open, pid, 0)));
  if (pidfd_ && reactor_.add_reader(pidfd_.get(), end_watch_) &&
      reactor_.add_reader(output_.get(), output_watch_)) {
    return true;
  }
  // Without its pipe the keeper ends at once, so this does not wait for long.
  const int reason = errno;
  control_.reset();
  ::waitpid(pid, nullptr, 0);
  errno = reason;
  return false;
}

ChildProcess::~ChildProcess() {
  if (output_) reactor_.remove(output_.get());
  if (!pidfd_) return;
  reactor_.remove(pidfd_.get());
  control_.reset();
}

void ChildProcess::signal(int number) noexcept {
  if (!control_) return;
  const auto byte = static_cast<unsigned char>(number);
  static_cast<void>(::write(control_.get(), &byte, 1));
}

void ChildProcess::kill() noexcept {
  control_.reset();
}

void ChildProcess::read_output() {
  std::array<char, 16384> buffer;
  const ssize_t count = ::read(output_.get(), buffer.data(), buffer.size());
  if (count > 0) return take_output({buffer.data(), static_cast<std::size_t>(count)});
  if (count < 0 && (errno == EAGAIN || errno == EINTR)) return;
  reactor_.remove(output_.get());
  output_.reset();
  if (!partial_.empty()) line_(std::exchange(partial_, {}));
}

void ChildProcess::take_output(std::string_view bytes) {
  while (!bytes.empty()) {
    const std::size_t end = bytes.find('\n');
    partial_ += bytes.substr(0, std::min(end, kLongestLine - partial_.size()));
    if (end == std::string_view::npos) return;
    line_(std::exchange(partial_, {}));
    bytes.remove_prefix(end + 1);
  }
}

void ChildProcess::reap() {
  siginfo_t info{};
  if (::waitid(P_PIDFD, static_cast<id_t>(pidfd_.get()), &info, WEXITED | WNOHANG) != 0 || info.si_pid == 0) {
    return;
  }
  reactor_.remove(pidfd_.get());
  pidfd_.reset();
  control_.reset();
  ended_ = true;
  // The keeper has killed whoever could still write, so what is there is all.
  for (std::array<char, 16384> buffer; output_;) {
    const ssize_t count = ::read(output_.get(), buffer.data(), buffer.size());
    if (count <= 0) break;
    take_output({buffer.data(), static_cast<std::size_t>(count)});
  }
  if (!partial_.empty()) line_(std::exchange(partial_, {}));
  if (output_) reactor_.remove(output_.get());
  output_.reset();
  end_(reason_of(info));
}

}  // namespace limpet::scaling
