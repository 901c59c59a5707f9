#pragma once

#include <expected>
#include <functional>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "base/clock.h"
#include "net/address.h"
#include "net/reactor.h"
#include "net/timer.h"

namespace limpet::net {

/// The addresses of the host names in use, looked up on threads of its own and again at intervals, since
/// names move (a container that restarts, a failover by DNS). One thread, the reactor's.
class HostNames {
 public:
  using Found = std::expected<std::vector<IpAddress>, std::string>;
  /// Called on several threads; may block.
  using Lookup = std::function<Found(const std::string& host)>;

  /// How long use() waits for names that are new.
  static constexpr base::Duration kPatience = std::chrono::seconds(2);
  /// Between two lookups of a name; the system's resolver does not tell how long an answer holds.
  static constexpr base::Duration kInterval = std::chrono::seconds(10);

  /// `changed` is called on the reactor's thread when a name in use has other addresses than before, or has
  /// its first ones after use() gave up waiting.
  HostNames(Reactor& reactor, std::function<void()> changed, Lookup lookup = resolve,
            base::Duration interval = kInterval);
  HostNames(const HostNames&) = delete;
  HostNames& operator=(const HostNames&) = delete;
  /// Does not wait for lookups under way.
  ~HostNames();

  /// From now on these names are in use, and no others. Waits for those that are new, all looked up at once,
  /// for up to `patience`.
  void use(const std::set<std::string>& hosts, base::Duration patience = kPatience);
  /// What the last lookup of a name in use said; a lookup that fails does not hide addresses found before.
  [[nodiscard]] Found find(const std::string& host) const;

 private:
  class Work;
  static void look_again(void* self) noexcept;

  Reactor& reactor_;
  base::Duration interval_;
  std::shared_ptr<Work> work_;  // shared with threads that the system's resolver may hold for long
  Timer timer_;
};

}  // namespace limpet::net
