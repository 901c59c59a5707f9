#pragma once

#include <cstdint>
#include <expected>
#include <string>
#include <vector>

#include "cli/admin_client.h"

namespace limpet::cli {

/// The service as the admin API tells of it at a moment.
struct Look {
  struct Server {
    std::string name;
    std::string url;
    std::string state;  ///< "starting", "ready", "draining", "stopping" or "down"
    std::uint64_t users = 0;
    std::string id;      ///< empty until it takes users
    std::string cookie;  ///< value of the session cookie that leads there; empty until it takes users
  };
  std::vector<Server> servers;
  std::uint64_t wanted = 0;
  std::uint64_t waiting = 0;  ///< users held since no server has a seat
  std::string why;            ///< the last decision
  std::string reason;         ///< the last decision that did something
  std::string trouble;        ///< of the last launch that failed, or the last server that ended by itself

  [[nodiscard]] const Server* find(const std::string& url) const;
  /// The one with the most users in this state; null if there is none.
  [[nodiscard]] const Server* fullest(const std::string& state) const;
  [[nodiscard]] std::uint64_t count(const std::string& state) const;
};

/// Asks for it. Fails with a sentence.
[[nodiscard]] std::expected<Look, std::string> look_at(const AdminClient& client);

/// What has happened between two looks, a line for each event.
[[nodiscard]] std::vector<std::string> news(const Look& before, const Look& now);

/// 2310 as "2,310".
[[nodiscard]] std::string grouped(std::uint64_t value);
/// "1 user", "2,310 users".
[[nodiscard]] std::string users_text(std::uint64_t count);

}  // namespace limpet::cli
