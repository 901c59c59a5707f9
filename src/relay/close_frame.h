#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace limpet::relay {

/// A WebSocket Close frame (RFC 6455, section 5.5.1). Towards servers frames are masked, with a random key.
/// `reason` is UTF-8 and cut to the 123 bytes that fit, between characters.
[[nodiscard]] std::string close_frame(std::uint16_t code, std::string_view reason, bool masked);

}  // namespace limpet::relay
