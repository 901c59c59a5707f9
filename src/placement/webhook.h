#pragma once

#include <expected>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "apis/json_post.h"
#include "base/clock.h"
#include "config/model/placement.h"
#include "net/reactor.h"
#include "net/task.h"
#include "placement/ledger.h"

/// Webhooks that decide which server a new key gets.
///
///     POST <path>   {"service": "game@file", "key": "room-7", "seats": 4, "movedFrom": null,
///                    "servers": [{"url": "http://10.0.0.7:80", "users": 12, "reserved": 4, "capacity": 100,
///                                 "load": 0.16}, ...]}
///     200           {"server": "http://10.0.0.7:80"}, or {"server": null} if there is no place for it
namespace limpet::placement {

/// One question to a webhook. Holds copies: the configuration may change while the answer is awaited.
struct WebhookCall {
  config::PlacementWebhook webhook;
  std::string question;              ///< JSON
  std::vector<std::string> servers;  ///< URLs that are an answer
  base::TimePoint deadline{};
};
/// The URL of a server, or nothing if the webhook has no place for the key; or a sentence about what went
/// wrong.
using WebhookAnswer = std::expected<std::optional<std::string>, std::string>;

/// The question about a wish. Only if its service has a webhook.
[[nodiscard]] WebhookCall webhook_call(const Undecided& open, const Wish& wish, base::TimePoint deadline);
/// Reads the body of an answer. Fails if it has another form, or names a server that is not among
/// `servers`.
[[nodiscard]] WebhookAnswer read_webhook_answer(std::string_view body,
                                                const std::vector<std::string>& servers);

/// Asks. Ends at the deadline at the latest. `find_host` does not block, `reactor` outlives it. Control
/// thread.
[[nodiscard]] net::Task<WebhookAnswer> ask_webhook(net::Reactor& reactor, apis::FindHost find_host,
                                                   WebhookCall call);

}  // namespace limpet::placement
