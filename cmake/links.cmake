# Run by the installation: links by the names of other tools to the program, which takes their command lines by them
# (docs/dialects.md). A tool of that name that is there already stays.
foreach(tool tflite_convert benchmark_model benchmark_model.py)
  set(link "$ENV{DESTDIR}${CMAKE_INSTALL_PREFIX}/bin/${tool}")
  if(EXISTS "${link}" AND NOT IS_SYMLINK "${link}")
    message(STATUS "Left alone: ${link} is another program")
  else()
    file(CREATE_LINK hone "${link}" SYMBOLIC)
  endif()
endforeach()
