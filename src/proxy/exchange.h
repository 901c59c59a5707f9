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
#include "proxy/client_connection.h"
#include "proxy/middleware.h"
#include "proxy/report.h"
#include "proxy/server_pool.h"

namespace limpet::proxy {

/// How a request left its connection.
enum class Outcome : std::uint8_t {
  kKeepAlive,   ///< ready for the next request
  kClose,       ///< answered, to be closed in good order
  kAbort,       ///< broken in the middle of an answer: close at once
  kHandedOver,  ///< the socket belongs to the relay engine now
};

/// One request and its answer: routed, passed through the middlewares, sent to a server, answered. Belongs to its
/// connection's thread and lives as long as the request.
class Exchange {
 public:
  explicit Exchange(ClientConnection& connection);
  Exchange(const Exchange&) = delete;
  Exchange& operator=(const Exchange&) = delete;
  ~Exchange();

  [[nodiscard]] net::Task<Outcome> run();

 private:
  /// What came of one try with one server.
  enum class Try : std::uint8_t {
    kDone,         ///< answered, see outcome_
    kFailed,       ///< the client can still be given an error, see failure_
    kOtherServer,  ///< nothing was sent: another server may be tried
    kSameServer,   ///< a kept connection turned out dead before it took the request: a fresh one may be tried
  };

  // Ways a request goes.
  [[nodiscard]] net::Task<std::optional<Outcome>> pass_chain(const routing::Chain* chain);
  [[nodiscard]] net::Task<Outcome> answer(Answer answer);
  [[nodiscard]] net::Task<Outcome> serve_internally(routing::InternalService service);
  [[nodiscard]] net::Task<Outcome> forward(const balancing::Service& service);
  [[nodiscard]] net::Task<std::expected<balancing::Selected, balancing::Refused>> choose(
      const balancing::Service& service, const std::vector<std::uint32_t>& tried);
  [[nodiscard]] Answer refusal_answer(balancing::Refusal reason) const;

  // One try.
  [[nodiscard]] net::Task<Try> attempt(const balancing::Service& service, balancing::Selected& selected, bool fresh);
  [[nodiscard]] std::unique_ptr<ServerConnection> connect(const balancing::Server& server);
  [[nodiscard]] net::Task<Try> send_and_receive(const balancing::Service& service, balancing::Selected& selected,
                                                ServerConnection& server);
  [[nodiscard]] net::Task<Try> receive(const balancing::Service& service, balancing::Selected& selected,
                                       ServerConnection& server);
  [[nodiscard]] net::Task<std::expected<void, base::Failure>> read_response_head(ServerConnection& server,
                                                                                base::Duration timeout);
  [[nodiscard]] net::Task<void> send_request_body(ServerConnection& server);
  [[nodiscard]] net::Task<void> finish_request_body(bool response_complete);
  [[nodiscard]] net::Task<bool> pass_interim_response();
  [[nodiscard]] net::Task<Try> hand_over(const balancing::Service& service, balancing::Selected& selected,
                                         ServerConnection& server);
  [[nodiscard]] Try failed(base::Failure failure, ServerConnection& server, bool request_sent);

  // Heads.
  void compose_request_head(const balancing::Service& service, const balancing::Server& server);
  void compose_response_head(const balancing::Service& service, const balancing::Selected& selected, bool close);
  void write_response_fields(http::HeadWriterRef writer, const balancing::Service& service,
                             const balancing::Selected& selected);

  [[nodiscard]] bool wants_upgrade() const noexcept;
  [[nodiscard]] bool may_repeat() const noexcept;
  void report(std::uint16_t status);

  ClientConnection& connection_;
  Worker& worker_;
  std::shared_ptr<const routing::Snapshot> snapshot_;
};

}  // namespace limpet::proxy
