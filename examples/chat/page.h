#pragma once

#include <string>
#include <vector>

namespace chat {

/// The chat page as one HTML document, its style and scripts inside, with the servers it offers.
[[nodiscard]] std::string assemble_page(const std::vector<std::string>& servers);

}  // namespace chat
