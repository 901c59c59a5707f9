#pragma once

#include <boost/asio/awaitable.hpp>
#include <optional>
#include <string>
#include <string_view>

#include "engineio/server.h"
#include "http/server.h"

namespace chat {

/// What the server answers on which path: the page, its JSON, the Socket.IO end point.
class Routes : public http::Handler {
 public:
  /// `engine` must outlive the routes.
  Routes(engineio::Server& engine, std::string name, std::string page);

  [[nodiscard]] boost::asio::awaitable<std::optional<http::Response>> handle(
      http::Exchange& exchange) override;
  [[nodiscard]] boost::asio::awaitable<void> upgrade(boost::beast::tcp_stream stream,
                                                     http::Request request) override;

 private:
  [[nodiscard]] http::Response document(const http::Exchange& exchange) const;

  engineio::Server& engine_;
  const std::string name_;
  const std::string page_;
};

}  // namespace chat
