#include "proxy/middlewares/basic_auth.h"

#include <fmt/format.h>

#include <algorithm>
#include <cerrno>
#include <fstream>
#include <iterator>
#include <optional>
#include <system_error>

#include "base/check.h"
#include "base/text.h"
#include "http/syntax.h"
#include "proxy/middlewares/plain_answer.h"

namespace limpet::proxy {
namespace {

struct Credentials {
  std::string user;
  std::string password;
};

/// The user name and password of an Authorization field's value (RFC 7617, section 2).
std::optional<Credentials> read_credentials(std::string_view value) {
  constexpr std::string_view kScheme = "Basic ";
  if (!base::iequals(value.substr(0, kScheme.size()), kScheme)) return std::nullopt;
  const auto text = base::base64_decode(http::trim_blanks(value.substr(kScheme.size())));
  if (!text) return std::nullopt;
  const std::size_t colon = text->find(':');
  if (colon == std::string::npos) return std::nullopt;
  return Credentials{text->substr(0, colon), text->substr(colon + 1)};
}

std::expected<void, std::string> add_user(BasicAuthUsers& users, std::string_view line,
                                          std::string_view place) {
  const std::size_t colon = line.find(':');
  const std::string_view name = line.substr(0, colon);
  if (colon == std::string_view::npos || name.empty() || !http::is_field_value(name)) {
    return std::unexpected(fmt::format("{}: expected name:hash, as htpasswd writes it", place));
  }
  auto hash = PasswordHash::parse(line.substr(colon + 1));
  if (!hash) return std::unexpected(fmt::format("{}: the hash of {}: {}", place, name, hash.error()));
  users.insert_or_assign(std::string(name), std::move(*hash));
  return {};
}

std::expected<void, std::string> add_users_of_file(BasicAuthUsers& users, const std::string& file) {
  std::ifstream in(file, std::ios::binary);
  if (!in) {
    return std::unexpected(
        fmt::format("basicAuth.usersFile: cannot open {}: {}", file, std::generic_category().message(errno)));
  }
  std::string line;
  for (std::size_t number = 1; std::getline(in, line); ++number) {
    const std::string_view text = base::trim(line);
    if (text.empty() || text.starts_with('#')) continue;
    if (auto added = add_user(users, text, fmt::format("{}:{}", file, number)); !added) return added;
  }
  if (in.bad()) return std::unexpected(fmt::format("basicAuth.usersFile: cannot read {}", file));
  return {};
}

std::string challenge_of(std::string_view realm) {
  std::string challenge = "Basic realm=\"";
  for (const char c : realm) {
    if (c == '"' || c == '\\') challenge.push_back('\\');
    challenge.push_back(c);
  }
  return challenge + "\"";
}

}  // namespace

std::expected<BasicAuthUsers, std::string> read_basic_auth_users(const config::BasicAuth& settings) {
  BasicAuthUsers users;
  if (!settings.users_file.empty()) {
    if (auto added = add_users_of_file(users, settings.users_file); !added) {
      return std::unexpected(std::move(added.error()));
    }
  }
  for (std::size_t i = 0; i < settings.users.size(); ++i) {
    const auto added = add_user(users, base::trim(settings.users[i]), fmt::format("basicAuth.users[{}]", i));
    if (!added) return std::unexpected(added.error());
  }
  if (users.empty()) {
    return std::unexpected("basicAuth has no users, expected users or usersFile with entries name:hash");
  }
  return users;
}

std::expected<std::shared_ptr<Middleware>, std::string> BasicAuth::make(const config::BasicAuth& settings,
                                                                        BasicAuthUsers users) {
  if (!http::is_field_value(settings.realm)) {
    return std::unexpected("basicAuth.realm holds a control character, expected one line of text");
  }
  if (!settings.header_field.empty() && !http::is_token(settings.header_field)) {
    return std::unexpected(fmt::format(
        "basicAuth.headerField is \"{}\", expected a header name such as X-User", settings.header_field));
  }
  if (frames_messages(settings.header_field) || base::iequals(settings.header_field, "Host")) {
    return std::unexpected(fmt::format(
        "basicAuth.headerField is \"{}\", which Limpet writes itself; expected a header name such as X-User",
        settings.header_field));
  }
  const std::string_view realm = settings.realm.empty() ? "traefik" : std::string_view(settings.realm);
  return std::make_shared<BasicAuth>(std::move(users), challenge_of(realm), settings.header_field,
                                     settings.remove_header);
}

BasicAuth::BasicAuth(BasicAuthUsers users, std::string challenge, std::string header_field,
                     bool remove_header)
    : header_field_(std::move(header_field)), remove_header_(remove_header) {
  LIMPET_CHECK(!users.empty());
  PasswordHash decoy =
      std::ranges::max_element(users, {}, [](const auto& user) { return user.second.effort(); })->second;
  state_ = std::make_shared<State>(std::move(users), std::move(decoy), std::move(challenge));
}

Verdict BasicAuth::on_request(RequestContext& context) {
  auto given =
      read_credentials(context.head->find(http::FieldId::kAuthorization).value_or(std::string_view()));
  if (!given) return refusal(*state_);
  context.user = given->user;

  const bool known = state_->users.contains(given->user);
  if (known) {
    // Without effect if the password turns out wrong, because the request then goes nowhere.
    if (!header_field_.empty()) context.request_edits.set(header_field_, given->user);
    if (remove_header_) context.request_edits.set("Authorization", "");
    if (state_->verified.contains(given->user, given->password)) return Continue{};
  }
  return BlockingWork(
      [state = state_, given = std::move(*given)] { return check(*state, given.user, given.password); });
}

Answer BasicAuth::refusal(const State& state) {
  Answer answer = plain_answer(401);
  answer.body = "401 Unauthorized\n";
  answer.fields.emplace_back("WWW-Authenticate", state.challenge);
  return answer;
}

std::optional<Answer> BasicAuth::check(State& state, const std::string& user, const std::string& password) {
  const auto known = state.users.find(user);
  if (known == state.users.end()) {
    static_cast<void>(state.decoy.verify(password));
    return refusal(state);
  }
  // A request of the same user may have been waiting for a thread beside this one.
  if (state.verified.contains(user, password)) return std::nullopt;
  if (!known->second.verify(password)) return refusal(state);
  state.verified.insert(user, password);
  return std::nullopt;
}

}  // namespace limpet::proxy
