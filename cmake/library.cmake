# SPDX-License-Identifier: Apache-2.0
# libdataflow itself: dataflow_util (shared by modules and programs), dataflow_objects, the shared
# library `dataflow` and, for unit tests that look inside, the archive `dataflow_static`.
df_sources(util_sources libdataflow/util libdataflow/formats)
if(DF_WITH_NET)
  df_sources(net_sources libdataflow/net)
endif()
file(WRITE "${CMAKE_BINARY_DIR}/generated/empty.c.new" "typedef int df_nothing_here;\n")
file(COPY_FILE "${CMAKE_BINARY_DIR}/generated/empty.c.new" "${CMAKE_BINARY_DIR}/generated/empty.c"
  ONLY_IF_DIFFERENT)
add_library(dataflow_util STATIC ${util_sources} ${net_sources}
  "${CMAKE_BINARY_DIR}/generated/empty.c")
target_include_directories(dataflow_util PUBLIC "${PROJECT_SOURCE_DIR}/libdataflow")
target_link_libraries(dataflow_util PUBLIC df_settings PkgConfig::ZLIB PkgConfig::YYJSON m)
if(DF_WITH_NET)
  target_compile_definitions(dataflow_util PUBLIC DF_WITH_NET)
  target_link_libraries(dataflow_util PUBLIC PkgConfig::CURL PkgConfig::CRYPTO)
endif()

foreach(name IN ITEMS kafka postgresql)
  string(TOUPPER ${name} upper)
  if(DF_WITH_${upper} AND EXISTS "${PROJECT_SOURCE_DIR}/libdataflow/connectors/${name}/CMakeLists.txt")
    add_subdirectory("${PROJECT_SOURCE_DIR}/libdataflow/connectors/${name}"
      "${CMAKE_BINARY_DIR}/connectors/${name}")
  endif()
endforeach()

# The table of connectors that are linked in although they could be modules.
get_property(builtin GLOBAL PROPERTY DF_BUILTIN_CONNECTORS)
set(builtin_externs)
set(builtin_rows)
foreach(name IN LISTS builtin)
  string(APPEND builtin_externs "extern const df_connector df_connector_${name};\n")
  string(APPEND builtin_rows "&df_connector_${name}, ")
endforeach()
configure_file("${PROJECT_SOURCE_DIR}/cmake/builtin.c.in" "${CMAKE_BINARY_DIR}/generated/builtin.c" @ONLY)

df_sources(library_sources libdataflow libdataflow/core libdataflow/record libdataflow/spec
  libdataflow/store libdataflow/transforms libdataflow/connectors
  libdataflow/connectors/stdio libdataflow/connectors/memory libdataflow/connectors/null
  libdataflow/connectors/generate libdataflow/connectors/host)
if(EXISTS "${PROJECT_SOURCE_DIR}/include/dataflow_ext.h")
  list(APPEND library_sources "${CMAKE_BINARY_DIR}/generated/builtin.c")
endif()
if(NOT library_sources)
  set(library_sources "${CMAKE_BINARY_DIR}/generated/empty.c")
endif()
add_library(dataflow_objects OBJECT ${library_sources})
target_compile_definitions(dataflow_objects PRIVATE DF_BUILD
  "DF_MODULE_DIR=\"${CMAKE_INSTALL_FULL_LIBDIR}/libdataflow\"")
if(DF_DEV)
  target_compile_definitions(dataflow_objects PRIVATE
    "DF_MODULE_DIR_BUILD=\"${DF_MODULE_OUTPUT_DIRECTORY}\"")
endif()
target_link_libraries(dataflow_objects PUBLIC dataflow_util PkgConfig::YAML PkgConfig::JSONC)
if(NOT DF_WITH_NET AND TARGET PkgConfig::CRYPTO)
  target_link_libraries(dataflow_objects PUBLIC PkgConfig::CRYPTO)
endif()
list(TRANSFORM builtin PREPEND connector_ OUTPUT_VARIABLE builtin_archives)

add_library(dataflow SHARED $<TARGET_OBJECTS:dataflow_objects>)
add_library(libdataflow::dataflow ALIAS dataflow)
set_target_properties(dataflow PROPERTIES VERSION ${PROJECT_VERSION} SOVERSION ${DF_SOVERSION} INSTALL_RPATH ""
  LINKER_LANGUAGE C)
target_include_directories(dataflow INTERFACE
  "$<BUILD_INTERFACE:${PROJECT_SOURCE_DIR}/include>" "$<INSTALL_INTERFACE:${CMAKE_INSTALL_INCLUDEDIR}>")
target_link_libraries(dataflow PRIVATE
  dataflow_util PkgConfig::YAML PkgConfig::JSONC ${CMAKE_DL_LIBS} ${builtin_archives})
df_hide_archives(dataflow)

# Whole, so that a module opened by a unit test finds every public symbol in the test itself.
add_library(dataflow_static STATIC EXCLUDE_FROM_ALL $<TARGET_OBJECTS:dataflow_objects>)
set_target_properties(dataflow_static PROPERTIES LINKER_LANGUAGE C)
target_include_directories(dataflow_static PUBLIC
  "${PROJECT_SOURCE_DIR}/include" "${PROJECT_SOURCE_DIR}/libdataflow")
target_link_libraries(dataflow_static PUBLIC
  dataflow_util PkgConfig::YAML PkgConfig::JSONC ${CMAKE_DL_LIBS} ${builtin_archives})
