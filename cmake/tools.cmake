# Compiler cache, fast linker, warnings and sanitizers: what every target gets.
find_program(HONE_CCACHE ccache)
if(HONE_CCACHE)
  # What a cache must overlook, by its own manual, where headers are precompiled.
  set(launcher ${CMAKE_COMMAND} -E env CCACHE_SLOPPINESS=pch_defines,time_macros ${HONE_CCACHE})
  set(CMAKE_C_COMPILER_LAUNCHER ${launcher})
  set(CMAKE_CXX_COMPILER_LAUNCHER ${launcher})
endif()
find_program(HONE_MOLD mold)
if(HONE_MOLD)
  add_link_options(-fuse-ld=mold)
endif()

# The code is cold outside of the kernels, which choose their own flags: -O3 would cost build time alone.
string(REPLACE "-O3" "-O2" CMAKE_CXX_FLAGS_RELEASE "${CMAKE_CXX_FLAGS_RELEASE}")

# No fused multiply-add unless a kernel asks for it: results are the same on every machine.
add_compile_options(-Wall -Wextra -Wno-missing-field-initializers -ffp-contract=off -fdiagnostics-color=auto)
add_compile_options(-ffile-prefix-map=${CMAKE_SOURCE_DIR}/=)
if(HONE_WERROR)
  add_compile_options(-Werror)
endif()
if(HONE_SANITIZE)
  add_compile_options(-fsanitize=address,undefined -fno-sanitize-recover=all -fno-omit-frame-pointer)
  add_link_options(-fsanitize=address,undefined)
endif()
if(HONE_MINIMAL)
  # What a program does not use of the library can be left out when it is linked with --gc-sections.
  add_compile_options(-ffunction-sections -fdata-sections)
endif()
if(HONE_FUZZ)
  add_compile_options(-fsanitize=fuzzer-no-link)
endif()
if(HONE_TSAN)
  add_compile_options(-fsanitize=thread -fno-omit-frame-pointer)
  add_link_options(-fsanitize=thread)
endif()

# hone_precompile(TARGET LIST): the headers of the standard library, and for tests those of GoogleTest, are parsed once
# for all targets, TFLite's generated schema once for its folder. The first target with a list owns it. Our own headers
# are not in it: each must compile alone.
set(HONE_STD_HEADERS <algorithm> <array> <cmath> <cstdint> <cstring> <functional> <limits> <map> <memory>
                     <numeric> <optional> <set> <span> <string> <string_view> <tuple> <unordered_map> <utility> <vector>)
set(HONE_TFLITE_HEADERS ${HONE_STD_HEADERS} <flatbuffers/flatbuffers.h> <schema_generated.h>)
set(HONE_TEST_HEADERS ${HONE_STD_HEADERS} <gtest/gtest.h>)
function(hone_precompile TARGET LIST)
  if(HONE_FUZZ OR HONE_MINIMAL)
    return()
  endif()
  target_compile_options(${TARGET} PRIVATE -fpch-preprocess)
  get_property(owner GLOBAL PROPERTY ${LIST}_OWNER)
  if(owner)
    target_precompile_headers(${TARGET} REUSE_FROM ${owner})
  else()
    target_precompile_headers(${TARGET} PRIVATE ${${LIST}})
    set_property(GLOBAL PROPERTY ${LIST}_OWNER ${TARGET})
  endif()
endfunction()
