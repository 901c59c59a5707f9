#pragma once

#include <cstdint>
#include <expected>
#include <string>
#include <string_view>

#include "base/clock.h"

namespace limpet::cli {

/// Where an admin API is.
struct AdminAddress {
  std::string text;        ///< as given, for messages
  std::string host;        ///< a name or an address; empty for a Unix socket
  std::uint16_t port = 0;  ///< 0 for a Unix socket
  std::string unix_path;   ///< empty for TCP
  std::string authority;   ///< what Host says
  std::string base_path;   ///< before every path, without a slash at the end: "" or "/limpet"
};

/// Reads "http://host:port", with a path if the API has a base path, "host:port", ":port" (this machine) or
/// "unix:/path". Fails with what is expected.
[[nodiscard]] std::expected<AdminAddress, std::string> parse_admin_address(std::string_view text);

/// The address at which this machine reaches what listens on `listen`, an entry point's address: a host that
/// means all addresses becomes the loopback one.
[[nodiscard]] std::string reachable_address(std::string_view listen);

/// An answer of the admin API.
struct AdminAnswer {
  std::uint16_t status = 0;
  std::string body;
};

/// A small blocking HTTP/1.1 client for the admin API: one connection for each request. One thread.
class AdminClient {
 public:
  /// `token` empty: none is sent. `timeout` is for a whole request.
  AdminClient(AdminAddress address, std::string token, base::Duration timeout);

  /// Sends a request, with a JSON body if there is one. `path` starts with a slash, and may have a query.
  /// Fails with a sentence that names the address if nobody answers in time, or the answer is not HTTP or
  /// larger than 64 MiB; any status is an answer.
  [[nodiscard]] std::expected<AdminAnswer, std::string> request(std::string_view method,
                                                                std::string_view path,
                                                                std::string_view json = {}) const;

  [[nodiscard]] const AdminAddress& address() const noexcept { return address_; }

 private:
  AdminAddress address_;
  std::string token_;
  base::Duration timeout_;
};

}  // namespace limpet::cli
