#pragma once

#include <cstdint>
#include <expected>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "apis/docker/compose.h"
#include "apis/docker/types.h"
#include "apis/http_client.h"
#include "base/clock.h"
#include "net/address.h"
#include "net/host_names.h"
#include "net/reactor.h"
#include "net/task.h"

namespace limpet::apis::docker {

/// Where the Engine listens.
struct Endpoint {
  std::string text;                               ///< as written
  std::optional<net::SocketAddress> unix_socket;  ///< else host and port
  std::string host;
  std::uint16_t port = 0;
};

/// Reads "unix:///var/run/docker.sock", "tcp://host:port" or "http://host:port". Fails with what is expected.
[[nodiscard]] std::expected<Endpoint, std::string> parse_endpoint(std::string_view text);

/// Why a call failed: the Engine's status and its sentence, or status 0 and what happened on the way.
struct CallFailure {
  std::uint16_t status = 0;
  std::string text;
};

/// Calls to the Engine, each on a connection of its own and in the newest version of the API that it knows.
/// Control thread only; the client outlives its calls.
class Client {
 public:
  template <class T>
  using Result = std::expected<T, CallFailure>;

  /// `timeout` is for each call, 0: 30 s. Looks up the host name of an endpoint that has one, for up to 2 s.
  Client(net::Reactor& reactor, Endpoint endpoint, base::Duration timeout);
  Client(const Client&) = delete;
  Client& operator=(const Client&) = delete;

  /// All containers, those that have stopped too.
  [[nodiscard]] net::Task<Result<std::vector<Listed>>> list();
  /// One container by id or name; status 404 if there is none.
  [[nodiscard]] net::Task<Result<Container>> inspect(std::string container);

  /// The replicas of a Compose service, those that have stopped too.
  [[nodiscard]] net::Task<Result<std::vector<Replica>>> list(ComposeService of);
  /// A container, or an image by name or id, as the Engine's text.
  [[nodiscard]] net::Task<Result<std::string>> inspect_text(std::string container);
  [[nodiscard]] net::Task<Result<std::string>> inspect_image(std::string image);
  /// Makes a container; gives its id. Status 409: the name is taken.
  [[nodiscard]] net::Task<Result<std::string>> create(std::string name, std::string body);
  [[nodiscard]] net::Task<Result<bool>> connect(std::string container, NewReplica::Connection connection);
  [[nodiscard]] net::Task<Result<bool>> start(std::string container);
  /// Sends the container its stop signal, and kills it after its own stop timeout, which is `seconds` (-1:
  /// never). Gives when it has ended.
  [[nodiscard]] net::Task<Result<bool>> stop(std::string container, int seconds);
  /// With `force` it is killed first. Its volumes stay.
  [[nodiscard]] net::Task<Result<bool>> remove(std::string container, bool force);
  /// The last line that the container has written; empty if there is none.
  [[nodiscard]] net::Task<Result<std::string>> last_output(std::string container);

  /// Makes the calls under way fail soon.
  void cancel() noexcept;

 private:
  friend class EventStream;
  [[nodiscard]] net::Task<Result<std::string>> call(std::string method, std::string target, std::string body,
                                                    base::Duration longer = {});
  [[nodiscard]] net::Task<Result<bool>> act(std::string method, std::string target, std::string body,
                                            base::Duration longer = {});
  [[nodiscard]] Result<std::vector<net::SocketAddress>> addresses() const;
  [[nodiscard]] net::Task<Result<HttpAnswer>> open(HttpExchange& exchange, HttpRequest request,
                                                   base::Duration longer = {});

  net::Reactor& reactor_;
  Endpoint endpoint_;
  base::Duration timeout_;
  std::optional<net::HostNames> names_;  // for an endpoint with a host name
  std::vector<HttpExchange*> running_;
};

/// The Engine's events about containers, from open() on, without end. One coroutine.
class EventStream {
 public:
  /// Of all containers and their networks.
  explicit EventStream(Client& client);
  /// Of the containers of one Compose service, one-off ones among them.
  EventStream(Client& client, const ComposeService& of);

  /// Begins; what happens from then on is told. Once.
  [[nodiscard]] net::Task<Client::Result<bool>> open();
  /// Waits for the next event. A failure is the end.
  [[nodiscard]] net::Task<Client::Result<Event>> next();
  /// Makes what waits fail soon.
  void cancel() noexcept { exchange_.cancel(); }

 private:
  Client& client_;
  std::string target_;
  HttpExchange exchange_;
  std::string pending_;  // received and not yet given
};

}  // namespace limpet::apis::docker
