#PyTorch models : archives written here around the programs that torch stored, with what it answered.
hone_test(hone_torch_formats_test SOURCES ${CMAKE_CURRENT_LIST_DIR} / torch_cases_test.cpp ${CMAKE_CURRENT_LIST_DIR} /
          torch_test.cpp ${CMAKE_CURRENT_LIST_DIR} / torch_case.cpp ${CMAKE_CURRENT_LIST_DIR} /
          keras_file.cpp LINK hone_test_support hone_formats hone_data PkgConfig::HONE_HDF5 PkgConfig::HONE_LIBZIP)
