#pragma once

#include <expected>
#include <memory>
#include <string>

#include "config/model/dynamic.h"
#include "proxy/middleware.h"

namespace limpet::proxy {

/// redirectScheme: sends a client that came by another scheme or port to the same host and path under the
/// configured ones. 302 for GET and 307 for the other methods, 301 and 308 if permanent. How the client came
/// is told by the connection or by a trusted proxy's X-Forwarded-Proto, in which "ws" means http and "wss"
/// means https. Without a port, the port of the request is dropped, also if only the port differs.
class RedirectScheme final : public Middleware {
 public:
  /// Fails with a sentence if the settings are not usable.
  [[nodiscard]] static std::expected<std::shared_ptr<Middleware>, std::string> make(
      const config::RedirectScheme& settings);
  /// `port` is empty if it is the scheme's own.
  RedirectScheme(std::string scheme, std::string port, bool permanent)
      : scheme_(std::move(scheme)), port_(std::move(port)), permanent_(permanent) {}
  [[nodiscard]] Verdict on_request(RequestContext& context) override;

 private:
  std::string scheme_;
  std::string port_;
  bool permanent_;
};

}  // namespace limpet::proxy
