#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

namespace limpet::bench {

/// The head at the start of `bytes` with its closing empty line, or nothing while that line is missing.
[[nodiscard]] std::optional<std::string_view> complete_head(std::string_view bytes);

/// The value of the first field with this name (compared without case), without surrounding blanks.
[[nodiscard]] std::optional<std::string_view> field_value(std::string_view head, std::string_view name);

/// Content-Length as a number; nothing when it is absent or not a number.
[[nodiscard]] std::optional<std::uint64_t> content_length(std::string_view head);

/// Whether a comma-separated field such as Connection names the token (compared without case).
[[nodiscard]] bool has_token(std::string_view head, std::string_view name, std::string_view token);

/// The status of a response head; 0 when the first line is not a status line.
[[nodiscard]] int status_of(std::string_view head);

}  // namespace limpet::bench
