#pragma once

#include <cstdint>
#include <expected>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "balancing/service.h"
#include "base/failure.h"
#include "http/head.h"
#include "net/task.h"
#include "proxy/body.h"
#include "proxy/replay.h"
#include "proxy/server_pool.h"
#include "proxy/tunnel_owner.h"

namespace limpet::proxy {

class Exchange;

/// One try to have a request answered by one server. Knows what was sent, so that the caller repeats only
/// what RFC 9110 (section 9.2.2) lets it: what never reached a server, or an idempotent request that a kept
/// connection swallowed.
class ServerTry {
 public:
  enum class Result : std::uint8_t {
    kKeepAlive,    ///< answered; the client's connection may go on
    kClose,        ///< answered; to be closed in good order
    kAbort,        ///< broken in the middle of the answer, or the client is gone
    kHandedOver,   ///< a tunnel now
    kOtherServer,  ///< nothing was sent, to none of its addresses: another server may be tried
    kSameServer,   ///< a kept connection was dead: a fresh one may be tried
    kReplay,       ///< the server sends the request on: see replay()
    kFailed,       ///< no answer, but the client can be given one: see failure()
  };

  ServerTry(Exchange& exchange, const balancing::Service& service, balancing::Selected& selected) noexcept;
  ServerTry(const ServerTry&) = delete;
  ServerTry& operator=(const ServerTry&) = delete;
  ~ServerTry();

  /// `fresh`: don't use a kept connection.
  [[nodiscard]] net::Task<Result> run(bool fresh);
  [[nodiscard]] const base::Failure& failure() const noexcept { return failure_; }
  [[nodiscard]] const std::optional<ReplayOrder>& replay() const noexcept { return replay_; }
  /// What became of the request's body.
  enum class Body : std::uint8_t {
    kUntouched,  ///< not taken from the client yet (or there is none): the request can be sent again
    kBroken,     ///< taken in part: what follows can't be told from a next request
    kTaken,      ///< taken whole
  };
  [[nodiscard]] Body body() const noexcept;

 private:
  [[nodiscard]] bool connect();
  void compose_request();
  [[nodiscard]] net::Task<void> send_body();
  [[nodiscard]] net::Task<Result> exchange_messages();
  [[nodiscard]] net::Task<Result> receive();
  [[nodiscard]] net::Task<std::expected<std::size_t, base::Failure>> read_head(base::Duration timeout);
  [[nodiscard]] net::Task<std::optional<Result>> wait_for_continue();
  [[nodiscard]] bool is_interim() const noexcept;
  [[nodiscard]] net::Task<std::optional<Result>> pass_interim(std::size_t head_size);
  [[nodiscard]] net::Task<Result> finish(std::size_t head_size);
  [[nodiscard]] net::Task<Result> pass_response(std::size_t head_size);
  [[nodiscard]] net::Task<Result> hand_over(std::size_t head_size);
  [[nodiscard]] Result failed(base::Failure failure);
  void note_failure();
  void add_sticky_cookie();
  void learn_sid(std::string_view first_bytes);
  [[nodiscard]] bool may_repeat() const noexcept;
  [[nodiscard]] bool body_is_here() const noexcept;
  static void client_hung_up(void* self) noexcept;

  Exchange& exchange_;
  const balancing::Service& service_;
  balancing::Selected& selected_;
  const balancing::Server& server_;
  std::unique_ptr<ServerConnection> connection_;
  std::string head_;          // of the request, as written
  std::string_view upgrade_;  // token asked for
  http::ResponseHead response_;
  BodyTransfer body_;  // the request's
  std::optional<ReplayOrder> replay_;
  base::Failure failure_;
  std::optional<base::Failure> body_failure_;  // the client's doing, though it can still be answered
  std::uint64_t written_before_ = 0;           // by the earlier requests of a kept connection
  bool body_begun_ = false;                    // bytes of it may have left the client's buffer
  bool body_sent_ = false;                     // all of it, if there is any
  std::size_t next_address_ = 0;               // of the server's, to connect to
  std::uint32_t interim_ = 0;                  // answers 1xx so far
  bool awaiting_head_ = false;
  bool told_to_continue_ = false;  // we have told the client ourselves
  bool client_gone_ = false;
  bool session_ends_ = false;  // the body is the last word of an Engine.IO session
};

}  // namespace limpet::proxy
