# Whole models: `hone_models_oracle FOLDER…` judges every model in the folders.
add_executable(hone_models_oracle ${CMAKE_CURRENT_SOURCE_DIR}/models_oracle.cpp ${CMAKE_CURRENT_SOURCE_DIR}/models_table.cpp
                                  ${CMAKE_CURRENT_SOURCE_DIR}/model_paths.cpp ${CMAKE_CURRENT_SOURCE_DIR}/model_record.cpp
                                  ${CMAKE_CURRENT_SOURCE_DIR}/onnx_form.cpp
                                  ${CMAKE_CURRENT_SOURCE_DIR}/model_verdict.cpp ${CMAKE_CURRENT_SOURCE_DIR}/isolated.cpp
                                  ${CMAKE_CURRENT_SOURCE_DIR}/onnx_runtime.cpp ${CMAKE_CURRENT_SOURCE_DIR}/tflite_runtime.cpp)
target_include_directories(hone_models_oracle PRIVATE ${CMAKE_SOURCE_DIR}/tests)
target_link_libraries(hone_models_oracle PRIVATE hone_test_support hone_tflite_cases hone_onnx hone_capi hone_formats hone_data hone_peers)
target_compile_definitions(hone_models_oracle PRIVATE HONE_SOURCE_DIR="${CMAKE_SOURCE_DIR}" HONE_BINARY_DIR="${CMAKE_BINARY_DIR}"
                                                      HONE_PROGRAM="$<TARGET_FILE:hone_cli_bin>")
add_dependencies(hone_models_oracle hone_cli_bin)
