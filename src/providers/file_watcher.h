#pragma once

#include <cstdint>
#include <expected>
#include <filesystem>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <utility>

#include "config/model/static.h"
#include "net/fd.h"

namespace limpet::providers {

/// Tells when a configuration file, or a directory of them, may have changed, by inotify. Watches directories
/// rather than files, so that it sees editors that rename, files that are deleted and made again, links that
/// are swapped (Kubernetes'
/// `..data`), and directories that come and go. Says too often rather than too rarely that something changed;
/// hold the content against the last one. Needs no event loop: wait until fd() is readable, then drain(). One
/// thread.
class FileWatcher {
 public:
  /// Fails with a sentence if the system has no inotify instance left.
  [[nodiscard]] static std::expected<FileWatcher, std::string> open(const config::FileProvider& settings);

  /// Readable when there are events; level-triggered, non-blocking.
  [[nodiscard]] int fd() const noexcept { return inotify_.get(); }

  /// Takes all events. True if one of them may have changed the configuration; read it after the call, not
  /// before, since the call also moves the watches on.
  [[nodiscard]] bool drain();

 private:
  /// What of a directory matters.
  struct Interest {
    bool everything = false;      // a directory of configuration files
    std::set<std::string> names;  // these of its entries
    bool operator==(const Interest&) const = default;
  };
  using Plan = std::map<std::string, Interest>;  // by directory

  FileWatcher(net::Fd inotify, config::FileProvider settings)
      : inotify_(std::move(inotify)), settings_(std::move(settings)) {}

  [[nodiscard]] Plan plan() const;
  /// Plans for the directories whose entries decide what a path means: that of the first link on the way, or
  /// of the last entry, or where the way ends early the last directory that exists. Returns where the link
  /// leads.
  static std::optional<std::filesystem::path> plan_way(const std::filesystem::path& path, Plan& plan);
  /// Plans for a directory, those below it, and those that links in them lead to.
  static void plan_tree(const std::filesystem::path& directory, Plan& plan);
  void rewatch();
  [[nodiscard]] bool matters(int watch, std::uint32_t mask, std::string_view name) const;

  net::Fd inotify_;
  config::FileProvider settings_;
  Plan plan_;
  std::map<int, std::string> watches_;  // watch descriptor to directory (or the file itself)
};

}  // namespace limpet::providers
