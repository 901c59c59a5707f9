#pragma once

#include <cstdint>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <string_view>

#include "routing/internal.h"

/// The parts that every answer of the admin API is made of.
namespace limpet::admin {

/// Keys stay in the order they were put in, as Traefik's do.
using Json = nlohmann::ordered_json;

/// A JSON answer that nobody may store. Bytes that are not UTF-8 become U+FFFD.
[[nodiscard]] routing::InternalAnswer json_answer(const Json& body, std::uint16_t status = 200);
/// Traefik's form of an error: {"message": "..."}.
[[nodiscard]] routing::InternalAnswer error_answer(std::uint16_t status, std::string_view message);
/// 405 that names the methods allowed: "GET, HEAD" or "POST".
[[nodiscard]] routing::InternalAnswer method_not_allowed(std::string_view allowed);
/// A short plain text.
[[nodiscard]] routing::InternalAnswer text_answer(std::uint16_t status, std::string body);

/// The first value of a request's field, whatever the case of its name.
[[nodiscard]] std::optional<std::string_view> find_field(const routing::InternalRequest& request,
                                                         std::string_view name) noexcept;
/// Whether a request only reads: GET or HEAD.
[[nodiscard]] bool only_reads(const routing::InternalRequest& request) noexcept;
/// The value of a query parameter, decoded; empty if it is not there.
[[nodiscard]] std::string query_value(const routing::InternalRequest& request, std::string_view name);

}  // namespace limpet::admin
