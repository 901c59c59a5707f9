#pragma once

#include <boost/asio/awaitable.hpp>
#include <boost/beast/core/tcp_stream.hpp>
#include <cstddef>
#include <memory>

#include "engineio/session.h"
#include "http/server.h"

namespace chat::engineio {

/// An open WebSocket; what it is made of stays in websocket.cpp, since it takes long to compile. Shared by
/// the coroutines that read, write and time it.
class WebSocket;

/// Answers the handshake. Null if the client did not ask correctly, and has been told so.
[[nodiscard]] boost::asio::awaitable<std::shared_ptr<WebSocket>> accept_websocket(
    boost::beast::tcp_stream stream, http::Request request, std::size_t max_message);

/// Says goodbye and closes.
[[nodiscard]] boost::asio::awaitable<void> close_websocket(std::shared_ptr<WebSocket> websocket);

/// Carries the packets of a session over a WebSocket until either ends.
[[nodiscard]] boost::asio::awaitable<void> serve_websocket(std::shared_ptr<WebSocket> websocket,
                                                           std::shared_ptr<Session> session);

/// Moves a polling session to a WebSocket: probe, pause of polling, then as serve_websocket. The session goes
/// on polling if the client does not see it through.
[[nodiscard]] boost::asio::awaitable<void> upgrade_to_websocket(std::shared_ptr<WebSocket> websocket,
                                                                std::shared_ptr<Session> session,
                                                                Settings settings);

}  // namespace chat::engineio
