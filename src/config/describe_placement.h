#pragma once

#include <array>

#include "config/describe.h"
#include "config/model/placement.h"

/// Descriptions of the settings of placements and tickets.
namespace limpet::config {

inline constexpr std::array kPlacementPolicyNames = std::to_array<Name<PlacementPolicy>>({
    {"pack", PlacementPolicy::kPack},
    {"spread", PlacementPolicy::kSpread},
    {"hash", PlacementPolicy::kHash},
    {"webhook", PlacementPolicy::kWebhook},
});
inline constexpr std::array kPlacementFallbackNames = std::to_array<Name<PlacementPolicy>>({
    {"pack", PlacementPolicy::kPack},
    {"spread", PlacementPolicy::kSpread},
    {"hash", PlacementPolicy::kHash},
});

template <class V, Is<PlacementWebhook> T>
void describe(V& v, T& t) {
  v.field(
      {"url", "Where the server of a new key is asked for with POST, `http://host:port/path`", trait::kOwn},
      t.url);
  v.field({"headers", "Headers of these requests", trait::kOwn | trait::kSecret}, t.headers);
  v.field({"timeout", "How long an answer may take, at most 10s", trait::kOwn}, t.timeout);
  v.choice({"fallback", "The policy that decides when no answer of use comes", trait::kOwn}, t.fallback,
           kPlacementFallbackNames);
}

template <class V, Is<Placement> T>
void describe(V& v, T& t) {
  v.choice({"policy", "How the server of a new key is chosen", trait::kOwn}, t.policy, kPlacementPolicyNames);
  v.field({"softPercent", "Share of a server's capacity up to which pack fills it, in percent", trait::kOwn},
          t.soft_percent, Range{1, 100});
  v.field({"ttl", "How long seats are reserved if the request does not say", trait::kOwn}, t.ttl);
  v.field({"webhook", "Who is asked for the server of a new key under policy webhook", trait::kOwn},
          t.webhook);
}

template <class V, Is<Tickets> T>
void describe(V& v, T& t) {
  v.field({"required", "Refuse users who bring no valid ticket", trait::kOwn}, t.required);
  v.field({"singleUse", "A ticket lets one user in", trait::kOwn}, t.single_use);
  v.field({"query", "Query parameter that holds the ticket", trait::kOwn}, t.query);
  v.field({"header", "Request header that holds the ticket", trait::kOwn}, t.header);
  v.field({"keys",
           "Keys as `ID:SECRET`; the first signs, all are accepted; none given means placement.ticketKeys",
           trait::kOwn | trait::kSecret},
          t.keys);
}

template <class V, Is<Join> T>
void describe(V& v, T& t) {
  v.field({"enabled", "Answer /limpet/join for this service", trait::kOwn}, t.enabled);
  v.field({"origins", "Origins of other pages that may ask and be redirected to; `*` means all", trait::kOwn},
          t.origins);
}

template <class V, Is<Replay> T>
void describe(V& v, T& t) {
  v.field({"enabled", "Let servers send requests on with Limpet-Replay", trait::kOwn}, t.enabled);
  v.bytes({"maxBodyBytes", "Longest body of a request that can be sent on", trait::kOwn}, t.max_body_bytes);
}

template <class V, Is<PlacementStore> T>
void describe(V& v, T& t) {
  v.field({"file", "Where placements are kept; empty means in memory only", trait::kOwn}, t.file);
  v.field({"ticketKeys",
           "Keys of tickets as `ID:SECRET`; the first signs, all are accepted; none given means one that is "
           "made at each start",
           trait::kOwn | trait::kSecret},
          t.ticket_keys);
}

}  // namespace limpet::config
