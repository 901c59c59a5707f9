#include "providers/merged_parts.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>
#include <variant>

namespace limpet::providers {
namespace {

// Two definitions are the same wherever they were written, and whoever serves them.

config::Router comparable(config::Router router) {
  router.place = router.rule_place = {};
  return router;
}

config::Middleware comparable(config::Middleware middleware) {
  middleware.place = {};
  return middleware;
}

config::Service comparable(config::Service service) {
  service.place = {};
  if (auto* balancer = std::get_if<config::LoadBalancer>(&service.kind)) balancer->servers.clear();
  return service;
}

template <class T>
void gather(T& /*all*/, T& /*more*/) {}

void gather(config::Service& all, config::Service& more) {
  auto* to = std::get_if<config::LoadBalancer>(&all.kind);
  auto* from = std::get_if<config::LoadBalancer>(&more.kind);
  if (to == nullptr || from == nullptr) return;
  for (config::Server& server : from->servers) {
    const auto same = std::ranges::find(to->servers, server.url, &config::Server::url);
    if (same == to->servers.end()) to->servers.push_back(std::move(server));
  }
}

}  // namespace

template <class T>
void MergedParts::add_all(Entries<T>& all, const std::string& source, std::map<std::string, T> more,
                          bool yields) {
  for (auto& [name, value] : more) {
    const auto known = all.find(name);
    if (known == all.end()) {
      all.emplace(name, Entry<T>{.value = std::move(value), .sources = {source}});
      continue;
    }
    Entry<T>& entry = known->second;
    if (!yields && comparable(entry.value) != comparable(value)) entry.conflicts = true;
    entry.sources.push_back(source);
    gather(entry.value, value);
  }
}

template <class T>
std::map<std::string, T> MergedParts::take(Entries<T>& all, const char* kind, base::Diagnostics& out) {
  std::map<std::string, T> taken;
  for (auto& [name, entry] : all) {
    if (entry.conflicts) {
      out.error(entry.value.place, fmt::format("http.{}.{}", kind, name),
                fmt::format("defined in different ways by {}, so it is left out",
                            fmt::join(entry.sources, " and ")));
    } else {
      taken.emplace(name, std::move(entry.value));
    }
  }
  all.clear();
  return taken;
}

void MergedParts::take_in(const std::string& source, config::Dynamic part, bool yields) {
  add_all(routers_, source, std::move(part.routers), yields);
  add_all(services_, source, std::move(part.services), yields);
  add_all(middlewares_, source, std::move(part.middlewares), yields);
}

void MergedParts::add(const std::string& source, config::Dynamic part, bool yields) {
  if (yields) {
    yielding_.push_back({.source = source, .configuration = std::move(part)});
  } else {
    take_in(source, std::move(part), false);
  }
}

config::Dynamic MergedParts::finish(base::Diagnostics& out) {
  for (Part& part : std::exchange(yielding_, {})) take_in(part.source, std::move(part.configuration), true);
  config::Dynamic all;
  all.routers = take(routers_, "routers", out);
  all.services = take(services_, "services", out);
  all.middlewares = take(middlewares_, "middlewares", out);
  return all;
}

}  // namespace limpet::providers
