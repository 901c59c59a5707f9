#pragma once

#include <map>
#include <string>
#include <vector>

#include "base/diagnostics.h"
#include "config/model/dynamic.h"

namespace limpet::providers {

/// Puts the configurations that many containers (or instances) define together, as Traefik does: the same
/// definition several times is one, and the servers of a service are gathered from all of them. A name with
/// different definitions is left out, with an error that names who defines it. What yields (a container that
/// is stopping) adds servers, but its definitions count only where nobody else has one. One thread.
class MergedParts {
 public:
  void add(const std::string& source, config::Dynamic part, bool yields);
  /// Everything, once; errors go to `out`.
  [[nodiscard]] config::Dynamic finish(base::Diagnostics& out);

 private:
  template <class T>
  struct Entry {
    T value;
    std::vector<std::string> sources;
    bool conflicts = false;
  };
  template <class T>
  using Entries = std::map<std::string, Entry<T>>;
  struct Part {
    std::string source;
    config::Dynamic configuration;
  };

  template <class T>
  static void add_all(Entries<T>& all, const std::string& source, std::map<std::string, T> more, bool yields);
  template <class T>
  static std::map<std::string, T> take(Entries<T>& all, const char* kind, base::Diagnostics& out);
  void take_in(const std::string& source, config::Dynamic part, bool yields);

  Entries<config::Router> routers_;
  Entries<config::Service> services_;
  Entries<config::Middleware> middlewares_;
  std::vector<Part> yielding_;
};

}  // namespace limpet::providers
