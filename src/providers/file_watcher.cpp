#include "providers/file_watcher.h"

#include <fmt/format.h>
#include <sys/inotify.h>
#include <sys/stat.h>

#include <array>
#include <cerrno>
#include <cstddef>
#include <cstring>
#include <filesystem>
#include <iterator>
#include <optional>
#include <system_error>
#include <utility>
#include <vector>

#include "config/document.h"

namespace limpet::providers {
namespace {

namespace fs = std::filesystem;

constexpr std::uint32_t kDirectoryEvents = IN_CLOSE_WRITE | IN_MOVED_TO | IN_MOVED_FROM | IN_CREATE |
                                           IN_DELETE | IN_DELETE_SELF | IN_MOVE_SELF | IN_ATTRIB | IN_ONLYDIR;
constexpr std::uint32_t kFileEvents = IN_CLOSE_WRITE | IN_ATTRIB | IN_DELETE_SELF | IN_MOVE_SELF;
constexpr std::uint32_t kSelfGone = IN_DELETE_SELF | IN_MOVE_SELF | IN_UNMOUNT;
constexpr int kMaxLinks = 40;  // as many as the kernel follows
constexpr std::size_t kMaxWatches = 2000;
constexpr int kMaxRounds = 8;  // of planning again because directories come and go meanwhile

bool is_link(const fs::path& path) {
  std::error_code error;
  return fs::is_symlink(fs::symlink_status(path, error));
}

bool leads_to_directory(const fs::path& path) {
  std::error_code error;
  return fs::is_directory(path, error);
}

/// Whether an entry that was just made is complete: a file still being written is not, and will be reported
/// when it is.
bool is_complete_at_birth(const fs::path& path) {
  struct stat status{};
  if (::lstat(path.c_str(), &status) != 0) return true;
  return !S_ISREG(status.st_mode) || status.st_nlink > 1;
}

/// Where a link on the way leads, with the rest of the way behind it.
fs::path beyond_link(const fs::path& link, const fs::path& rest) {
  std::error_code error;
  fs::path target = fs::read_symlink(link, error);
  if (target.is_relative()) target = link.parent_path() / target;
  return rest.empty() ? target : target / rest;
}

}  // namespace

std::expected<FileWatcher, std::string> FileWatcher::open(const config::FileProvider& settings) {
  net::Fd inotify(::inotify_init1(IN_NONBLOCK | IN_CLOEXEC));
  if (!inotify) return std::unexpected(fmt::format("cannot watch files: {}", strerrordesc_np(errno)));
  FileWatcher watcher(std::move(inotify), settings);
  watcher.rewatch();
  return watcher;
}

FileWatcher::Plan FileWatcher::plan() const {
  Plan plan;
  std::error_code error;
  const bool whole_directory = !settings_.directory.empty();
  std::optional<fs::path> path =
      fs::absolute(whole_directory ? settings_.directory : settings_.filename, error);
  for (int links = 0; path && links <= kMaxLinks; ++links) path = plan_way(*path, plan);
  if (whole_directory) plan_tree(settings_.directory, plan);
  return plan;
}

std::optional<fs::path> FileWatcher::plan_way(const fs::path& path, Plan& plan) {
  fs::path way = path.root_path();
  const fs::path relative = path.relative_path();
  for (auto part = relative.begin(); part != relative.end(); ++part) {
    if (part->empty() || *part == ".") continue;
    const fs::path parent = way;
    way /= *part;
    fs::path rest;
    for (auto next = std::next(part); next != relative.end(); ++next) rest /= *next;
    const bool link = is_link(way);
    const bool ends = rest.empty() || !leads_to_directory(way);
    if (link || ends) plan[parent.string()].names.insert(part->string());
    if (link) return beyond_link(way, rest);
    if (ends) return std::nullopt;
  }
  return std::nullopt;
}

void FileWatcher::plan_tree(const fs::path& directory, Plan& plan) {
  if (!leads_to_directory(directory)) return;
  std::error_code error;
  plan[fs::absolute(directory, error).string()].everything = true;
  fs::recursive_directory_iterator entry(directory, error);
  for (; !error && entry != fs::recursive_directory_iterator(); entry.increment(error)) {
    std::error_code unreadable;
    if (entry->path().filename().string().starts_with('.')) {
      entry.disable_recursion_pending();
    } else if (entry->is_symlink(unreadable)) {
      plan[fs::weakly_canonical(entry->path(), unreadable).parent_path().string()].everything = true;
    } else if (entry->is_directory(unreadable)) {
      plan[fs::absolute(entry->path(), unreadable).string()].everything = true;
    }
    if (plan.size() > kMaxWatches) return;
  }
}

void FileWatcher::rewatch() {
  for (int round = 0; round < kMaxRounds; ++round) {
    for (const auto& [watch, directory] : watches_) ::inotify_rm_watch(inotify_.get(), watch);
    watches_.clear();
    plan_ = plan();
    for (const auto& [directory, interest] : plan_) {
      const int watch = ::inotify_add_watch(inotify_.get(), directory.c_str(), kDirectoryEvents);
      if (watch >= 0) watches_[watch] = directory;
    }
    // A file mounted on its own gives events on itself only, not on the directory it is mounted in.
    if (settings_.directory.empty()) {
      const int watch = ::inotify_add_watch(inotify_.get(), settings_.filename.c_str(), kFileEvents);
      if (watch >= 0) watches_.try_emplace(watch, settings_.filename);
    }
    if (plan() == plan_) return;
  }
}

bool FileWatcher::matters(int watch, std::uint32_t mask, std::string_view name) const {
  if ((mask & IN_Q_OVERFLOW) != 0) return true;
  const auto watched = watches_.find(watch);
  if (watched == watches_.end() || (mask & IN_IGNORED) != 0) return false;
  const auto planned = plan_.find(watched->second);
  if (planned == plan_.end()) return true;  // the file itself
  if ((mask & kSelfGone) != 0) return true;
  if (name.empty()) return false;
  const Interest& interest = planned->second;
  const bool named = interest.names.contains(std::string(name));
  const fs::path path = fs::path(watched->second) / name;
  const bool configured = interest.everything && (config::is_document_name(name) || (mask & IN_ISDIR) != 0 ||
                                                  name == "..data" || is_link(path));
  return (named || configured) && ((mask & IN_CREATE) == 0 || is_complete_at_birth(path));
}

bool FileWatcher::drain() {
  alignas(inotify_event) std::array<char, 16 * 1024> buffer{};
  bool changed = false;
  while (true) {
    const ::ssize_t size = ::read(inotify_.get(), buffer.data(), buffer.size());
    if (size < 0 && errno == EINTR) continue;
    if (size <= 0) break;
    for (std::size_t at = 0; at < static_cast<std::size_t>(size);) {
      inotify_event event{};
      std::memcpy(&event, buffer.data() + at, sizeof(event));
      const char* name = buffer.data() + at + sizeof(event);
      changed = matters(event.wd, event.mask, std::string_view(name, ::strnlen(name, event.len))) || changed;
      at += sizeof(event) + event.len;
    }
  }
  if (changed) rewatch();
  return changed;
}

}  // namespace limpet::providers
