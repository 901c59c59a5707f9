#include "page.h"

#include <nlohmann/json.hpp>
#include <string_view>

#include "page_constants.h"

namespace chat {
namespace {

void fill_in(std::string& page, std::string_view mark, std::string_view text) {
  if (const auto at = page.find(mark); at != std::string::npos) page.replace(at, mark.size(), text);
}

/// JSON that cannot end the script element it stands in.
std::string script_safe(const nlohmann::json& value) {
  std::string text = value.dump();
  for (auto at = text.find('<'); at != std::string::npos; at = text.find('<', at))
    text.replace(at, 1, "\\u003c");
  return text;
}

}  // namespace

std::string assemble_page(const std::vector<std::string>& servers) {
  std::string page(page_file::index_html);
  fill_in(page, "{{style.css}}", page_file::style_css);
  fill_in(page, "{{config}}", script_safe({{"servers", servers}}));
  fill_in(page, "{{socket.js}}", page_file::socket_js);
  fill_in(page, "{{chat.js}}", page_file::chat_js);
  return page;
}

}  // namespace chat
