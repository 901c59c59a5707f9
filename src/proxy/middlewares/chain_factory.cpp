#include "proxy/middlewares/chain_factory.h"

#include <cstddef>
#include <string>
#include <utility>
#include <variant>

#include "base/check.h"
#include "proxy/middleware.h"
#include "proxy/middlewares/basic_auth.h"
#include "proxy/middlewares/edit_headers.h"
#include "proxy/middlewares/in_flight_limit.h"
#include "proxy/middlewares/ip_allow_list.h"
#include "proxy/middlewares/rate_limit.h"
#include "proxy/middlewares/redirect_scheme.h"
#include "proxy/middlewares/rewrite_path.h"

namespace limpet::proxy {
namespace {

using Step = std::shared_ptr<Middleware>;
using MadeStep = std::expected<Step, std::string>;

/// Makes a step, or goes on with `old`, one with equal settings, which may be null.
struct StepMaker {
  Step old;

  [[nodiscard]] MadeStep operator()(const config::BasicAuth& settings) const {
    auto users = read_basic_auth_users(settings);
    if (!users) return std::unexpected(std::move(users.error()));
    // The users' file may have changed though the settings have not.
    const auto* same = dynamic_cast<const BasicAuth*>(old.get());
    if (same != nullptr && same->has_users(*users)) return old;
    return BasicAuth::make(settings, std::move(*users));
  }
  [[nodiscard]] MadeStep operator()(const config::StripPrefix& settings) const {
    return keep_or<StripPrefix>(settings);
  }
  [[nodiscard]] MadeStep operator()(const config::AddPrefix& settings) const {
    return keep_or<AddPrefix>(settings);
  }
  [[nodiscard]] MadeStep operator()(const config::ReplacePath& settings) const {
    return keep_or<ReplacePath>(settings);
  }
  [[nodiscard]] MadeStep operator()(const config::Headers& settings) const {
    return keep_or<EditHeaders>(settings);
  }
  [[nodiscard]] MadeStep operator()(const config::RedirectScheme& settings) const {
    return keep_or<RedirectScheme>(settings);
  }
  [[nodiscard]] MadeStep operator()(const config::IpAllowList& settings) const {
    return keep_or<IpAllowList>(settings);
  }
  [[nodiscard]] MadeStep operator()(const config::InFlightReq& settings) const {
    return keep_or<InFlightLimit>(settings);
  }
  [[nodiscard]] MadeStep operator()(const config::RateLimit& settings) const {
    return keep_or<RateLimit>(settings);
  }
  [[nodiscard]] MadeStep operator()(const config::Chain& /*settings*/) const {
    base::check_failed("a chain is resolved into its links before", __FILE__, __LINE__);
  }

 private:
  template <class Kind, class Settings>
  [[nodiscard]] MadeStep keep_or(const Settings& settings) const {
    return old != nullptr ? MadeStep(old) : Kind::make(settings);
  }
};

/// The steps of an earlier chain, each to be taken over once.
class EarlierSteps {
 public:
  explicit EarlierSteps(const routing::BuiltChain* chain) {
    if (chain == nullptr || chain->chain == nullptr) return;
    links_ = &chain->links;
    steps_ = static_cast<const MiddlewareChain&>(*chain->chain).steps();
    LIMPET_CHECK(steps_.size() == links_->size());
  }
  /// The step of an equal link, or null. Where the settings stand in a file does not matter.
  [[nodiscard]] Step take(const routing::ChainLink& link) {
    for (std::size_t i = 0; i < steps_.size(); ++i) {
      const routing::ChainLink& candidate = (*links_)[i];
      if (steps_[i] != nullptr && candidate.name == link.name &&
          candidate.settings.kind == link.settings.kind) {
        return std::exchange(steps_[i], nullptr);
      }
    }
    return nullptr;
  }

 private:
  const std::vector<routing::ChainLink>* links_ = nullptr;
  std::vector<Step> steps_;
};

}  // namespace

std::expected<std::shared_ptr<routing::Chain>, routing::ChainError> make_chain(
    const std::vector<routing::ChainLink>& links, const routing::BuiltChain* previous) {
  EarlierSteps earlier(previous);
  std::vector<Step> steps;
  steps.reserve(links.size());
  for (const routing::ChainLink& link : links) {
    auto step = std::visit(StepMaker{earlier.take(link)}, link.settings.kind);
    if (!step) return std::unexpected(routing::ChainError{link.name, std::move(step.error())});
    steps.push_back(std::move(*step));
  }
  return std::make_shared<MiddlewareChain>(std::move(steps));
}

}  // namespace limpet::proxy
