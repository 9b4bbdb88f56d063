# Keras models, written by the HDF5 library itself and by libzip.
find_package(PkgConfig REQUIRED)
pkg_check_modules(HONE_HDF5 REQUIRED IMPORTED_TARGET hdf5-serial)
pkg_check_modules(HONE_LIBZIP REQUIRED IMPORTED_TARGET libzip)
hone_test(hone_keras_formats_test SOURCES ${CMAKE_CURRENT_LIST_DIR}/keras_test.cpp ${CMAKE_CURRENT_LIST_DIR}/keras_file.cpp
          LINK hone_test_support hone_formats hone_data PkgConfig::HONE_HDF5 PkgConfig::HONE_LIBZIP)
