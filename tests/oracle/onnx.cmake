add_executable(hone_onnx_oracle ${CMAKE_CURRENT_SOURCE_DIR}/onnx_oracle.cpp ${CMAKE_CURRENT_SOURCE_DIR}/onnx_form.cpp ${CMAKE_CURRENT_SOURCE_DIR}/onnx_runtime.cpp
                                ${CMAKE_CURRENT_SOURCE_DIR}/onnx_kernels.cpp ${CMAKE_CURRENT_SOURCE_DIR}/onnx_cases.cpp
                                ${CMAKE_SOURCE_DIR}/tests/onnx/cases_onnx.cpp
                                ${CMAKE_SOURCE_DIR}/tests/conformance/cases.cpp)
target_include_directories(hone_onnx_oracle PRIVATE ${CMAKE_SOURCE_DIR}/tests)
target_link_libraries(hone_onnx_oracle PRIVATE hone_test_support hone_formats hone_onnx hone_passes hone_cpu hone_data hone_peers)
target_compile_definitions(hone_onnx_oracle PRIVATE HONE_SOURCE_DIR="${CMAKE_SOURCE_DIR}" HONE_BINARY_DIR="${CMAKE_BINARY_DIR}")
