find_package(GTest REQUIRED)
find_package(PkgConfig REQUIRED)
pkg_check_modules(HONE_ORACLE_HDF5 REQUIRED IMPORTED_TARGET hdf5-serial)
pkg_check_modules(HONE_ORACLE_LIBZIP REQUIRED IMPORTED_TARGET libzip)
add_executable(hone_torch_oracle ${CMAKE_CURRENT_SOURCE_DIR}/torch_oracle.cpp ${CMAKE_SOURCE_DIR}/tests/formats/torch_case.cpp
               ${CMAKE_SOURCE_DIR}/tests/formats/keras_file.cpp)
target_include_directories(hone_torch_oracle PRIVATE ${CMAKE_SOURCE_DIR}/tests)
target_link_libraries(hone_torch_oracle PRIVATE hone_test_support hone_train hone_formats hone_cpu GTest::gtest_main PkgConfig::HONE_ORACLE_HDF5
                      PkgConfig::HONE_ORACLE_LIBZIP)
target_compile_definitions(hone_torch_oracle PRIVATE HONE_SOURCE_DIR="${CMAKE_SOURCE_DIR}" HONE_BINARY_DIR="${CMAKE_BINARY_DIR}")
