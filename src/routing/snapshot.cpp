#include "routing/snapshot.h"

#include <algorithm>
#include <optional>

#include "balancing/seat_queue.h"
#include "base/hash.h"
#include "http/cookie.h"

namespace limpet::routing {
namespace {

template <typename... Cases>
struct Overloaded : Cases... {
  using Cases::operator()...;
};

std::optional<std::string_view> sent_cookie(const http::RequestHead& head, std::string_view name) {
  for (const http::Field& field : head.fields) {
    if (field.id != http::FieldId::kCookie) continue;
    if (const auto value = http::find_cookie(field.value, name)) return value;
  }
  return std::nullopt;
}

/// A child by weight among those that are up; nothing if none is.
std::optional<std::uint32_t> choose_among_up(const WeightedNode& node, base::TimePoint now,
                                             std::uint64_t draw) {
  std::vector<std::uint32_t> up;
  std::uint64_t total = 0;
  for (std::uint32_t i = 0; i < node.children.size(); ++i) {
    if (node.children[i].weight == 0 || !node.children[i].node->is_up(now)) continue;
    up.push_back(i);
    total += node.children[i].weight;
  }
  if (up.empty()) return std::nullopt;
  std::uint64_t point = base::mix_64(draw, total) % total;
  for (const std::uint32_t i : up) {
    if (point < node.children[i].weight) return i;
    point -= node.children[i].weight;
  }
  return up.back();
}

std::uint32_t choose_by_weight(const WeightedNode& node, base::TimePoint now) {
  const std::uint64_t turn = node.cursor.fetch_add(1, std::memory_order_relaxed);
  const std::uint32_t next = node.schedule[turn % node.schedule.size()];
  if (node.children[next].node->is_up(now)) return next;
  return choose_among_up(node, now, turn).value_or(next);
}

const ServiceNode* choose_child(const WeightedNode& node, const http::RequestHead& head, base::TimePoint now,
                                std::vector<std::string>& extra_cookies) {
  if (node.cookie_name.empty()) return node.children[choose_by_weight(node, now)].node;
  const auto cookie = sent_cookie(head, node.cookie_name);
  std::optional<std::uint32_t> chosen = cookie ? node.by_cookie.find(*cookie) : std::nullopt;
  if (chosen && !node.children[*chosen].node->is_up(now)) chosen.reset();
  const WeightedNode::Child& child = node.children[chosen ? *chosen : choose_by_weight(node, now)];
  if (cookie != child.cookie_value) {
    extra_cookies.push_back(balancing::sticky_set_cookie(node.cookie, node.cookie_name, child.cookie_value));
  }
  return child.node;
}

}  // namespace

bool ServiceNode::is_up(base::TimePoint now) const noexcept {
  return std::visit(
      Overloaded{
          [now](const std::unique_ptr<balancing::Service>& service) { return service->is_up(now); },
          [now](const std::unique_ptr<WeightedNode>& weighted) {
            return std::ranges::any_of(weighted->children, [now](const WeightedNode::Child& child) {
              return child.weight > 0 && child.node->is_up(now);
            });
          },
          [now](const FailoverNode& failover) {
            return failover.main->is_up(now) || failover.fallback->is_up(now);
          },
          [](InternalService) { return true; },
      },
      kind);
}

const ServiceNode* resolve_leaf(const ServiceNode& node, const http::RequestHead& head, base::TimePoint now,
                                std::vector<std::string>& extra_cookies) {
  const ServiceNode* at = &node;
  while (true) {
    if (const auto* weighted = std::get_if<std::unique_ptr<WeightedNode>>(&at->kind)) {
      at = choose_child(**weighted, head, now, extra_cookies);
    } else if (const auto* failover = std::get_if<FailoverNode>(&at->kind)) {
      at = failover->main->is_up(now) ? failover->main : failover->fallback;
    } else {
      return at;
    }
  }
}

void offer_to_waiting(const std::shared_ptr<const Snapshot>& snapshot, base::TimePoint now) {
  for (const auto& [name, node] : snapshot->services) {
    const auto* service = std::get_if<std::unique_ptr<balancing::Service>>(&node->kind);
    if (service == nullptr) continue;
    const std::shared_ptr<const balancing::Service> shared(snapshot, service->get());
    shared->state().queue().use(shared, now);
  }
}

}  // namespace limpet::routing
