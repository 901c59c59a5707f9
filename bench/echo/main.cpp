#include <fmt/format.h>
#include <signal.h>
#include <CLI/CLI.hpp>

#include <cstdio>
#include <exception>
#include <string>

#include "echo/echo_server.h"
#include "wire/sockets.h"

namespace {

void block_stop_signals() {
  sigset_t stop{};
  sigemptyset(&stop);
  sigaddset(&stop, SIGTERM);
  sigaddset(&stop, SIGINT);
  sigprocmask(SIG_BLOCK, &stop, nullptr);
}

int serve(const std::string& listen) {
  const auto address = limpet::bench::parse_endpoint(listen);
  if (!address) {
    fmt::print(stderr, "limpet-echo: {}\n", address.error());
    return 2;
  }
  limpet::bench::raise_descriptor_limit();
  block_stop_signals();
  auto listener = limpet::bench::listen_on(*address);
  if (!listener) {
    fmt::print(stderr, "limpet-echo: {}\n", listener.error());
    return 1;
  }
  limpet::bench::EchoServer server(std::move(*listener));
  fmt::print("{{\"event\":\"listening\",\"address\":\"{}\"}}\n", listen);
  std::fflush(stdout);
  server.run();
  const auto& done = server.statistics();
  fmt::print(
      "{{\"event\":\"result\",\"accepted\":{},\"upgrades\":{},\"requests\":{},\"messages\":{},\"payload_"
      "bytes\":{},"
      "\"reads\":{}}}\n",
      done.accepted, done.upgrades, done.requests, done.messages, done.payload_bytes, done.reads);
  return 0;
}

}  // namespace

int main(int argc, char** argv) {
  CLI::App app(
      "The server behind the proxies of a benchmark: WebSocket echo, fan-out and short HTTP answers.");
  std::string listen = "127.0.0.1:9001";
  app.add_option("--listen", listen, "Address and port to serve on")->capture_default_str();
  CLI11_PARSE(app, argc, argv);
  try {
    return serve(listen);
  } catch (const std::exception& error) {
    fmt::print(stderr, "limpet-echo: {}\n", error.what());
    return 1;
  }
}
