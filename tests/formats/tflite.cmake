# Models of one operator each, shared with the oracle's program.
file(GLOB tflite_case_sources CONFIGURE_DEPENDS ${CMAKE_CURRENT_SOURCE_DIR}/tflite_case*.cpp
     ${CMAKE_CURRENT_SOURCE_DIR}/tflite_form*.cpp ${CMAKE_CURRENT_SOURCE_DIR}/tflite_states.cpp)
list(FILTER tflite_case_sources EXCLUDE REGEX "_test\\.cpp$")
add_library(hone_tflite_cases STATIC ${tflite_case_sources})
target_include_directories(hone_tflite_cases PUBLIC ${CMAKE_SOURCE_DIR}/tests)
target_include_directories(hone_tflite_cases SYSTEM PUBLIC ${CMAKE_BINARY_DIR}/generated/tflite)
target_compile_definitions(hone_tflite_cases PUBLIC FLATBUFFERS_LOCALE_INDEPENDENT=0)
target_link_libraries(hone_tflite_cases PUBLIC hone_tflite)
add_dependencies(hone_tflite_cases hone_tflite_schema)

file(GLOB tflite_tests CONFIGURE_DEPENDS ${CMAKE_CURRENT_SOURCE_DIR}/tflite*_test.cpp)
hone_test(hone_tflite_formats_test SOURCES ${tflite_tests} LINK hone_test_support hone_tflite_cases hone_data)
