# limpet_room(<name> [ROOMS <room>...] [LIBRARIES <lib>...] [PRIVATE_LIBRARIES <lib>...])
# One static library a room, made of src/<name>/**/*.cpp. ROOMS are the rooms below it that it may include.
function(limpet_room name)
  cmake_parse_arguments(ARG "" "" "ROOMS;LIBRARIES;PRIVATE_LIBRARIES" ${ARGN})
  file(GLOB_RECURSE sources CONFIGURE_DEPENDS ${CMAKE_SOURCE_DIR}/src/${name}/*.cpp)
  list(TRANSFORM ARG_ROOMS PREPEND limpet_)
  if(sources)
    add_library(limpet_${name} STATIC ${sources})
    target_include_directories(limpet_${name} PUBLIC ${CMAKE_SOURCE_DIR}/src)
    target_link_libraries(limpet_${name}
      PUBLIC ${ARG_ROOMS} ${ARG_LIBRARIES}
      PRIVATE limpet_warnings ${ARG_PRIVATE_LIBRARIES})
  else()
    add_library(limpet_${name} INTERFACE)
    target_include_directories(limpet_${name} INTERFACE ${CMAKE_SOURCE_DIR}/src)
    target_link_libraries(limpet_${name} INTERFACE ${ARG_ROOMS} ${ARG_LIBRARIES} ${ARG_PRIVATE_LIBRARIES})
  endif()
endfunction()
