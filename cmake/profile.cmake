# Which way requests go through the data path, for the compiler: branches that are taken lie in a row, what is called often is
# inlined, what is rare lies elsewhere (docs/adr/0028). `make profile` records it in profile/data_path.tar.xz; `release` uses
# it where it is of the same compiler. A function that has changed since is compiled as without it.
set(ARALEZ_PROFILE "" CACHE STRING "`record` or `use` profile/data_path.tar.xz, empty for neither")
set(profiled_folders base io tls http net route filter codec cluster proxy observe files)
set(profile_options)
set(profile_refused)

cmake_path(RELATIVE_PATH CMAKE_SOURCE_DIR BASE_DIRECTORY ${CMAKE_BINARY_DIR} OUTPUT_VARIABLE up_to_sources)
if(NOT CMAKE_CXX_COMPILER_ID STREQUAL "GNU")
  set(profile_refused "is for g++")
elseif(NOT up_to_sources STREQUAL "../..")
  set(profile_refused "knows sources by their path from the build folder, and needs one like build/release")
elseif(ARALEZ_PROFILE STREQUAL "record")
  set(profile_options -fprofile-generate=${CMAKE_BINARY_DIR}/recorded -fprofile-update=prefer-atomic)
  add_link_options(-fprofile-generate)
elseif(ARALEZ_PROFILE)
  set(profile ${CMAKE_BINARY_DIR}/profile)
  set_property(DIRECTORY APPEND PROPERTY CMAKE_CONFIGURE_DEPENDS ${CMAKE_SOURCE_DIR}/profile/data_path.tar.xz)
  file(REMOVE_RECURSE ${profile})
  file(ARCHIVE_EXTRACT INPUT ${CMAKE_SOURCE_DIR}/profile/data_path.tar.xz DESTINATION ${profile})
  file(READ ${profile}/compiler recorded_by)
  string(REGEX MATCH "^[0-9]+" compiler_major ${CMAKE_CXX_COMPILER_VERSION})
  if(recorded_by EQUAL compiler_major)
    # What training did not reach is compiled as usual, not for size: errors count too. Counts of threads that raced, and of
    # functions that changed since, are smoothed instead of refused.
    set(profile_options -fprofile-use=${profile} -fprofile-partial-training -fprofile-correction
      -Wno-missing-profile -Wno-coverage-mismatch)
  else()
    set(profile_refused "was recorded by g++ ${recorded_by}, this is g++ ${compiler_major}")
  endif()
endif()
if(ARALEZ_PROFILE AND profile_refused)
  message(STATUS "The profile of the data path is not used: it ${profile_refused}")
endif()
if(profile_options)
  list(APPEND profile_options -fprofile-prefix-path=${CMAKE_BINARY_DIR})  # files of the profile are named without it
  list(PREPEND CMAKE_CXX_COMPILER_LAUNCHER ${CMAKE_SOURCE_DIR}/cmake/relative_paths.sh ${CMAKE_SOURCE_DIR} ${up_to_sources})
endif()

# Has TARGET, the library of the folder NAME, record or use its part.
function(aralez_profiled TARGET NAME)
  string(REGEX REPLACE "/.*" "" top ${NAME})
  if(top IN_LIST profiled_folders)
    target_compile_options(${TARGET} PRIVATE ${profile_options})
  endif()
endfunction()
