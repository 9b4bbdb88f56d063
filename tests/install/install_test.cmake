# Installs into an empty prefix, builds a small project against it, runs it.
function(must_run)
  execute_process(COMMAND ${ARGN} RESULT_VARIABLE status OUTPUT_VARIABLE output ERROR_VARIABLE output)
  if(NOT status EQUAL 0)
    message(FATAL_ERROR "${ARGN}\nexit status ${status}\n${output}")
  endif()
  set(output "${output}" PARENT_SCOPE)
endfunction()

file(REMOVE_RECURSE ${WORK})
set(prefix ${WORK}/prefix)
must_run(${CMAKE_COMMAND} --install ${BUILD} --prefix ${prefix})
if(NOT EXISTS ${prefix}/bin/hone)
  message(FATAL_ERROR "bin/hone was not installed")
endif()

must_run(${CMAKE_COMMAND} -S ${CONSUMER} -B ${WORK}/build -G Ninja -DCMAKE_PREFIX_PATH=${prefix}
         -DCMAKE_CXX_COMPILER=${CXX} -DCMAKE_C_COMPILER=${CC})
must_run(${CMAKE_COMMAND} --build ${WORK}/build)
foreach(program consume_cpp consume_c)
  must_run(${WORK}/build/${program} ${SAMPLE}/model.onnx)
  message(STATUS "${output}")
endforeach()

# The C library shows its C functions and nothing else.
file(GLOB_RECURSE library ${prefix}/lib*/libhone_c.so)
must_run(${NM} -D --defined-only --format=posix ${library})
string(REGEX REPLACE "\n$" "" output "${output}")
string(REPLACE "\n" ";" symbols "${output}")
list(FILTER symbols EXCLUDE REGEX "^hone_[a-z_]+ T ")
if(symbols)
  message(FATAL_ERROR "libhone_c.so exports more than the C API: ${symbols}")
endif()

# Every public header compiles alone, seeing nothing but the installed ones.
file(GLOB headers ${prefix}/include/hone/*.h)
foreach(header ${headers})
  file(WRITE ${WORK}/header.cpp "#include \"${header}\"\n")
  must_run(${CXX} -std=c++20 -fsyntax-only -I${prefix}/include ${WORK}/header.cpp)
endforeach()
