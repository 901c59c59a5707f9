#pragma once

#include <expected>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include "config/model/dynamic.h"
#include "proxy/middleware.h"
#include "proxy/middlewares/password_hash.h"
#include "proxy/middlewares/verified_cache.h"

namespace limpet::proxy {

/// The users of a basicAuth middleware by name.
using BasicAuthUsers = std::map<std::string, PasswordHash, std::less<>>;

/// Reads the users of the settings and of their file, if any; a name in both has the hash of the settings.
/// Reads a file: control thread only. Fails with a sentence that names the line or the entry, never the hash.
[[nodiscard]] std::expected<BasicAuthUsers, std::string> read_basic_auth_users(
    const config::BasicAuth& settings);

/// basicAuth (RFC 7617). A wrong password and an unknown user take the same time; a right password is
/// remembered, so that only its first request pays for the hash. The name given is kept for the access log,
/// right or not.
class BasicAuth final : public Middleware {
 public:
  /// Fails with a sentence if the settings are not usable. `users` are what read_basic_auth_users gave.
  [[nodiscard]] static std::expected<std::shared_ptr<Middleware>, std::string> make(
      const config::BasicAuth& settings, BasicAuthUsers users);
  /// `users` is not empty, `challenge` is the value of WWW-Authenticate.
  BasicAuth(BasicAuthUsers users, std::string challenge, std::string header_field, bool remove_header);
  [[nodiscard]] Verdict on_request(RequestContext& context) override;
  /// Whether these are its users, with the same hashes.
  [[nodiscard]] bool has_users(const BasicAuthUsers& users) const { return state_->users == users; }

 private:
  /// Shared with the work on helper threads, which may outlive the middleware.
  struct State {
    BasicAuthUsers users;
    PasswordHash decoy;  ///< what an unknown user's password is held against: the costliest hash
    std::string challenge;
    VerifiedCache verified;
  };
  [[nodiscard]] static Answer refusal(const State& state);
  [[nodiscard]] static std::optional<Answer> check(State& state, const std::string& user,
                                                   const std::string& password);

  std::shared_ptr<State> state_;
  std::string header_field_;
  bool remove_header_;
};

}  // namespace limpet::proxy
