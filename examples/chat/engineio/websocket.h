#pragma once

#include <boost/asio/awaitable.hpp>
#include <boost/beast/core/tcp_stream.hpp>
#include <boost/beast/websocket/stream.hpp>
#include <memory>

#include "engineio/session.h"

namespace chat::engineio {

using WebSocketStream = boost::beast::websocket::stream<boost::beast::tcp_stream>;

/// Carries the packets of a session over an accepted WebSocket until either ends.
[[nodiscard]] boost::asio::awaitable<void> serve_websocket(WebSocketStream stream,
                                                           std::shared_ptr<Session> session);

/// Moves a polling session to an accepted WebSocket: probe, pause of polling, then as serve_websocket. The
/// session goes on polling if the client does not see it through.
[[nodiscard]] boost::asio::awaitable<void> upgrade_to_websocket(WebSocketStream stream,
                                                                std::shared_ptr<Session> session,
                                                                Settings settings);

}  // namespace chat::engineio
