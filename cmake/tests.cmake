# One test program a room, made of tests/unit/<room>/**/*_test.cpp, with the same name in ctest.
find_package(GTest REQUIRED)
find_library(RAPIDCHECK_LIBRARY rapidcheck)
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
    add_test(NAME ${room} COMMAND test_${room})
    set_tests_properties(${room} PROPERTIES TIMEOUT 900)
  endif()
endforeach()
add_test(NAME includes COMMAND ${CMAKE_SOURCE_DIR}/scripts/check-includes)
