#include "proxy/tunnel_closer.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <chrono>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "unit/proxy/worker_fixture.h"

namespace limpet::proxy {
namespace {

using std::chrono::hours;
using std::chrono::milliseconds;
using testing::StartsWith;

// Unmasked Close 1012 "service restart".
const std::string kClose = std::string("\x88\x11\x03\xf4", 4) + "service restart";

class TunnelCloserTest : public WorkerFixture {
 protected:
  struct Tunnel {
    Peer client;
    Peer at_server;
  };

  Tunnel open(const TestServer& from, std::string_view path = "/") {
    Tunnel tunnel;
    tunnel.client =
        connect_and_send("GET " + std::string(path) +
                         " HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
                         "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n");
    tunnel.at_server = from.accept();
    tunnel.at_server.read_head();
    tunnel.at_server.send(
        "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n");
    EXPECT_THAT(tunnel.client.read_head(), StartsWith("HTTP/1.1 101 "));
    ++opened_;
    EXPECT_TRUE(comes_true([&] { return worker->tunnels_open() == opened_; }));
    return tunnel;
  }
  std::shared_ptr<balancing::ServerState> state(const TestServer& of) {
    return registry.find_or_add("app@file", of.url());
  }
  void close(std::shared_ptr<const balancing::ServerState> which, std::vector<base::Duration> offsets) {
    worker->close_slowly({.server = std::move(which),
                          .code = 1012,
                          .reason = "service restart",
                          .patience = std::chrono::seconds(20),
                          .offsets = [offsets = std::move(offsets)](std::uint32_t count) {
                            EXPECT_EQ(count, offsets.size());
                            return offsets;
                          }});
  }

  std::uint32_t opened_ = 0;
};

TEST_F(TunnelCloserTest, OneServersTunnelsCloseOneByOne) {
  const TestServer other;
  balancer.servers.push_back({.url = other.url()});
  start();
  // Servers take turns.
  Tunnel first = open(server);
  Tunnel bystander = open(other);
  Tunnel second = open(server);

  const base::TimePoint began = base::Clock::now();
  close(state(server), {milliseconds(0), milliseconds(300)});
  Peer* early = nullptr;
  EXPECT_TRUE(comes_true([&] {
    for (Peer* client : {&first.client, &second.client}) {
      if (!client->stays_silent(0)) early = client;
    }
    return early != nullptr;
  }));
  EXPECT_EQ(early->read_bytes(kClose.size()), kClose);
  Peer& late = early == &first.client ? second.client : first.client;
  EXPECT_EQ(late.read_bytes(kClose.size()), kClose);
  EXPECT_GE(base::Clock::now() - began, milliseconds(280)) << "not before its time";
  EXPECT_TRUE(bystander.client.stays_silent(50));
}

TEST_F(TunnelCloserTest, WhatCameMeanwhileClosesWithTheLast) {
  start();
  Tunnel first = open(server);
  close(state(server), {milliseconds(400)});
  Tunnel second = open(server);
  EXPECT_EQ(first.client.read_bytes(kClose.size()), kClose);
  EXPECT_EQ(second.client.read_bytes(kClose.size()), kClose);
}

TEST_F(TunnelCloserTest, ACancelledPlanLeavesTheRest) {
  start();
  Tunnel tunnel = open(server);
  close(state(server), {hours(1)});
  worker->cancel_closing(state(server));
  close(state(server), {milliseconds(0)});
  EXPECT_EQ(tunnel.client.read_bytes(kClose.size()), kClose);
}

TEST_F(TunnelCloserTest, ASecondPlanForTheSameServerDoesNotHurryTheFirst) {
  start();
  Tunnel tunnel = open(server);
  close(state(server), {hours(1)});
  close(state(server), {milliseconds(0)});
  EXPECT_TRUE(tunnel.client.stays_silent(100));
  close(nullptr, {milliseconds(0)});
  EXPECT_EQ(tunnel.client.read_bytes(kClose.size()), kClose) << "one for all servers is another plan";
}

}  // namespace
}  // namespace limpet::proxy
