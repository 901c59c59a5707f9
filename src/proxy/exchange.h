#pragma once

#include <cstdint>
#include <expected>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "balancing/service.h"
#include "net/task.h"
#include "proxy/body_sink.h"
#include "proxy/client_connection.h"
#include "proxy/kept_body.h"
#include "proxy/middleware.h"
#include "proxy/replay.h"
#include "proxy/report.h"
#include "proxy/server_pool.h"

namespace limpet::proxy {

/// How a request left its connection.
enum class Outcome : std::uint8_t {
  kKeepAlive,   ///< ready for the next request
  kClose,       ///< answered, to be closed in good order
  kAbort,       ///< broken in the middle of an answer, or the client is gone: close at once
  kHandedOver,  ///< the socket belongs to the relay engine now
};

/// One request and its answer: routed, passed through the middlewares, then answered by Limpet itself or sent
/// to a server (see ServerTry). Belongs to its connection's thread and lives as long as the request.
class Exchange {
 public:
  explicit Exchange(ClientConnection& connection);
  Exchange(const Exchange&) = delete;
  Exchange& operator=(const Exchange&) = delete;
  ~Exchange();

  [[nodiscard]] net::Task<Outcome> run();

  // For ServerTry:

  [[nodiscard]] ClientConnection& connection() noexcept { return connection_; }
  [[nodiscard]] RequestContext& context() noexcept { return context_; }
  [[nodiscard]] Report& report() noexcept { return report_; }
  [[nodiscard]] const http::RequestHead& head() const noexcept { return connection_.head(); }
  [[nodiscard]] std::vector<std::string>& cookies() noexcept { return cookies_; }
  /// The request's body, if it is kept so that it can be sent again.
  [[nodiscard]] const std::optional<KeptBody>& kept_body() const noexcept { return kept_body_; }
  /// A client that waits to be told so has been told to send its body.
  [[nodiscard]] bool told_to_continue() const noexcept { return told_to_continue_; }
  /// The peer may name the client's address in X-Forwarded-For.
  [[nodiscard]] bool trusted() const noexcept { return trusted_; }

 private:
  [[nodiscard]] net::Task<Outcome> route();
  [[nodiscard]] bool set_up_context(http::HeadError& error);
  [[nodiscard]] net::Task<std::optional<Answer>> pass_chain(const routing::Chain* chain);
  [[nodiscard]] net::Task<Outcome> answer(Answer answer);
  [[nodiscard]] net::Task<Outcome> serve_internally(routing::InternalService service);
  [[nodiscard]] net::Task<Outcome> forward(const balancing::Service& first);
  [[nodiscard]] net::Task<std::expected<balancing::Selected, balancing::Refused>> choose(
      const balancing::Service*& service, balancing::Choice choice, std::vector<std::uint32_t>& tried,
      base::TimePoint& deadline);
  [[nodiscard]] std::shared_ptr<const balancing::Service> shared(const balancing::Service& service) const;
  [[nodiscard]] net::Task<std::optional<Answer>> use_ticket(const balancing::Service& service,
                                                            const balancing::Admission& admission);
  [[nodiscard]] net::Task<std::optional<Answer>> keep_body(const balancing::Service& service);
  [[nodiscard]] net::Task<std::optional<Answer>> send_on(const balancing::Service& service,
                                                         const ReplayOrder& order, std::uint32_t from,
                                                         balancing::Choice& choice,
                                                         std::vector<std::uint32_t>& tried);
  [[nodiscard]] net::Task<BodySinkResult> drain_request_body(std::string* keep, std::size_t limit);

  ClientConnection& connection_;
  Worker& worker_;
  std::shared_ptr<const routing::Snapshot>
      snapshot_;  // shared with the worker: kept for the length of the request
  std::shared_ptr<const balancing::Service>
      waited_for_;  // shared with its snapshot: that in which a wait ended, if there was one
  RequestContext context_;
  Report report_;
  std::string host_;
  std::string canonical_;  // scratch of the canonical path
  std::string routing_;    // scratch of the path as rules see it
  std::vector<std::string> cookies_;
  std::optional<KeptBody> kept_body_;
  int replays_ = 0;
  bool trusted_ = false;
  bool arrived_ = false;  // counted as a new user
  bool told_to_continue_ = false;
  bool body_read_ = false;
  bool body_broken_ = false;  // it was taken in part, so what follows is no request
};

}  // namespace limpet::proxy
