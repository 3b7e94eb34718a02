# What nearly every file includes, parsed once for each set of flags: a third off the time of a build. Not in `dev`,
# where a file that lacks an include of its own is to fail, and whose database clang-tidy reads.
if(NOT ARALEZ_PCH OR NOT CMAKE_CXX_COMPILER_ID STREQUAL "GNU")
  function(aralez_precompiled TARGET)
  endfunction()
  return()
endif()

set(common <algorithm> <array> <atomic> <charconv> <chrono> <condition_variable> <cstdint> <cstring> <expected> <filesystem>
  <functional> <map> <memory> <mutex> <optional> <set> <span> <string> <string_view> <thread> <unordered_map> <utility> <vector>
  <fmt/format.h>)
# A header is usable only where it would have been read in the same way.
get_target_property(fmt_definitions fmt::fmt INTERFACE_COMPILE_DEFINITIONS)
if(fmt_definitions)
  target_compile_definitions(aralez_flags INTERFACE ${fmt_definitions})
endif()

file(CONFIGURE OUTPUT ${CMAKE_BINARY_DIR}/precompiled.cc CONTENT "int main() {}\n")  # written only when it differs
add_library(aralez_precompiled STATIC ${CMAKE_BINARY_DIR}/precompiled.cc)
target_link_libraries(aralez_precompiled PRIVATE aralez_flags fmt::fmt)
target_precompile_headers(aralez_precompiled PRIVATE ${common})
if(ARALEZ_TESTS)  # a program, because programs are compiled with -fPIE
  add_executable(aralez_precompiled_test EXCLUDE_FROM_ALL ${CMAKE_BINARY_DIR}/precompiled.cc)
  target_link_libraries(aralez_precompiled_test PRIVATE aralez_flags aralez_test_flags fmt::fmt GTest::gmock)
  target_precompile_headers(aralez_precompiled_test PRIVATE ${common} <gtest/gtest.h> <gmock/gmock.h>)
  set_target_properties(aralez_precompiled_test PROPERTIES INTERPROCEDURAL_OPTIMIZATION OFF)
endif()

# Has TARGET, a library of a folder or its unit test, use them.
function(aralez_precompiled TARGET)
  get_target_property(type ${TARGET} TYPE)
  if(type STREQUAL "EXECUTABLE")
    target_precompile_headers(${TARGET} REUSE_FROM aralez_precompiled_test)
  else()
    target_precompile_headers(${TARGET} REUSE_FROM aralez_precompiled)
  endif()
endfunction()
