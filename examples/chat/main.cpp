#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/address.hpp>
#include <boost/asio/signal_set.hpp>
#include <chrono>
#include <csignal>
#include <exception>
#include <iostream>
#include <span>
#include <stdexcept>
#include <string>

#include "chat.h"
#include "engineio/server.h"
#include "http/server.h"
#include "options.h"
#include "page.h"
#include "routes.h"
#include "socketio/server.h"

namespace {

namespace asio = boost::asio;

constexpr int kUsageError = 2;
/// How long clients may take to hear that the server stops.
constexpr auto kStopTime = std::chrono::seconds(2);

std::string url_of(const asio::ip::tcp::endpoint& address) {
  std::string host = address.address().is_unspecified() ? "127.0.0.1" : address.address().to_string();
  if (host.contains(':')) host = '[' + host + ']';
  return "http://" + host + ':' + std::to_string(address.port());
}

asio::ip::address address_of(const std::string& host) {
  boost::system::error_code invalid;
  const auto address = asio::ip::make_address(host, invalid);
  if (invalid) throw std::invalid_argument("--host: '" + host + "' is not an IP address");
  return address;
}

void run(const chat::Options& options) {
  asio::io_context io(1);
  const chat::engineio::Settings settings{.ping_interval = options.ping_interval,
                                          .ping_timeout = options.ping_timeout};
  chat::Chat room(io.get_executor(), options.name);
  chat::socketio::Server sockets(io.get_executor(), room);
  chat::engineio::Server engine(io.get_executor(), settings, sockets);
  chat::Routes routes(engine, options.name, chat::assemble_page(options.servers));
  chat::http::Server server(io, {address_of(options.host), options.port}, routes, settings.max_payload);

  bool stopping = false;
  asio::signal_set signals(io, SIGINT, SIGTERM);
  signals.async_wait([&](const boost::system::error_code&, int) { stopping = true; });

  server.start();
  std::cout << "listening on " << url_of(server.address()) << std::endl;
  while (!stopping) io.run_one();
  server.stop();
  engine.close_all();
  io.run_for(kStopTime);
}

}  // namespace

int main(int argc, char** argv) {
  const auto options = chat::parse_options(std::span(argv, static_cast<std::size_t>(argc)).subspan(1));
  if (!options) {
    std::cerr << "limpet-chat: " << options.error() << '\n';
    return kUsageError;
  }
  if (options->help) {
    std::cout << chat::help_text();
    return 0;
  }
  try {
    run(*options);
  } catch (const std::exception& error) {
    std::cerr << "limpet-chat: " << error.what() << '\n';
    return 1;
  }
  return 0;
}
