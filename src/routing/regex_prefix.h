#pragma once

#include <string>
#include <string_view>

namespace limpet::routing {

/// The literal that every text in which the (valid, case-sensitive) regular expression is found begins with.
/// Empty if there is none or it is not plain to see: only `^`, then letters, digits and escaped signs up to
/// the first other construct are read.
[[nodiscard]] std::string anchored_literal(std::string_view pattern);

}  // namespace limpet::routing
