#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

#include "base/clock.h"
#include "http/head.h"
#include "net/address.h"
#include "routing/snapshot.h"

namespace limpet::proxy {

/// Header fields to be set, replaced or removed when a head is written.
class FieldEdits {
 public:
  /// Replaces every field of this name, those added before too; an empty value removes it.
  void set(std::string_view name, std::string_view value);
  /// Adds one more field (Set-Cookie, Vary).
  void add(std::string_view name, std::string_view value) { adds_.emplace_back(name, value); }
  /// Whether a field of the original head is replaced or removed.
  [[nodiscard]] bool hides(std::string_view name) const noexcept;
  [[nodiscard]] bool empty() const noexcept { return sets_.empty() && adds_.empty(); }
  using Fields = std::vector<std::pair<std::string, std::string>>;
  [[nodiscard]] const Fields& sets() const noexcept { return sets_; }
  [[nodiscard]] const Fields& adds() const noexcept { return adds_; }

 private:
  Fields sets_;  // of several for one name the last one counts
  Fields adds_;
};

/// Whether a field belongs to framing or to the connection: Limpet writes it itself, and no setting may.
[[nodiscard]] bool frames_messages(std::string_view name) noexcept;

/// An answer made by Limpet itself.
struct Answer {
  std::uint16_t status = 200;
  std::vector<std::pair<std::string, std::string>> fields;
  std::string body;
  std::string content_type = "text/plain; charset=utf-8";
};

/// Kept for as long as a request (and the tunnel it becomes) lasts; its end gives something back.
class Hold {
 public:
  Hold() = default;
  Hold(const Hold&) = delete;
  Hold& operator=(const Hold&) = delete;
  virtual ~Hold() = default;
};

/// A request on its way through the middlewares. Views live as long as the request's head.
struct RequestContext {
  const http::RequestHead* head = nullptr;
  std::string_view host;             ///< lower case, without port
  std::string_view path;             ///< to be sent to the server; changed by set_path()
  net::IpAddress client;             ///< the peer's address (after PROXY protocol)
  std::string_view forwarded_for;    ///< X-Forwarded-For as received and trusted, else empty
  std::string_view forwarded_proto;  ///< the first X-Forwarded-Proto as received and trusted, else empty
  bool tls = false;
  base::TimePoint now{};
  FieldEdits request_edits;
  FieldEdits response_edits;
  std::string user;  ///< set by authentication, for the access log
  std::vector<std::unique_ptr<Hold>> holds;

  /// Changes the path; `new_path` is copied.
  void set_path(std::string new_path) {
    path_storage_.push_back(std::make_unique<std::string>(std::move(new_path)));
    path = *path_storage_.back();
  }

 private:
  std::vector<std::unique_ptr<std::string>> path_storage_;  // earlier paths may still be looked at
};

/// What a middleware says to a request.
struct Continue {};
/// Work that takes long (a password hash): run on a helper thread, then its verdict counts. It must touch
/// nothing but what it owns.
using BlockingWork = std::move_only_function<std::optional<Answer>()>;
using Verdict = std::variant<Continue, Answer, BlockingWork>;

/// A step on the way of a request. One instance serves all data-plane threads at once.
class Middleware {
 public:
  Middleware() = default;
  Middleware(const Middleware&) = delete;
  Middleware& operator=(const Middleware&) = delete;
  virtual ~Middleware() = default;
  /// May change the request (through `context`), answer it, or let it go on. Any data-plane thread.
  [[nodiscard]] virtual Verdict on_request(RequestContext& context) = 0;
};

/// A compiled chain: middlewares in the order they are passed.
class MiddlewareChain final : public routing::Chain {
 public:
  explicit MiddlewareChain(std::vector<std::shared_ptr<Middleware>> steps) : steps_(std::move(steps)) {}
  /// Shared: stateful steps (rate limits) live on in the next snapshot's chains while their settings are
  /// equal.
  [[nodiscard]] const std::vector<std::shared_ptr<Middleware>>& steps() const noexcept { return steps_; }

 private:
  std::vector<std::shared_ptr<Middleware>> steps_;
};

}  // namespace limpet::proxy
