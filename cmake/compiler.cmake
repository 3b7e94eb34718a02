# One set of warnings and hardening flags for every target.
add_library(aralez_flags INTERFACE)
target_include_directories(aralez_flags INTERFACE ${CMAKE_SOURCE_DIR}/src)
target_compile_options(aralez_flags INTERFACE
  -Wall -Wextra -Werror -Wshadow -Wnon-virtual-dtor -Wold-style-cast -Woverloaded-virtual -Wimplicit-fallthrough
  -Wno-missing-field-initializers)  # designated initialisers leave the rest at their defaults on purpose
target_compile_definitions(aralez_flags INTERFACE
  ARALEZ_VERSION="${PROJECT_VERSION}" $<$<BOOL:${ARALEZ_HARDEN}>:_GLIBCXX_ASSERTIONS>)

if(ARALEZ_HARDEN)
  target_compile_options(aralez_flags INTERFACE -fstack-protector-strong -fstack-clash-protection)
  if(CMAKE_SYSTEM_PROCESSOR MATCHES "x86_64")
    target_compile_options(aralez_flags INTERFACE -fcf-protection=full)
    # Debian's start files carry no CET note, so the linker would drop ours. They only call and return,
    # which a shadow stack allows; they lack endbr64, so the binary must not claim IBT for the whole of it.
    target_link_options(aralez_flags INTERFACE -Wl,-z,shstk)
  endif()
  target_link_options(aralez_flags INTERFACE -Wl,-z,relro,-z,now,-z,noexecstack)
  if(CMAKE_BUILD_TYPE STREQUAL "Release" AND NOT ARALEZ_SANITIZE)
    target_compile_options(aralez_flags INTERFACE -U_FORTIFY_SOURCE -D_FORTIFY_SOURCE=3)
  endif()
endif()
include(CheckPIESupported)
check_pie_supported(LANGUAGES CXX)

# Of what checks, not of what is checked: half the time of a build goes into optimising the expectations of unit tests.
add_library(aralez_test_flags INTERFACE)
target_compile_options(aralez_test_flags INTERFACE $<$<CONFIG:Debug>:-O0>)

if(ARALEZ_SANITIZE)
  target_compile_options(aralez_flags INTERFACE
    -fsanitize=${ARALEZ_SANITIZE} -fno-sanitize-recover=all -fno-omit-frame-pointer)
  # Its check opens a pipe, and calls an object broken when there is no descriptor for one: tests run without any.
  target_compile_options(aralez_flags INTERFACE -fno-sanitize=vptr)
  target_link_options(aralez_flags INTERFACE -fsanitize=${ARALEZ_SANITIZE})
endif()
if(CMAKE_CXX_COMPILER_ID STREQUAL "Clang")
  # libstdc++'s own std::stable_sort calls what libstdc++ marks as deprecated, and clang looks into system headers.
  target_compile_options(aralez_flags INTERFACE -Wno-deprecated-declarations)
endif()
if(ARALEZ_FUZZ)  # coverage of everything; only the targets in fuzz/ link libFuzzer's main
  target_compile_options(aralez_flags INTERFACE -fsanitize=fuzzer-no-link)
endif()
if(ARALEZ_LTO)
  set(CMAKE_INTERPROCEDURAL_OPTIMIZATION ON)
endif()
