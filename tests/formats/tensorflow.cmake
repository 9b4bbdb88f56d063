hone_test(hone_tensorflow_formats_test SOURCES ${CMAKE_CURRENT_LIST_DIR}/tensorflow_test.cpp
          LINK hone_test_support hone_formats hone_data)
