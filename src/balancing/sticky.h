#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "config/model/dynamic.h"

/// Sticky cookie values: every form that a Traefik generation has issued or accepted for a server URL.
namespace limpet::balancing {

/// The value of a server's cookie in one format. `secret` is only for kHmac.
[[nodiscard]] std::string cookie_value(std::string_view url, config::CookieFormat format, std::string_view secret = {});

/// The format's name in configuration and on the command line: "fnv1a", "fnv1a-stripped", "traefik3", "sha256", "fnv1",
/// "raw", "hmac".
[[nodiscard]] std::string_view format_name(config::CookieFormat format) noexcept;
[[nodiscard]] std::optional<config::CookieFormat> format_from_name(std::string_view name) noexcept;

/// Every value that is accepted for a URL, without duplicates, in the order of `CookieFormat`, then
/// FNV-1 of FNV-1, and the padded spellings of the stripped ones.
[[nodiscard]] std::vector<std::string> accepted_cookie_values(std::string_view url);

/// Traefik's default cookie name: "_" and five hex digits of a SHA-1 over the qualified service name.
[[nodiscard]] std::string default_cookie_name(std::string_view qualified_service);

/// Finds a server by any accepted cookie value: one hash probe however many servers there are, with and without
/// leading zeros. Built once with its snapshot, then const.
class CookieIndex {
 public:
  /// `secret` empty: all of Traefik's formats; else only the HMAC format.
  CookieIndex(const std::vector<std::string_view>& urls, std::string_view secret);
  CookieIndex() = default;
  /// Index into the URLs given, if a server has this value. Percent-encoded raw URLs are understood too.
  [[nodiscard]] std::optional<std::uint32_t> find(std::string_view value) const noexcept;

 private:
  struct Slot {
    std::uint64_t key = 0;
    std::uint32_t server = 0;
    bool used = false;
  };
  void insert(std::uint64_t key, std::uint32_t server);
  [[nodiscard]] std::optional<std::uint32_t> lookup(std::uint64_t key) const noexcept;

  std::vector<Slot> slots_;
  std::vector<std::string> texts_;  // of values that are not 64-bit hex (raw, HMAC): compared whole
};

}  // namespace limpet::balancing
