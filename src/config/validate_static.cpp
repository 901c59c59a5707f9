#include <fmt/format.h>

#include <charconv>
#include <chrono>
#include <cstdint>
#include <map>
#include <system_error>
#include <utility>

#include "base/text.h"
#include "config/effective.h"
#include "config/validate.h"
#include "net/address.h"

namespace limpet::config {
namespace {

class StaticCheck {
 public:
  StaticCheck(const Static& complete, const Node& tree, base::Diagnostics& out)
      : settings_(complete), tree_(tree), out_(out) {}

  void run() {
    std::map<std::string, std::string> addresses;
    for (const auto& [name, entry_point] : settings_.entry_points) {
      check_entry_point(name, entry_point);
      const auto [first, is_new] = addresses.try_emplace(entry_point.address, name);
      if (!is_new && !entry_point.address.ends_with(":0")) {
        error(fmt::format("entryPoints.{}.address", name),
              fmt::format("{} is the address of entry point {} already", entry_point.address, first->second));
      }
    }
    check_api();
    if (settings_.ping && !settings_.ping->manual_routing)
      check_reference("ping.entryPoint", settings_.ping->entry_point);
    if (settings_.prometheus && !settings_.prometheus->manual_routing) {
      check_reference("metrics.prometheus.entryPoint", settings_.prometheus->entry_point);
    }
    check_ticket_keys();
    check_buckets();
    check_file();
    check_data_path();
  }

 private:
  void check_data_path() {
    constexpr base::Duration kLongest = std::chrono::milliseconds(1);
    const base::Duration delay = settings_.data_path.batch_delay;
    if (delay.count() < 0 || delay > kLongest) {
      error("dataPath.batchDelay", "expected a time from 0 to 1ms; 50us is a good one");
    }
  }

  void error(const std::string& key, std::string message) {
    out_.error(place_of(key), key, std::move(message));
  }

  /// Of the key, or of the nearest key above it that was written.
  [[nodiscard]] base::SourcePlace place_of(std::string_view key) const {
    while (true) {
      if (const Node* node = tree_.find_path(key)) return node->place;
      const std::size_t dot = key.rfind('.');
      if (dot == std::string_view::npos) return {};
      key = key.substr(0, dot);
    }
  }

  /// Reports an address that cannot be listened on, without resolving names.
  void check_address(const std::string& key, std::string_view address) {
    constexpr std::string_view kForm = "expected host:port, :port, [::1]:port or unix:/path";
    if (address.starts_with("unix:")) {
      const std::size_t length = address.size() - 5;
      if (length == 0 || length > net::kMaxUnixPath) {
        error(key, fmt::format("expected a path of 1 to {} bytes after unix:", net::kMaxUnixPath));
      }
      return;
    }
    if (address.empty()) return error(key, fmt::format("{}, got nothing", kForm));
    const std::size_t slash = address.find('/');
    const std::string protocol =
        slash == std::string_view::npos ? "tcp" : base::to_lower(address.substr(slash + 1));
    if (protocol == "udp") return error(key, "udp is not supported yet");
    const std::string_view listen = address.substr(0, slash);
    const std::size_t colon = listen.rfind(':');
    const std::string_view digits = colon == std::string_view::npos ? "" : listen.substr(colon + 1);
    std::uint16_t port = 0;
    const auto [stop, problem] = std::from_chars(digits.data(), digits.data() + digits.size(), port);
    const bool port_fits = !digits.empty() && problem == std::errc{} && stop == digits.data() + digits.size();
    const std::string_view host = listen.substr(0, colon == std::string_view::npos ? 0 : colon);
    const bool open_ipv6 =
        host.find(':') != std::string_view::npos && !(host.starts_with('[') && host.ends_with(']'));
    if (protocol != "tcp" || !port_fits || open_ipv6)
      error(key, fmt::format("{}, got \"{}\"", kForm, address));
  }

  void check_trusted(const std::string& key, const std::vector<std::string>& ranges) {
    for (std::size_t i = 0; i < ranges.size(); ++i) {
      if (net::IpRange::parse(ranges[i])) continue;
      const std::string item = fmt::format("{}[{}]", key, i);
      error(tree_.find_path(item) != nullptr ? item : key,
            fmt::format("\"{}\" is not an address or CIDR range such as 10.0.0.0/8", ranges[i]));
    }
  }

  void check_entry_point(const std::string& name, const EntryPoint& entry_point) {
    const std::string key = fmt::format("entryPoints.{}", name);
    check_address(key + ".address", entry_point.address);
    check_trusted(key + ".forwardedHeaders.trustedIPs", entry_point.forwarded_headers.trusted_ips);
    if (entry_point.proxy_protocol) {
      check_trusted(key + ".proxyProtocol.trustedIPs", entry_point.proxy_protocol->trusted_ips);
    }
    if (entry_point.max_head_bytes < 1024) error(key + ".http.maxHeaderBytes", "expected at least 1k");
    for (const std::string& middleware : entry_point.middlewares) {
      if (middleware.find('@') == std::string::npos) {
        error(key + ".http.middlewares", fmt::format("expected name@provider, got \"{}\"", middleware));
      }
    }
    if (!entry_point.redirection) return;
    const std::string redirection = key + ".http.redirections.entryPoint";
    const std::string& to = entry_point.redirection->to;
    if (to.empty()) {
      error(redirection + ".to", "expected an entry point or :port");
    } else if (to.starts_with(':')) {
      check_address(redirection + ".to", to);
    } else if (to == name) {
      error(redirection + ".to", "an entry point cannot redirect to itself");
    } else {
      check_reference(redirection + ".to", to);
    }
    const std::string& scheme = entry_point.redirection->scheme;
    if (scheme != "http" && scheme != "https") {
      error(redirection + ".scheme", fmt::format("expected http or https, got \"{}\"", scheme));
    }
  }

  void check_reference(const std::string& key, const std::string& name) {
    if (settings_.entry_points.contains(name)) return;
    std::vector<std::string_view> known;
    for (const auto& [entry_point, unused] : settings_.entry_points) known.push_back(entry_point);
    std::string message = fmt::format("no entry point is called \"{}\"", name);
    if (const auto near = base::nearest(name, known)) message += fmt::format(", did you mean {}?", *near);
    error(key, std::move(message));
  }

  void check_api() {
    if (!settings_.api) return;
    if (!settings_.api->base_path.starts_with('/'))
      error("api.basePath", "expected a path that starts with /");
    if (!settings_.api->address.empty()) check_address("api.address", settings_.api->address);
  }

  void check_ticket_keys() {
    if (auto problem = ticket_keys_problem(settings_.placement.ticket_keys)) {
      error("placement.ticketKeys", std::move(*problem));
    }
  }

  void check_buckets() {
    if (!settings_.prometheus) return;
    const std::vector<double>& buckets = settings_.prometheus->buckets;
    for (std::size_t i = 0; i < buckets.size(); ++i) {
      const bool rises = buckets[i] > (i == 0 ? 0.0 : buckets[i - 1]);
      if (!rises)
        return error("metrics.prometheus.buckets", "expected numbers above 0, each above the one before");
    }
  }

  void check_file() {
    const auto& file = settings_.providers.file;
    if (!file) return;
    if (file->filename.empty() && file->directory.empty())
      error("providers.file", "expected filename or directory");
    if (!file->filename.empty() && !file->directory.empty()) {
      error("providers.file", "expected either filename or directory, not both");
    }
  }

  const Static& settings_;
  const Node& tree_;
  base::Diagnostics& out_;
};

}  // namespace

void validate_static(const Static& complete, const Node& tree, base::Diagnostics& out) {
  StaticCheck(complete, tree, out).run();
}

}  // namespace limpet::config
