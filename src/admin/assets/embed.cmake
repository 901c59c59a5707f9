# The dashboard's files become string constants of dashboard_assets.h, so that the program is one file.
set(ASSET_CONSTANTS "")
foreach(file page.html app.js api.js chart.js scaling.js servers.js view.js style.css icon.svg)
  set(path ${CMAKE_CURRENT_LIST_DIR}/${file})
  set_property(DIRECTORY APPEND PROPERTY CMAKE_CONFIGURE_DEPENDS ${path})
  file(READ ${path} text)
  string(MAKE_C_IDENTIFIER ${file} name)
  string(APPEND ASSET_CONSTANTS "inline constexpr std::string_view ${name} = R\"ASSET(${text})ASSET\";\n")
endforeach()
file(CONFIGURE OUTPUT ${CMAKE_BINARY_DIR}/generated/admin/dashboard_assets.h @ONLY NEWLINE_STYLE UNIX CONTENT
"#pragma once

#include <string_view>

namespace limpet::admin::assets {
@ASSET_CONSTANTS@}  // namespace limpet::admin::assets
")
target_include_directories(limpet_admin PRIVATE ${CMAKE_BINARY_DIR}/generated/admin)
