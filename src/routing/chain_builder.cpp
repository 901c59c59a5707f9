#include "routing/chain_builder.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <utility>
#include <variant>

namespace limpet::routing {
namespace {

using config::QualifiedName;

/// Most middlewares of one chain, those that are chains themselves included.
constexpr std::size_t kMaxSteps = 100;

/// Whether both are made of the same middlewares with the same settings, wherever these are written.
bool same_links(const std::vector<ChainLink>& a, const std::vector<ChainLink>& b) {
  return std::ranges::equal(a, b, [](const ChainLink& x, const ChainLink& y) {
    return x.name == y.name && x.settings.kind == y.settings.kind;
  });
}

std::string too_long_message() {
  return fmt::format("expected at most {} middlewares in a chain", kMaxSteps);
}

}  // namespace

bool ChainBuilder::Expansion::too_long() const noexcept {
  return steps > kMaxSteps;
}

std::expected<std::shared_ptr<Chain>, std::vector<std::string>> ChainBuilder::build(
    const std::string& owner, const std::vector<std::string>& names, std::string_view provider) {
  Expansion expansion;
  expand_all(names, provider, expansion);
  if (expansion.too_long()) expansion.problems.push_back(too_long_message());
  if (!expansion.problems.empty()) return std::unexpected(std::move(expansion.problems));
  std::vector<ChainLink>& links = expansion.links;
  if (links.empty()) return nullptr;

  const BuiltChain* previous = nullptr;
  if (input_.previous != nullptr) {
    const auto found = input_.previous->built_chains.find(owner);
    if (found != input_.previous->built_chains.end()) previous = &found->second;
  }
  if (previous != nullptr && same_links(previous->links, links)) {
    snapshot_.built_chains[owner] = {std::move(links), previous->chain};
    return previous->chain;
  }
  auto chain = make(links, previous);
  if (!chain) return std::unexpected(std::vector{std::move(chain.error())});
  snapshot_.built_chains[owner] = {std::move(links), *chain};
  return *chain;
}

void ChainBuilder::check_unused() {
  for (const auto& [name, settings] : input_.middlewares) {
    if (tried_.contains(name)) continue;
    Expansion expansion;
    expand(name, expansion);
    if (expansion.too_long()) {
      report(name, too_long_message());
    } else if (expansion.problems.empty() && !expansion.links.empty()) {
      [[maybe_unused]] const auto verdict = make(expansion.links, nullptr);  // it is in the reports too
    }
  }
}

void ChainBuilder::expand_all(const std::vector<std::string>& names, std::string_view provider,
                              Expansion& expansion) {
  for (const std::string& name : names) {
    if (expansion.too_long()) return;
    expand(qualified_name(name, provider), expansion);
  }
}

void ChainBuilder::expand(const QualifiedName& name, Expansion& expansion) {
  ++expansion.steps;
  std::vector<std::string>& problems = expansion.problems;
  const auto found = input_.middlewares.find(name);
  if (found == input_.middlewares.end()) {
    problems.push_back(fmt::format("the middleware \"{}\" does not exist", name.text()));
    return;
  }
  tried_.insert(name);
  const auto* chain = std::get_if<config::Chain>(&found->second.kind);
  if (chain == nullptr) {
    expansion.links.push_back({name, found->second});
    return;
  }
  if (std::ranges::find(expansion.path, name) != expansion.path.end()) {
    std::vector<std::string> names;
    for (const QualifiedName& each : expansion.path) names.push_back(each.text());
    problems.push_back(fmt::format("the middleware \"{0}\" is a chain that contains itself: {1} -> {0}",
                                   name.text(), fmt::join(names, " -> ")));
    report(name, problems.back());
    return;
  }
  expansion.path.push_back(name);
  const std::size_t before = problems.size();
  expand_all(chain->middlewares, name.provider, expansion);
  expansion.path.pop_back();
  for (std::size_t i = before; i < problems.size(); ++i) report(name, problems[i]);
}

std::expected<std::shared_ptr<Chain>, std::string> ChainBuilder::make(const std::vector<ChainLink>& links,
                                                                      const BuiltChain* previous) {
  auto chain = input_.make_chain(links, previous);
  if (chain) return std::move(*chain);
  report(chain.error().middleware, chain.error().message);
  return std::unexpected(fmt::format("the middleware \"{}\" is disabled: {}", chain.error().middleware.text(),
                                     chain.error().message));
}

void ChainBuilder::report(const QualifiedName& middleware, const std::string& message) {
  const auto settings = input_.middlewares.find(middleware);
  if (settings == input_.middlewares.end()) return;
  reports_[middleware].add(base::Severity::kError, settings->second.place,
                           fmt::format("http.middlewares.{}", middleware.name), message);
}

}  // namespace limpet::routing
