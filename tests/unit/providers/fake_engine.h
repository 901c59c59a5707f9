#pragma once

#include <fmt/format.h>

#include <array>
#include <list>
#include <map>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "net/fd.h"
#include "net/listener.h"
#include "net/reactor.h"
#include "net/socket.h"
#include "net/task.h"

namespace limpet::providers::docker {

/// A Docker Engine of the test's making: its containers and what it tells. Lives in the test's reactor, which
/// is turned until `connections` is 0 before the end.
class FakeEngine {
 public:
  explicit FakeEngine(net::Reactor& reactor) : reactor_(reactor) {
    listen(net::SocketAddress(*net::IpAddress::parse("127.0.0.1"), 0));
  }

  [[nodiscard]] std::string endpoint() const { return "tcp://" + address_.text(); }

  /// Nobody can connect any more, and streams end.
  void go_away() {
    listener_.reset();
    fd_.reset();
    for (net::Socket* stream : streams_) stream->cancel();
  }
  void come_back() { listen(address_); }

  void run(const std::string& id, const std::string& name, const nlohmann::json& labels) {
    containers[id] = {
        {"Id", id},
        {"Name", "/" + name},
        {"State", {{"Running", true}, {"StartedAt", "1"}}},
        {"Config", {{"Labels", labels}}},
        {"HostConfig", {{"NetworkMode", "web"}}},
        {"NetworkSettings",
         {{"Ports", {{"80/tcp", nullptr}}}, {"Networks", {{"web", {{"IPAddress", "10.0.0.9"}}}}}}}};
  }
  void tell(const std::string& id, const std::string& action, const std::string& signal = "") {
    const nlohmann::json event = {{"Type", "container"},
                                  {"Action", action},
                                  {"Actor", {{"ID", id}, {"Attributes", {{"signal", signal}}}}}};
    const std::string line = event.dump() + "\n";
    for (net::Socket* stream : streams_)
      net::spawn(send(*stream, fmt::format("{:x}\r\n{}\r\n", line.size(), line)));
  }

  std::map<std::string, nlohmann::json> containers;
  std::vector<std::string> targets;  ///< asked for so far
  int connections = 0;

 private:
  void listen(const net::SocketAddress& where) {
    fd_ = net::listen_on(where, false).value();
    address_ = net::local_address(fd_.get());
    listener_.emplace(reactor_, fd_.get(),
                      [this](net::Fd fd, const net::SocketAddress&) { net::spawn(serve(std::move(fd))); });
  }
  static net::Task<void> send(net::Socket& socket, std::string text) { (void)co_await socket.write(text); }

  [[nodiscard]] std::string answer_to(const std::string& target) const {
    std::string body = R"({"message":"no such container"})";
    int status = 404;
    if (target.starts_with("/containers/json")) {
      nlohmann::json list = nlohmann::json::array();
      for (const auto& [id, container] : containers) {
        list.push_back({{"Id", id},
                        {"State", container["State"]["Running"].get<bool>() ? "running" : "exited"},
                        {"Labels", container["Config"]["Labels"]}});
      }
      body = list.dump();
      status = 200;
    } else if (const auto found = containers.find(target.substr(12, target.rfind('/') - 12));
               found != containers.end()) {
      body = found->second.dump();
      status = 200;
    }
    return fmt::format("HTTP/1.1 {} X\r\nContent-Length: {}\r\n\r\n{}", status, body.size(), body);
  }

  net::Task<void> serve(net::Fd fd) {
    ++connections;
    {
      net::Socket socket(reactor_, std::move(fd), base::Side::kClient);
      std::string request;
      std::array<char, 4096> buffer{};
      while (!request.ends_with("\r\n\r\n")) {
        const auto count = co_await socket.read(buffer);
        if (count.value_or(0) == 0) break;
        request.append(buffer.data(), *count);
      }
      const std::string target = request.substr(4, request.find(' ', 4) - 4);
      targets.push_back(target);
      if (target.starts_with("/events")) {
        streams_.push_back(&socket);
        (void)co_await socket.write("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n");
        (void)co_await socket.read(buffer);
        streams_.remove(&socket);
      } else {
        (void)co_await socket.write(answer_to(target));
      }
    }
    --connections;
  }

  net::Reactor& reactor_;
  net::SocketAddress address_;
  net::Fd fd_;
  std::optional<net::Listener> listener_;
  std::list<net::Socket*> streams_;
};

}  // namespace limpet::providers::docker
