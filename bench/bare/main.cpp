#include <fmt/format.h>
#include <CLI/CLI.hpp>

#include <exception>
#include <map>
#include <string>

#include "bare/relay.h"
#include "wire/sockets.h"

namespace limpet::bench {
namespace {

const std::map<std::string, std::unique_ptr<BareRelay> (*)()> kEngines = {
    {"epoll", &make_epoll_relay}, {"io_uring", &make_uring_relay}, {"sockmap", &make_sockmap_relay}};

int serve(const std::string& engine, const std::string& listen, const std::string& to) {
  const auto address = parse_endpoint(listen);
  const auto server = parse_endpoint(to);
  if (!address || !server) {
    fmt::print(stderr, "limpet-bare: {}\n", address ? server.error() : address.error());
    return 2;
  }
  raise_descriptor_limit();
  const auto listening = listen_on(*address);
  if (!listening) {
    fmt::print(stderr, "limpet-bare: {}\n", listening.error());
    return 1;
  }
  kEngines.at(engine)()->run(*listening, *server);
}

}  // namespace
}  // namespace limpet::bench

int main(int argc, char** argv) {
  CLI::App app(
      "A relay that does nothing else: the floor under the proxies of a benchmark. Small messages only.");
  std::string engine = "epoll";
  std::string listen = "127.0.0.1:8000";
  std::string to = "127.0.0.1:9001";
  app.add_option("--engine", engine, "How bytes are passed on")
      ->check(CLI::IsMember({"epoll", "io_uring", "sockmap"}));
  app.add_option("--listen", listen, "Address and port to accept on")->capture_default_str();
  app.add_option("--to", to, "Address and port of the server")->capture_default_str();
  CLI11_PARSE(app, argc, argv);
  try {
    return limpet::bench::serve(engine, listen, to);
  } catch (const std::exception& error) {
    fmt::print(stderr, "limpet-bare: {}\n", error.what());
    return 1;
  }
}
