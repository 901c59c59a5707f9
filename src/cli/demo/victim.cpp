#include "cli/demo/victim.h"

#include <fmt/format.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <string_view>
#include <system_error>
#include <vector>

#include "net/fd.h"
#include "scaling/drivers/keeper.h"

namespace limpet::cli {
namespace {

namespace fs = std::filesystem;

std::string contents(const fs::path& path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), {}};
}

/// The processes that any thread of a process has started, the oldest first.
std::vector<pid_t> children(const fs::path& process) {
  std::vector<pid_t> found;
  std::error_code problem;
  for (const auto& thread : fs::directory_iterator(process / "task", problem)) {
    std::ifstream file(thread.path() / "children");
    for (pid_t pid = 0; file >> pid;) found.push_back(pid);
  }
  return found;
}

fs::path folder_of(pid_t pid) {
  return fs::path("/proc") / std::to_string(pid);
}

bool has_variable(pid_t pid, std::string_view name, std::string_view value) {
  // Each ends with a null character, and so does what is searched.
  const std::string all = '\0' + contents(folder_of(pid) / "environ");
  return all.contains(fmt::format("{}{}={}{}", '\0', name, value, '\0'));
}

bool is_keeper(pid_t pid) {
  return contents(folder_of(pid) / "cmdline").starts_with(scaling::kKeeperName);
}

/// The first process below `parent` that is the server's and no keeper; 0 if there is none.
pid_t find_server(const fs::path& parent, const std::string& name, const std::string& port) {
  for (const pid_t pid : children(parent)) {
    if (!has_variable(pid, "LIMPET_SERVER", name) || !has_variable(pid, "PORT", port)) continue;
    if (!is_keeper(pid)) return pid;
    if (const pid_t found = find_server(folder_of(pid), name, port); found != 0) return found;
  }
  return 0;
}

}  // namespace

std::expected<void, std::string> kill_server(const std::string& name, const std::string& port) {
  const pid_t pid = find_server("/proc/self", name, port);
  if (pid == 0) return std::unexpected(fmt::format("the process of {} was not found", name));
  const net::Fd process(static_cast<int>(::syscall(SYS_pidfd_open, pid, 0)));
  // It may have ended, and its number be another's by now.
  if (!process || !has_variable(pid, "LIMPET_SERVER", name) ||
      ::syscall(SYS_pidfd_send_signal, process.get(), SIGKILL, nullptr, 0) != 0) {
    return std::unexpected(fmt::format("{} can't be killed: {}", name, ::strerrordesc_np(errno)));
  }
  return {};
}

}  // namespace limpet::cli
