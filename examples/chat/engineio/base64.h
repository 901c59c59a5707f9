#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace chat::engineio {

/// Base64 of RFC 4648 section 4, with padding: how polling carries binary packets.
[[nodiscard]] std::string base64_encode(std::string_view bytes);

/// The bytes of a base64 text, padded or not; nothing if a character does not belong.
[[nodiscard]] std::optional<std::string> base64_decode(std::string_view text);

/// A fresh identifier of 20 characters [A-Za-z0-9_-] from 120 random bits of the system. Whoever knows a
/// session's id can speak in its place, so ids must not be guessable.
[[nodiscard]] std::string random_id();

}  // namespace chat::engineio
