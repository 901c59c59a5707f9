#include "placement/webhook.h"

#include <fmt/format.h>

#include <algorithm>
#include <nlohmann/json.hpp>
#include <utility>

#include "apis/http_client.h"

namespace limpet::placement {
namespace {

using Json = nlohmann::ordered_json;

constexpr std::size_t kMaxAnswer = 64 * 1024;

Json server_json(const balancing::Server& server) {
  const bool limited = server.capacity != 0;
  const double in_use = static_cast<double>(server.state->seats_in_use());
  return Json{{"url", server.url},
              {"users", server.state->seats_taken()},
              {"reserved", server.state->seats_reserved()},
              {"capacity", limited ? Json(server.capacity) : Json()},
              {"load", limited ? Json(in_use / server.capacity) : Json()}};
}

}  // namespace

WebhookCall webhook_call(const Undecided& open, const Wish& wish, base::TimePoint deadline) {
  WebhookCall call;
  call.webhook = *open.service->settings().placement.webhook;
  call.deadline = deadline;
  Json servers = Json::array();
  for (const std::uint32_t index : open.candidates) {
    const balancing::Server& server = open.service->servers()[index];
    servers.push_back(server_json(server));
    call.servers.push_back(server.url);
  }
  const Json question{{"service", open.service->name()},
                      {"key", wish.key},
                      {"seats", open.seats},
                      {"movedFrom", open.moves_from.empty() ? Json() : Json(open.moves_from)},
                      {"servers", std::move(servers)}};
  call.question = question.dump(-1, ' ', false, Json::error_handler_t::replace);
  return call;
}

WebhookAnswer read_webhook_answer(std::string_view body, const std::vector<std::string>& servers) {
  const Json json = Json::parse(body, nullptr, false);
  const auto server = json.is_object() ? json.find("server") : json.end();
  if (server == json.end() || !(server->is_string() || server->is_null())) {
    return std::unexpected(R"(it did not answer {"server": URL or null})");
  }
  if (server->is_null()) return std::nullopt;
  auto url = server->get<std::string>();
  if (std::ranges::find(servers, url) == servers.end()) {
    return std::unexpected(fmt::format("it named {}, which is none of the servers asked about", url));
  }
  return url;
}

net::Task<WebhookAnswer> ask_webhook(net::Reactor& reactor, apis::FindHost find_host, WebhookCall call) {
  auto post = apis::json_post(call.webhook.url, call.webhook.headers, std::move(call.question), find_host);
  if (!post) co_return std::unexpected(std::move(post.error()));
  apis::HttpExchange exchange(reactor);
  const auto answer =
      co_await exchange.open(std::move(post->addresses), std::move(post->request), call.deadline);
  if (!answer) co_return std::unexpected(answer.error());
  if (answer->status != 200) co_return std::unexpected(fmt::format("it answered {}", answer->status));
  const auto body = co_await exchange.read_all(kMaxAnswer);
  if (!body) co_return std::unexpected(body.error());
  co_return read_webhook_answer(*body, call.servers);
}

}  // namespace limpet::placement
