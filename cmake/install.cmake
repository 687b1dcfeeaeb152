# SPDX-License-Identifier: Apache-2.0
# Install rules: library, headers, pkg-config file, CMake package, man pages, completions, licence.
include(CMakePackageConfigHelpers)
install(TARGETS dataflow EXPORT libdataflow-targets
  LIBRARY DESTINATION "${CMAKE_INSTALL_LIBDIR}" COMPONENT library NAMELINK_COMPONENT dev)
file(GLOB headers CONFIGURE_DEPENDS "${PROJECT_SOURCE_DIR}/include/*.h" "${PROJECT_SOURCE_DIR}/bindings/cpp/*.hpp")
install(FILES ${headers} DESTINATION "${CMAKE_INSTALL_INCLUDEDIR}" COMPONENT dev)
install(DIRECTORY "${PROJECT_SOURCE_DIR}/bindings/cpp/dataflow" DESTINATION "${CMAKE_INSTALL_INCLUDEDIR}" COMPONENT dev)

# Works from a relocated prefix as well: pkg-config knows where the file itself lies.
file(RELATIVE_PATH pc_to_prefix "/p/${CMAKE_INSTALL_LIBDIR}/pkgconfig" "/p")
configure_file("${PROJECT_SOURCE_DIR}/pkgconfig/libdataflow.pc.in"
  "${CMAKE_BINARY_DIR}/generated/libdataflow.pc" @ONLY)
install(FILES "${CMAKE_BINARY_DIR}/generated/libdataflow.pc"
  DESTINATION "${CMAKE_INSTALL_LIBDIR}/pkgconfig" COMPONENT dev)

set(package_dir "${CMAKE_INSTALL_LIBDIR}/cmake/libdataflow")
install(EXPORT libdataflow-targets NAMESPACE libdataflow:: DESTINATION "${package_dir}" COMPONENT dev)
configure_package_config_file("${PROJECT_SOURCE_DIR}/cmake/libdataflow-config.cmake.in"
  "${CMAKE_BINARY_DIR}/generated/libdataflow-config.cmake" INSTALL_DESTINATION "${package_dir}")
write_basic_package_version_file("${CMAKE_BINARY_DIR}/generated/libdataflow-config-version.cmake"
  COMPATIBILITY SameMajorVersion)
install(FILES "${CMAKE_BINARY_DIR}/generated/libdataflow-config.cmake"
  "${CMAKE_BINARY_DIR}/generated/libdataflow-config-version.cmake"
  DESTINATION "${package_dir}" COMPONENT dev)

file(GLOB man_pages CONFIGURE_DEPENDS "${PROJECT_SOURCE_DIR}/docs/man/*.1")
install(FILES ${man_pages} DESTINATION "${CMAKE_INSTALL_MANDIR}/man1" COMPONENT programs)
if(TARGET dfoperator)
  install(FILES "${PROJECT_SOURCE_DIR}/docs/man/dfoperator.8" DESTINATION "${CMAKE_INSTALL_MANDIR}/man8"
    COMPONENT programs)
endif()
# completion files: <program>.bash, _<program> (zsh), <program>.fish
file(GLOB completions CONFIGURE_DEPENDS "${PROJECT_SOURCE_DIR}/apps/*/completion/*"
  "${PROJECT_SOURCE_DIR}/packaging/completion/*")
foreach(file IN LISTS completions)
  get_filename_component(name "${file}" NAME)
  if(name MATCHES "^(.*)\\.bash$")
    install(FILES "${file}" DESTINATION "${CMAKE_INSTALL_DATADIR}/bash-completion/completions"
      RENAME "${CMAKE_MATCH_1}" COMPONENT programs)
  elseif(name MATCHES "^_")
    install(FILES "${file}" DESTINATION "${CMAKE_INSTALL_DATADIR}/zsh/site-functions" COMPONENT programs)
  elseif(name MATCHES "\\.fish$")
    install(FILES "${file}" DESTINATION "${CMAKE_INSTALL_DATADIR}/fish/vendor_completions.d"
      COMPONENT programs)
  endif()
endforeach()
install(FILES "${PROJECT_SOURCE_DIR}/LICENSE" DESTINATION "${CMAKE_INSTALL_DOCDIR}" COMPONENT library)

install(CODE "if(\"\$ENV{DESTDIR}\" STREQUAL \"\")
  message(STATUS \"run ldconfig when \${CMAKE_INSTALL_PREFIX}/${CMAKE_INSTALL_LIBDIR} is a folder of the system's linker\")
endif()" COMPONENT library)
add_custom_target(uninstall
  COMMAND "${CMAKE_COMMAND}" "-DMANIFEST=${CMAKE_BINARY_DIR}/install_manifest.txt"
    -P "${PROJECT_SOURCE_DIR}/cmake/uninstall.cmake"
  VERBATIM)
