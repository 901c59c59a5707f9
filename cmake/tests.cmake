# One test program a room, made of tests/unit/<room>/**/*_test.cpp, with the same name in ctest.
find_package(GTest REQUIRED)
find_library(RAPIDCHECK_LIBRARY rapidcheck)
# What nearly every test includes, compiled once.
add_library(test_headers OBJECT ${CMAKE_SOURCE_DIR}/cmake/test_headers.cpp)
target_precompile_headers(test_headers PRIVATE <gmock/gmock.h> <gtest/gtest.h> <rapidcheck.h> <fmt/format.h>)
target_compile_options(test_headers PRIVATE -O0 "SHELL:-Xclang -fno-pch-timestamp")
target_link_libraries(test_headers PRIVATE limpet_warnings GTest::gmock fmt::fmt)
file(GLOB rooms RELATIVE ${CMAKE_SOURCE_DIR}/tests/unit CONFIGURE_DEPENDS ${CMAKE_SOURCE_DIR}/tests/unit/*)
foreach(room ${rooms})
  file(GLOB_RECURSE sources CONFIGURE_DEPENDS ${CMAKE_SOURCE_DIR}/tests/unit/${room}/*.cpp)
  if(sources AND TARGET limpet_${room})
    add_executable(test_${room} ${sources})
    target_include_directories(test_${room} PRIVATE ${CMAKE_SOURCE_DIR}/tests)
    target_compile_definitions(test_${room} PRIVATE
      LIMPET_SOURCE_DIR="${CMAKE_SOURCE_DIR}" LIMPET_TEST_DATA="${CMAKE_SOURCE_DIR}/tests/data")
    target_link_libraries(test_${room} PRIVATE limpet_${room} limpet_warnings GTest::gmock GTest::gtest_main
      ${RAPIDCHECK_LIBRARY} nlohmann_json::nlohmann_json)
    # Tests compile twice as fast without optimisation, and run as fast: what they test keeps it.
    target_compile_options(test_${room} PRIVATE -O0 "SHELL:-Xclang -fno-pch-timestamp")
    target_precompile_headers(test_${room} REUSE_FROM test_headers)
    add_test(NAME ${room} COMMAND test_${room})
    set_tests_properties(${room} PROPERTIES TIMEOUT 900)
  endif()
endforeach()
add_test(NAME includes COMMAND ${CMAKE_SOURCE_DIR}/scripts/check-includes)
