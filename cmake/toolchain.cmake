# Flags that hold for every target: warnings as errors, sanitizers, a fast linker, a compiler cache.
add_library(limpet_warnings INTERFACE)
target_compile_options(limpet_warnings INTERFACE
  -Wall -Wextra -Wpedantic -Wconversion -Wsign-conversion -Wshadow -Wnon-virtual-dtor -Wold-style-cast
  -Woverloaded-virtual -Wcast-qual -Wimplicit-fallthrough -Wextra-semi -Wno-missing-designated-field-initializers -Werror)

find_program(LIMPET_CCACHE ccache)
if(LIMPET_CCACHE)
  # Precompiled headers can be cached only if ccache may overlook what they were made of, and when.
  set(CMAKE_CXX_COMPILER_LAUNCHER
    ${CMAKE_COMMAND} -E env CCACHE_SLOPPINESS=pch_defines,time_macros,include_file_mtime,include_file_ctime ${LIMPET_CCACHE})
endif()
if(CMAKE_CXX_COMPILER_ID STREQUAL "Clang")
  add_link_options(-fuse-ld=lld-19)
endif()

if(LIMPET_SANITIZE)
  add_compile_options(-fsanitize=${LIMPET_SANITIZE} -fno-sanitize-recover=all -fno-omit-frame-pointer)
  add_link_options(-fsanitize=${LIMPET_SANITIZE})
  add_compile_definitions(_GLIBCXX_ASSERTIONS)
else()
  add_compile_options(-fstack-protector-strong)
  add_compile_definitions($<$<CONFIG:Release>:_FORTIFY_SOURCE=2>)
endif()
# Everywhere or nowhere: a precompiled header is refused where it differs.
add_compile_options(-pthread)
add_compile_definitions(LIMPET_VERSION="${PROJECT_VERSION}")
