#include "scaling/drivers/keeper.h"

#include <fcntl.h>
#include <poll.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <csignal>
#include <cstdio>
#include <cstring>
#include <optional>
#include <string>
#include <vector>

#include "net/fd.h"

namespace limpet::scaling {
namespace {

constexpr int kNotStarted = 127;
constexpr int kSignalled = 128;
constexpr unsigned kFirstOther = 3;  // behind the standard descriptors

sigset_t child_signal() {
  sigset_t set;
  ::sigemptyset(&set);
  ::sigaddset(&set, SIGCHLD);
  return set;
}

[[noreturn]] void become_server(pid_t keeper, std::span<char*> args) {
  ::setpgid(0, 0);
  ::prctl(PR_SET_PDEATHSIG, SIGKILL);
  // The keeper may have died before the line above.
  if (::getppid() != keeper) ::_exit(kNotStarted);
  const sigset_t none = [] {
    sigset_t set;
    ::sigemptyset(&set);
    return set;
  }();
  ::pthread_sigmask(SIG_SETMASK, &none, nullptr);
  const int null = ::open("/dev/null", O_RDONLY | O_CLOEXEC);
  if (null >= 0) ::dup2(null, STDIN_FILENO);
  if (*args[0] != '\0' && ::chdir(args[0]) != 0) {
    ::dprintf(STDERR_FILENO, "can't run in directory %s: %s\n", args[0], ::strerrordesc_np(errno));
    ::_exit(kNotStarted);
  }
  // argv of the process ends with a null pointer, so the words do too.
  ::execvp(args[1], args.data() + 1);
  ::dprintf(STDERR_FILENO, "can't start %s: %s\n", args[1], ::strerrordesc_np(errno));
  ::_exit(kNotStarted);
}

int code_of(int status) {
  return WIFEXITED(status) ? WEXITSTATUS(status) : kSignalled + WTERMSIG(status);
}

/// Reaps what has ended; the server's exit code if it is among them.
std::optional<int> reap(pid_t server) {
  std::optional<int> code;
  int status = 0;
  for (pid_t ended = 0; (ended = ::waitpid(-1, &status, WNOHANG)) > 0;) {
    if (ended == server) code = code_of(status);
  }
  return code;
}

/// Waits until the server ends or standard input does; then nothing.
std::optional<int> watch(pid_t server, int signals) {
  std::array<pollfd, 2> waits{pollfd{.fd = STDIN_FILENO, .events = POLLIN, .revents = 0},
                              pollfd{.fd = signals, .events = POLLIN, .revents = 0}};
  while (true) {
    if (::poll(waits.data(), waits.size(), -1) < 0 && errno != EINTR) return std::nullopt;
    if (waits[1].revents != 0) {
      signalfd_siginfo ignored{};
      static_cast<void>(::read(signals, &ignored, sizeof ignored));
      if (const auto code = reap(server)) return code;
    }
    if (waits[0].revents != 0) {
      unsigned char signal = 0;
      const ssize_t count = ::read(STDIN_FILENO, &signal, 1);
      if (count == 0 || (count < 0 && errno != EINTR)) return std::nullopt;
      if (count == 1) ::kill(-server, signal);
    }
  }
}

/// The pids of this process's children.
std::vector<pid_t> children() {
  std::vector<pid_t> found;
  const std::string path = "/proc/self/task/" + std::to_string(::getpid()) + "/children";
  std::FILE* file = std::fopen(path.c_str(), "re");
  if (file == nullptr) return found;
  for (int pid = 0; std::fscanf(file, "%d", &pid) == 1;) found.push_back(pid);
  std::fclose(file);
  return found;
}

/// Kills every descendant. Those of a killed one become our children, so this ends when there are none. Gives
/// the exit code of one of them, if that ended here.
std::optional<int> kill_all(pid_t asked_for) {
  std::optional<int> code;
  while (true) {
    for (const pid_t pid : children()) ::kill(pid, SIGKILL);
    int status = 0;
    const pid_t ended = ::waitpid(-1, &status, 0);
    if (ended < 0 && errno != EINTR) return code;
    if (ended == asked_for) code = code_of(status);
  }
}

/// The inner of the two processes: starts the server and keeps it.
int keep(std::span<char*> args) {
  // A signal for the process group of the outer one is none for this.
  ::setsid();
  ::prctl(PR_SET_CHILD_SUBREAPER, 1);
  const sigset_t set = child_signal();
  const net::Fd signals(::signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK));
  const pid_t keeper = ::getpid();
  const pid_t server = ::fork();
  if (server == 0) become_server(keeper, args);
  if (server < 0 || !signals) return kNotStarted;
  ::setpgid(server, server);
  const std::optional<int> code = watch(server, signals.get());
  ::kill(-server, SIGKILL);
  const std::optional<int> killed = kill_all(server);
  return code.value_or(killed.value_or(kSignalled + SIGKILL));
}

}  // namespace

int run_keeper(std::span<char*> args) {
  if (args.size() < 2) return kNotStarted;
  ::close_range(kFirstOther, ~0U, 0);
  ::prctl(PR_SET_CHILD_SUBREAPER, 1);
  // Signals are for the server: a keeper that went first would leave its descendants behind.
  sigset_t all;
  ::sigfillset(&all);
  ::pthread_sigmask(SIG_SETMASK, &all, nullptr);
  const pid_t inner = ::fork();
  if (inner == 0) ::_exit(keep(args));
  if (inner < 0) return kNotStarted;
  int status = 0;
  while (::waitpid(inner, &status, 0) < 0 && errno == EINTR) {
  }
  // Who is still there has lost the inner keeper, and has become ours.
  static_cast<void>(kill_all(inner));
  return WIFEXITED(status) ? WEXITSTATUS(status) : kSignalled + SIGKILL;
}

}  // namespace limpet::scaling
