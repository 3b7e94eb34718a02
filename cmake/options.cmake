# Build switches. The presets in CMakePresets.json set them; by hand only for an experiment.
option(ARALEZ_TESTS "build the unit tests" ON)
option(ARALEZ_LTO "link-time optimisation" OFF)
option(ARALEZ_HARDEN "stack protector, CET, RELRO, FORTIFY" ON)
option(ARALEZ_PCH "precompiled headers, with g++" ON)
option(ARALEZ_FUZZ "build the libFuzzer targets (clang)" OFF)
set(ARALEZ_SANITIZE "" CACHE STRING "comma list for -fsanitize, empty for none")

set(CMAKE_CXX_STANDARD 23)
set(CMAKE_CXX_STANDARD_REQUIRED ON)
set(CMAKE_CXX_EXTENSIONS OFF)
set(CMAKE_POSITION_INDEPENDENT_CODE ON)
set(CMAKE_EXPORT_COMPILE_COMMANDS ON)
set(CMAKE_RUNTIME_OUTPUT_DIRECTORY ${CMAKE_BINARY_DIR})

find_program(CCACHE ccache)
if(CCACHE)
  # One cache for every build directory and clone: paths below the source tree count as relative.
  set(CMAKE_CXX_COMPILER_LAUNCHER
    ${CMAKE_COMMAND} -E env CCACHE_BASEDIR=${CMAKE_SOURCE_DIR} CCACHE_NOHASHDIR=1
    CCACHE_SLOPPINESS=pch_defines,time_macros ${CCACHE})
endif()
