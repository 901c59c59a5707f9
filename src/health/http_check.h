#pragma once

#include <cstdint>
#include <expected>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "apis/http_client.h"
#include "base/clock.h"
#include "config/model/dynamic.h"
#include "net/address.h"
#include "net/reactor.h"
#include "net/task.h"

/// Health checks of servers. Control thread only.
namespace limpet::health {

/// One request to a server and what a good answer to it is.
struct CheckRequest {
  std::vector<net::SocketAddress> addresses;  ///< tried in order until one takes the connection
  std::string method;
  std::string host;    ///< for the Host field
  std::string target;  ///< path and query
  std::map<std::string, std::string> headers;
  std::uint32_t status = 0;  ///< the one good status, 0: 200 to 399
  bool follow_redirects = true;
  base::Duration timeout{};  ///< for everything together
};

/// The request that the settings of a service ask for a server. `settings.path` stands in for the URL's path,
/// as a relative reference would (RFC 3986, section 5.2); `settings.port` replaces the port of every address.
/// A "Host" among the headers counts unless `settings.hostname` is given. Fails with a sentence if the
/// request can't be written or needs a scheme other than http.
[[nodiscard]] std::expected<CheckRequest, std::string> make_check_request(
    std::string_view url, const std::vector<net::SocketAddress>& addresses,
    const config::HealthCheck& settings);

/// Nothing if the server is well, else a sentence that says why not.
using CheckResult = std::expected<void, std::string>;

/// One check under way: connects, asks, reads the head of the answer, closes. Up to ten redirects are
/// followed as long as they lead to the same host and port; the status of one that leads elsewhere counts as
/// it is, for it is this server that is asked after. One thread.
class HttpCheck {
 public:
  HttpCheck(net::Reactor& reactor, CheckRequest request);
  HttpCheck(const HttpCheck&) = delete;
  HttpCheck& operator=(const HttpCheck&) = delete;

  /// Makes the check; once.
  [[nodiscard]] net::Task<CheckResult> run();
  /// Makes run() end soon, with a failure.
  void cancel() noexcept;

 private:
  using AskResult = std::expected<apis::HttpAnswer, std::string>;
  [[nodiscard]] net::Task<AskResult> ask();
  [[nodiscard]] CheckResult judge(const apis::HttpAnswer& answer) const;
  [[nodiscard]] bool follow(const apis::HttpAnswer& answer);
  [[nodiscard]] apis::HttpRequest http_request() const;

  net::Reactor& reactor_;
  CheckRequest request_;
  base::TimePoint deadline_;
  apis::HttpExchange* exchange_ = nullptr;  // while one is in use
  bool cancelled_ = false;
};

}  // namespace limpet::health
