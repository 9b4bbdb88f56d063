# What others link: hone::hone, the C++ API as one static library, and hone::hone_c, the C API as a shared library that
# exports hone_* and nothing else. `cmake --install` lays them out so that find_package(hone) finds them.
include(GNUInstallDirs)
include(CMakePackageConfigHelpers)
set(CMAKE_INSTALL_DEFAULT_COMPONENT_NAME dev)

# Appends the layer `TARGET` and all layers that it sees to the list `OUT`.
function(hone_layers_below TARGET OUT)
  set(found ${${OUT}} ${TARGET})
  get_target_property(links ${TARGET} INTERFACE_LINK_LIBRARIES)
  foreach(link ${links})
    if(link MATCHES "^hone_" AND NOT link IN_LIST found)
      hone_layers_below(${link} found)
    endif()
  endforeach()
  set(${OUT} ${found} PARENT_SCOPE)
endfunction()

# The objects of the layer `TOP` and of all below it in one archive: users need not know the layers. What the public
# functions reach needs no other library than threads and, where archives are read, zlib; tests/install links it that way.
function(hone_bundle NAME TOP)
  add_library(${NAME} STATIC)
  set_target_properties(${NAME} PROPERTIES LINKER_LANGUAGE CXX)
  hone_layers_below(${TOP} layers)
  foreach(layer ${layers})
    get_target_property(type ${layer} TYPE)
    if(NOT type STREQUAL "INTERFACE_LIBRARY")
      target_sources(${NAME} PRIVATE $<TARGET_OBJECTS:${layer}>)
    endif()
  endforeach()
  target_include_directories(${NAME} INTERFACE $<BUILD_INTERFACE:${CMAKE_SOURCE_DIR}/include>
                                               $<INSTALL_INTERFACE:${CMAKE_INSTALL_INCLUDEDIR}>)
  target_compile_features(${NAME} INTERFACE cxx_std_20)
  target_link_libraries(${NAME} INTERFACE Threads::Threads)
endfunction()

if(HONE_MINIMAL)
  hone_bundle(hone_runtime_library hone_capi)
  set_target_properties(hone_runtime_library PROPERTIES OUTPUT_NAME hone_runtime EXPORT_NAME hone_runtime)
  install(TARGETS hone_runtime_library EXPORT honeTargets ARCHIVE DESTINATION ${CMAKE_INSTALL_LIBDIR})
else()
  hone_bundle(hone_cpp hone_capi)
  set_target_properties(hone_cpp PROPERTIES OUTPUT_NAME hone EXPORT_NAME hone)
  find_package(ZLIB REQUIRED)
  target_link_libraries(hone_cpp INTERFACE ZLIB::ZLIB)
  set(HONE_FIND_ZLIB "find_dependency(ZLIB)")

  add_library(hone_c SHARED $<TARGET_OBJECTS:hone_capi>)
  set_target_properties(hone_c PROPERTIES LINKER_LANGUAGE CXX VERSION ${PROJECT_VERSION} SOVERSION 0)
  target_include_directories(hone_c INTERFACE $<BUILD_INTERFACE:${CMAKE_SOURCE_DIR}/include>
                                              $<INSTALL_INTERFACE:${CMAKE_INSTALL_INCLUDEDIR}>)
  target_link_libraries(hone_c PRIVATE hone_capi)
  target_link_options(hone_c PRIVATE -Wl,--version-script=${CMAKE_CURRENT_LIST_DIR}/hone_c.map -Wl,--as-needed
                                     -Wl,--gc-sections)
  if(NOT HONE_SANITIZE AND NOT HONE_TSAN)
    target_link_options(hone_c PRIVATE -Wl,--no-undefined)
  endif()
  set_target_properties(hone_c PROPERTIES LINK_DEPENDS ${CMAKE_CURRENT_LIST_DIR}/hone_c.map)
  install(TARGETS hone_cpp hone_c EXPORT honeTargets ARCHIVE DESTINATION ${CMAKE_INSTALL_LIBDIR}
          LIBRARY DESTINATION ${CMAKE_INSTALL_LIBDIR})
  file(RELATIVE_PATH HONE_UP /x/${CMAKE_INSTALL_LIBDIR}/pkgconfig /x)
  foreach(language "" _c)
    configure_file(${CMAKE_CURRENT_LIST_DIR}/hone${language}.pc.in ${CMAKE_BINARY_DIR}/hone${language}.pc @ONLY)
    install(FILES ${CMAKE_BINARY_DIR}/hone${language}.pc DESTINATION ${CMAKE_INSTALL_LIBDIR}/pkgconfig)
  endforeach()
endif()

install(DIRECTORY ${CMAKE_SOURCE_DIR}/include/ DESTINATION ${CMAKE_INSTALL_INCLUDEDIR})
install(EXPORT honeTargets NAMESPACE hone:: DESTINATION ${CMAKE_INSTALL_LIBDIR}/cmake/hone)
configure_package_config_file(${CMAKE_CURRENT_LIST_DIR}/honeConfig.cmake.in ${CMAKE_BINARY_DIR}/honeConfig.cmake
                              INSTALL_DESTINATION ${CMAKE_INSTALL_LIBDIR}/cmake/hone)
write_basic_package_version_file(${CMAKE_BINARY_DIR}/honeConfigVersion.cmake COMPATIBILITY SameMinorVersion)
install(FILES ${CMAKE_BINARY_DIR}/honeConfig.cmake ${CMAKE_BINARY_DIR}/honeConfigVersion.cmake
        DESTINATION ${CMAKE_INSTALL_LIBDIR}/cmake/hone)

# `make deb`: hone_VERSION_ARCH.deb with the program, its manual and completions, and hone-dev_VERSION_ARCH.deb with the
# libraries and headers.
set(CPACK_GENERATOR DEB)
set(CPACK_PACKAGE_NAME hone)
set(CPACK_PACKAGE_CONTACT "the hone project <hone@localhost>")
set(CPACK_PACKAGE_DESCRIPTION_SUMMARY "makes trained networks small and fast within an accuracy budget")
set(CPACK_PACKAGE_DIRECTORY ${CMAKE_BINARY_DIR}/packages)
set(CPACK_PACKAGING_INSTALL_PREFIX /usr)
set(CPACK_STRIP_FILES ON)
set(CPACK_COMPONENTS_ALL program dev)
set(CPACK_DEB_COMPONENT_INSTALL ON)
set(CPACK_DEBIAN_FILE_NAME DEB-DEFAULT)
set(CPACK_DEBIAN_PACKAGE_SECTION utils)
set(CPACK_DEBIAN_PACKAGE_SHLIBDEPS ON)
set(CPACK_DEBIAN_PROGRAM_PACKAGE_NAME hone)
set(CPACK_DEBIAN_DEV_PACKAGE_NAME hone-dev)
set(CPACK_DEBIAN_DEV_PACKAGE_SECTION libdevel)
install(FILES ${CMAKE_SOURCE_DIR}/THIRD_PARTY.md ${CMAKE_SOURCE_DIR}/LICENSE DESTINATION share/doc/hone COMPONENT program)
install(FILES ${CMAKE_SOURCE_DIR}/LICENSE DESTINATION share/doc/hone-dev RENAME copyright COMPONENT dev)
include(CPack)
