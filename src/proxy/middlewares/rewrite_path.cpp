#include "proxy/middlewares/rewrite_path.h"

#include <fmt/format.h>

#include <algorithm>

#include "base/text.h"
#include "http/syntax.h"
#include "http/url.h"
#include "proxy/middlewares/plain_answer.h"

namespace limpet::proxy {
namespace {

bool may_stand_in_path(char c) {
  constexpr std::string_view kMarks = "-._~!$&'()*+,;=:@/";
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
         kMarks.find(c) != std::string_view::npos;
}

/// A path as a person writes it in the form that request lines have: a slash first, what may not stand in a
/// path percent-encoded, escapes canonical.
std::expected<std::string, std::string> path_from_text(std::string_view setting, std::string_view text) {
  if (text.empty()) {
    return std::unexpected(fmt::format("{} is empty, expected a path such as /api", setting));
  }
  std::string encoded;
  if (text.front() != '/') encoded.push_back('/');
  for (const char c : text) {
    if (may_stand_in_path(c) || c == '%') {
      encoded.push_back(c);
    } else {
      encoded += fmt::format("%{:02X}", static_cast<unsigned char>(c));
    }
  }
  std::string scratch;
  const auto canonical = http::canonical_path(encoded, false, scratch);
  if (!canonical) {
    return std::unexpected(fmt::format(
        "{} is \"{}\", expected two hex digits after each %, or %25 for a % of its own", setting, text));
  }
  return std::string(*canonical);
}

/// Whether the first segment is "." or "..".
bool begins_with_dots(std::string_view path) {
  if (path.starts_with('/')) path.remove_prefix(1);
  const std::string_view segment = path.substr(0, path.find('/'));
  return segment == "." || segment == "..";
}

}  // namespace

std::expected<std::shared_ptr<Middleware>, std::string> StripPrefix::make(
    const config::StripPrefix& settings) {
  if (settings.prefixes.empty()) {
    return std::unexpected("stripPrefix.prefixes is empty, expected one or more paths such as /api");
  }
  std::vector<Prefix> prefixes;
  for (const std::string& text : settings.prefixes) {
    const std::string_view trimmed = base::trim(text);
    auto canonical = path_from_text("stripPrefix.prefixes", trimmed);
    if (!canonical) return std::unexpected(std::move(canonical.error()));
    if (!http::is_field_value(trimmed)) {
      return std::unexpected("stripPrefix.prefixes holds a control character, expected a path such as /api");
    }
    prefixes.push_back({std::string(trimmed), std::move(*canonical)});
  }
  return std::make_shared<StripPrefix>(std::move(prefixes));
}

Verdict StripPrefix::on_request(RequestContext& context) {
  const auto prefix = std::ranges::find_if(
      prefixes_, [&](const Prefix& candidate) { return context.path.starts_with(candidate.canonical); });
  if (prefix == prefixes_.end()) return Continue{};

  const std::string_view rest = context.path.substr(prefix->canonical.size());
  if (begins_with_dots(rest)) return plain_answer(400);
  std::string stripped;
  if (!rest.starts_with('/')) stripped.push_back('/');
  stripped += rest;
  context.set_path(std::move(stripped));
  context.request_edits.add("X-Forwarded-Prefix", prefix->configured);
  return Continue{};
}

std::expected<std::shared_ptr<Middleware>, std::string> AddPrefix::make(const config::AddPrefix& settings) {
  auto prefix = path_from_text("addPrefix.prefix", settings.prefix);
  if (!prefix) return std::unexpected(std::move(prefix.error()));
  return std::make_shared<AddPrefix>(std::move(*prefix));
}

Verdict AddPrefix::on_request(RequestContext& context) {
  context.set_path(prefix_ + std::string(context.path));
  return Continue{};
}

std::expected<std::shared_ptr<Middleware>, std::string> ReplacePath::make(
    const config::ReplacePath& settings) {
  auto path = path_from_text("replacePath.path", settings.path);
  if (!path) return std::unexpected(std::move(path.error()));
  return std::make_shared<ReplacePath>(std::move(*path));
}

Verdict ReplacePath::on_request(RequestContext& context) {
  std::string came(context.path);
  if (!context.head->query.empty()) came.append("?").append(context.head->query);
  context.request_edits.set("X-Replaced-Path", came);
  context.set_path(path_);
  return Continue{};
}

}  // namespace limpet::proxy
