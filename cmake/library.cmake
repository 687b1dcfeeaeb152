# SPDX-License-Identifier: Apache-2.0
# libdataflow itself: dataflow_util (shared by modules and programs), dataflow_objects, the shared
# library `dataflow` and, for unit tests that look inside, the archive `dataflow_static`.
df_sources(util_sources libdataflow/util)
file(WRITE "${CMAKE_BINARY_DIR}/generated/empty.c.new" "typedef int df_nothing_here;\n")
file(COPY_FILE "${CMAKE_BINARY_DIR}/generated/empty.c.new" "${CMAKE_BINARY_DIR}/generated/empty.c"
  ONLY_IF_DIFFERENT)
add_library(dataflow_util STATIC ${util_sources} "${CMAKE_BINARY_DIR}/generated/empty.c")
target_include_directories(dataflow_util PUBLIC "${PROJECT_SOURCE_DIR}/libdataflow")
target_link_libraries(dataflow_util PUBLIC df_settings PkgConfig::ZLIB PkgConfig::YYJSON m)

# What connectors of tables share.
df_sources(table_sources libdataflow/tables)
add_library(dataflow_tables STATIC EXCLUDE_FROM_ALL ${table_sources})
target_include_directories(dataflow_tables PRIVATE "${PROJECT_SOURCE_DIR}/include")
target_link_libraries(dataflow_tables PUBLIC dataflow_util)

include(net)
include(parquet)

# Connectors: a folder with a CMakeLists.txt is a module (see connector.cmake), the others are part of
# the library.
file(GLOB connector_folders CONFIGURE_DEPENDS LIST_DIRECTORIES true
  "${PROJECT_SOURCE_DIR}/libdataflow/connectors/*")
list(SORT connector_folders)
set(connector_sources)
foreach(folder IN LISTS connector_folders)
  if(EXISTS "${folder}/CMakeLists.txt")
    get_filename_component(name "${folder}" NAME)
    add_subdirectory("${folder}" "${CMAKE_BINARY_DIR}/connectors/${name}")
  elseif(IS_DIRECTORY "${folder}")
    file(GLOB_RECURSE sources CONFIGURE_DEPENDS "${folder}/*.c")
    list(FILTER sources EXCLUDE REGEX "^${folder}/tests/")
    list(APPEND connector_sources ${sources})
  endif()
endforeach()
df_sources(transform_sources libdataflow/transforms)

# The names in `const <type> <prefix><name> = {` of the files.
function(df_tables out prefix)
  set(names)
  foreach(source IN LISTS ARGN)
    file(STRINGS "${source}" hits REGEX "^const [a-z_]+ ${prefix}[a-z0-9_]+ = {")
    foreach(hit IN LISTS hits)
      string(REGEX REPLACE "^.* ${prefix}([a-z0-9_]+) = {.*" "\\1" name "${hit}")
      list(APPEND names "${name}")
    endforeach()
    # A table that is renamed or added shows at the next build.
    set_property(DIRECTORY APPEND PROPERTY CMAKE_CONFIGURE_DEPENDS "${source}")
  endforeach()
  set(${out} ${names} PARENT_SCOPE)
endfunction()

df_tables(own_kinds df_connector_ ${connector_sources})
df_tables(transforms df_transform_ ${transform_sources})
get_property(linked_kinds GLOBAL PROPERTY DF_LINKED_KINDS)
set(held_kinds ${own_kinds} ${linked_kinds})
df_kind_rows("${held_kinds}" connector_externs connector_rows)
set(transform_externs)
set(transform_rows)
foreach(name IN LISTS transforms)
  string(APPEND transform_externs "extern const df_transform df_transform_${name};\n")
  string(APPEND transform_rows "&df_transform_${name}, ")
endforeach()
# Kinds that manifests may name: those of the folders, also of modules that this build leaves out.
get_property(known_rows GLOBAL PROPERTY DF_KINDS)
list(JOIN known_rows ", " known_rows)
string(APPEND known_rows ", ")
configure_file("${PROJECT_SOURCE_DIR}/cmake/builtin.c.in" "${CMAKE_BINARY_DIR}/generated/builtin.c" @ONLY)

df_sources(library_sources libdataflow libdataflow/core/graph libdataflow/core/registry
  libdataflow/core/stage libdataflow/core/flow libdataflow/core/run libdataflow/core/port
  libdataflow/core/pipeline libdataflow/core/metrics libdataflow/document libdataflow/formats/avro
  libdataflow/record
  libdataflow/spec libdataflow/store)
list(APPEND library_sources ${transform_sources} ${connector_sources}
  "${CMAKE_BINARY_DIR}/generated/builtin.c")
add_library(dataflow_objects OBJECT ${library_sources})
target_compile_definitions(dataflow_objects PRIVATE DF_BUILD
  "DF_MODULE_DIR=\"${CMAKE_INSTALL_FULL_LIBDIR}/libdataflow\"")
if(DF_DEV)
  target_compile_definitions(dataflow_objects PRIVATE
    "DF_MODULE_DIR_BUILD=\"${DF_MODULE_OUTPUT_DIRECTORY}\"")
endif()
target_link_libraries(dataflow_objects PUBLIC dataflow_util PkgConfig::YAML PkgConfig::JSONC)
get_property(builtin GLOBAL PROPERTY DF_LINKED_CONNECTORS)
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
# Without their include folders: connectors have files of the same names (client/, sink/).
list(TRANSFORM builtin_archives REPLACE "(.+)" "$<LINK_ONLY:\\1>" OUTPUT_VARIABLE builtin_links)
target_link_libraries(dataflow_static PUBLIC
  dataflow_util PkgConfig::YAML PkgConfig::JSONC ${CMAKE_DL_LIBS} ${builtin_links})
# They call it as well, and what it takes of them calls it again: the linker has to come back twice.
set_target_properties(dataflow_static PROPERTIES LINK_INTERFACE_MULTIPLICITY 3)
foreach(archive IN LISTS builtin_archives)
  target_link_libraries(${archive} PUBLIC dataflow_static)
endforeach()
if(builtin_archives) # one of them may have Parquet under it, which calls the library too
  target_link_libraries(dataflow_parquet PUBLIC dataflow_static)
endif()
