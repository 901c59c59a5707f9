#pragma once

#include <gtest/gtest.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <string>

namespace limpet::providers {

/// A directory of its own for a test; gone at its end.
class TempTree {
 public:
  TempTree() {
    std::string name = ::testing::TempDir() + "limpet-files-XXXXXX";
    EXPECT_NE(::mkdtemp(name.data()), nullptr);
    root_ = name;
  }
  TempTree(const TempTree&) = delete;
  TempTree& operator=(const TempTree&) = delete;
  ~TempTree() { std::filesystem::remove_all(root_); }

  [[nodiscard]] std::string path(const std::string& name) const { return (root_ / name).string(); }

  void write(const std::string& name, const std::string& text) const {
    std::filesystem::create_directories((root_ / name).parent_path());
    std::ofstream(root_ / name) << text;
  }
  /// Writes as careful editors do: another file, renamed over the old one.
  void replace(const std::string& name, const std::string& text) const {
    write(name + ".new", text);
    rename(name + ".new", name);
  }
  void rename(const std::string& from, const std::string& to) const {
    std::filesystem::rename(root_ / from, root_ / to);
  }
  void remove(const std::string& name) const { std::filesystem::remove_all(root_ / name); }
  void link(const std::string& target, const std::string& name) const {
    std::filesystem::create_symlink(target, root_ / name);
  }
  /// An error text without the directory's name.
  [[nodiscard]] std::string without_root(std::string text) const {
    const std::string prefix = root_.string() + "/";
    for (std::size_t at = text.find(prefix); at != std::string::npos; at = text.find(prefix)) {
      text.erase(at, prefix.size());
    }
    return text;
  }

 private:
  std::filesystem::path root_;
};

/// A small dynamic configuration with one router of this name.
[[nodiscard]] inline std::string router_text(const std::string& name) {
  return "http: {routers: {" + name + ": {rule: 'Host(`a`)', service: s}}}\n";
}

}  // namespace limpet::providers
