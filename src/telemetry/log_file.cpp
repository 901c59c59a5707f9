#include "telemetry/log_file.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <poll.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <climits>
#include <cstring>
#include <filesystem>
#include <system_error>
#include <utility>

namespace limpet::telemetry {
namespace {

std::expected<int, std::string> open_for_appending(const std::string& path) {
  const std::filesystem::path directory = std::filesystem::path(path).parent_path();
  std::error_code ignored;
  // If it cannot be made, opening the file tells why.
  if (!directory.empty()) std::filesystem::create_directories(directory, ignored);
  const int fd = ::open(path.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0664);
  if (fd < 0) return std::unexpected(fmt::format("cannot open {}: {}", path, strerrordesc_np(errno)));
  return fd;
}

}  // namespace

std::expected<LogFile, std::string> LogFile::open(std::string path) {
  if (path.empty()) return LogFile(std::move(path), STDOUT_FILENO);
  const std::expected<int, std::string> fd = open_for_appending(path);
  if (!fd) return std::unexpected(fd.error());
  return LogFile(std::move(path), *fd);
}

LogFile::LogFile(std::string path, int fd) : path_(std::move(path)), fd_(fd) {
  struct stat status{};
  is_regular_ = fstat(fd_, &status) == 0 && S_ISREG(status.st_mode);
}

LogFile::LogFile(LogFile&& other) noexcept
    : path_(std::move(other.path_)), fd_(std::exchange(other.fd_, -1)), is_regular_(other.is_regular_) {}

LogFile& LogFile::operator=(LogFile&& other) noexcept {
  std::swap(path_, other.path_);
  std::swap(fd_, other.fd_);
  std::swap(is_regular_, other.is_regular_);
  return *this;
}

LogFile::~LogFile() {
  if (fd_ > STDERR_FILENO) ::close(fd_);
}

std::expected<void, std::string> LogFile::reopen() {
  if (path_.empty()) return {};
  std::expected<LogFile, std::string> fresh = open(path_);
  if (!fresh) return std::unexpected(std::move(fresh.error()));
  *this = std::move(*fresh);
  return {};
}

LogFile::Outcome LogFile::write(std::string_view text, const std::function<bool()>& give_up) {
  constexpr int kPatienceMs = 50;
  Outcome outcome;
  while (outcome.written < text.size()) {
    std::size_t length = text.size() - outcome.written;
    if (!is_regular_) {
      // A pipe that is ready takes PIPE_BUF bytes without waiting, so giving up stays possible.
      length = std::min<std::size_t>(length, PIPE_BUF);
      pollfd ready{.fd = fd_, .events = POLLOUT, .revents = 0};
      if (::poll(&ready, 1, kPatienceMs) <= 0) {
        if (give_up()) return outcome;
        continue;
      }
    }
    const ssize_t count = ::write(fd_, text.data() + outcome.written, length);
    if (count >= 0) {
      outcome.written += static_cast<std::size_t>(count);
    } else if (errno == EAGAIN) {
      if (give_up()) return outcome;
    } else if (errno != EINTR) {
      outcome.error = errno;
      return outcome;
    }
  }
  return outcome;
}

}  // namespace limpet::telemetry
