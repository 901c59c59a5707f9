#pragma once

#include <cstddef>
#include <cstdint>
#include <limits>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "config/model/dynamic.h"

/// Sticky cookie values: every form that a Traefik generation has issued or accepted for a server URL.
namespace limpet::balancing {

/// The value of a server's cookie in one format. `secret` is only for kHmac. Of a weighted service's child,
/// `url` is its name.
[[nodiscard]] std::string cookie_value(std::string_view url, config::CookieFormat format,
                                       std::string_view secret = {});

/// The format's name in configuration and on the command line: "fnv1a", "fnv1a-stripped", "traefik3",
/// "sha256", "fnv1", "raw", "hmac".
[[nodiscard]] std::string_view format_name(config::CookieFormat format) noexcept;
/// The format of that name, written exactly so.
[[nodiscard]] std::optional<config::CookieFormat> format_from_name(std::string_view name) noexcept;
/// The names that `format_from_name` knows, for messages and suggestions.
[[nodiscard]] const std::vector<std::string_view>& format_names();

/// Every value that is accepted for a URL, without duplicates, in the order of `CookieFormat`, then
/// FNV-1 of FNV-1, and the padded spellings of the stripped ones.
[[nodiscard]] std::vector<std::string> accepted_cookie_values(std::string_view url);

/// Traefik's default cookie name: "_" and five hex digits of a SHA-1 over the qualified service name.
[[nodiscard]] std::string default_cookie_name(std::string_view qualified_service);

/// The name of a service's cookie: the one given, made a token as Traefik does, or the default.
[[nodiscard]] std::string cookie_name_of(const config::StickyCookie& cookie,
                                         std::string_view qualified_service);

/// The Set-Cookie value that gives a user's browser `value`.
[[nodiscard]] std::string sticky_set_cookie(const config::StickyCookie& cookie, std::string_view name,
                                            std::string_view value);

/// Finds a server by any accepted cookie value: one or two hash probes however many servers there are, with
/// and without leading zeros. Works for the names of a weighted service's children just as well. Built once
/// with its snapshot, then const; any thread.
///
/// Should one value be accepted for two servers, the server that issues it (in format `issued`) wins, then
/// the one for which it comes earlier in the order fnv1a, traefik3, sha256, fnv1, FNV-1 of FNV-1, then the
/// one listed first.
class CookieIndex {
 public:
  /// `secret` empty: all of Traefik's formats; else, or when `issued` is kHmac, only the HMAC format.
  CookieIndex(const std::vector<std::string_view>& urls, std::string_view secret,
              config::CookieFormat issued = config::CookieFormat::kFnv1a);
  CookieIndex() = default;
  /// Index into the URLs given, if a server has this value. A raw URL is compared by scheme, host and path,
  /// and may be percent-encoded as a whole. HMAC values are compared in constant time.
  [[nodiscard]] std::optional<std::uint32_t> find(std::string_view value) const noexcept;

  /// The most slots that one lookup reads.
  [[nodiscard]] std::size_t longest_probe() const noexcept;

 private:
  /// Open addressing, linear probing, at most half full.
  class Table {
   public:
    explicit Table(std::size_t entries);
    Table() = default;
    /// Adds an entry; one with an equal key that is there already comes first in lookups.
    void insert(std::uint64_t key, std::uint32_t server) noexcept;
    /// The first entry with this key that `is_it(server)` accepts.
    template <class Predicate>
    [[nodiscard]] std::optional<std::uint32_t> find(std::uint64_t key, Predicate is_it) const noexcept;
    [[nodiscard]] std::size_t longest_probe() const noexcept { return longest_probe_; }

   private:
    static constexpr std::uint32_t kFree = std::numeric_limits<std::uint32_t>::max();
    struct Slot {
      std::uint64_t key = 0;
      std::uint32_t server = kFree;
    };
    std::vector<Slot> slots_;  // a power of two of them
    std::size_t longest_probe_ = 0;
  };
  [[nodiscard]] std::optional<std::uint32_t> find_secret(std::string_view value) const noexcept;
  [[nodiscard]] std::optional<std::uint32_t> find_text(std::string_view value) const;

  bool hmac_ = false;
  Table hashes_;                    // by values of 64 bits
  Table texts_by_hash_;             // by a hash of raw values, or by the first half of HMAC values
  std::vector<std::string> texts_;  // by server: URL in comparable form, or HMAC value
};

}  // namespace limpet::balancing
