#pragma once

#include <expected>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "config/model/dynamic.h"
#include "proxy/middleware.h"

/// stripPrefix, addPrefix and replacePath. They change only the path; the query stays as it is.
namespace limpet::proxy {

/// Takes the first prefix that matches off the path and tells it the server in X-Forwarded-Prefix. The prefix
/// is compared by characters, as in Traefik: "/api" also takes the start off "/apiary". A path without any of
/// the prefixes goes on unchanged; one that is left with a "." or ".." at its start is answered with 400,
/// because it would leave the place that the router's rule speaks of.
class StripPrefix final : public Middleware {
 public:
  /// Fails with a sentence if the settings are not usable.
  [[nodiscard]] static std::expected<std::shared_ptr<Middleware>, std::string> make(
      const config::StripPrefix& settings);
  /// A prefix as configured, and as it looks in a canonical path.
  struct Prefix {
    std::string configured;
    std::string canonical;
  };
  explicit StripPrefix(std::vector<Prefix> prefixes) : prefixes_(std::move(prefixes)) {}
  [[nodiscard]] Verdict on_request(RequestContext& context) override;

 private:
  std::vector<Prefix> prefixes_;
};

/// Puts a prefix before the path.
class AddPrefix final : public Middleware {
 public:
  /// Fails with a sentence if the settings are not usable.
  [[nodiscard]] static std::expected<std::shared_ptr<Middleware>, std::string> make(
      const config::AddPrefix& settings);
  /// `prefix` is as written into a request line.
  explicit AddPrefix(std::string prefix) : prefix_(std::move(prefix)) {}
  [[nodiscard]] Verdict on_request(RequestContext& context) override;

 private:
  std::string prefix_;
};

/// Sends another path; the one that came (with its query) is told the server in X-Replaced-Path.
class ReplacePath final : public Middleware {
 public:
  /// Fails with a sentence if the settings are not usable.
  [[nodiscard]] static std::expected<std::shared_ptr<Middleware>, std::string> make(
      const config::ReplacePath& settings);
  /// `path` is as written into a request line.
  explicit ReplacePath(std::string path) : path_(std::move(path)) {}
  [[nodiscard]] Verdict on_request(RequestContext& context) override;

 private:
  std::string path_;
};

}  // namespace limpet::proxy
