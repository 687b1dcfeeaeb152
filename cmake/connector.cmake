# SPDX-License-Identifier: Apache-2.0
# What a connector's own CMakeLists.txt may say. A folder in libdataflow/connectors/ without that file
# is part of the library; one with it is a module with a library under it. No other file of the tree
# names a connector.
#
# df_connector(<name> [KINDS <kind>…] [DOC <text>] [NEEDS <pkg-config module and version> <Debian package>]…
#              [NET] [PARQUET] [EXAMPLE])
#
#   NET     calls the HTTP client when a manifest needs it, see net/calls.h
#   PARQUET reads or writes Parquet files, see formats/parquet/parquet.h
#   EXAMPLE built with the tests of a development build only, never installed
#   KINDS   what a manifest's `type` may say, default <name>. The table of each kind is the symbol
#           `const df_connector df_connector_<kind>`, a dash being an underscore.
#   NEEDS   a library; tools/setup reads the package from here.
#
# It makes the option DF_WITH_<NAME>, takes every .c file of the folder and of its subfolders but
# tests/, and
#   DF_MODULES=ON   makes <libdir>/libdataflow/<name>.so, with a link for every further kind. It exports
#                   df_plugin_entry: the connector's own one (compiled under `#ifdef
#                   DF_CONNECTOR_MODULE`), else a generated one;
#   DF_MODULES=OFF  links it into the library.
# In both cases a static library connector_<name> exists for unit tests of its inner parts.
function(df_connector name)
  set(needs)
  set(rest)
  while(ARGN)
    list(POP_FRONT ARGN word)
    if(word STREQUAL "NEEDS")
      list(POP_FRONT ARGN module package)
      list(APPEND needs "${module}|${package}")
    else()
      list(APPEND rest "${word}")
    endif()
  endwhile()
  cmake_parse_arguments(arg "EXAMPLE;NET;PARQUET" "DOC" "KINDS" ${rest})
  if(arg_EXAMPLE AND NOT (DF_DEV AND BUILD_TESTING AND DF_MODULES))
    return()
  endif()
  if(NOT arg_KINDS)
    set(arg_KINDS ${name})
  endif()
  string(TOUPPER ${name} upper)
  option(DF_WITH_${upper} "${arg_DOC}" ${DF_CONNECTORS})
  if(NOT arg_EXAMPLE)
    foreach(kind IN LISTS arg_KINDS)
      set_property(GLOBAL APPEND PROPERTY DF_KINDS "{\"${kind}\", \"${name}\"}")
    endforeach()
  endif()
  if(NOT DF_WITH_${upper})
    message(STATUS "Connector ${name}: left out (DF_WITH_${upper}=OFF)")
    return()
  endif()
  set(libraries)
  foreach(need IN LISTS needs)
    string(REPLACE "|" ";" need "${need}")
    list(GET need 0 module)
    list(GET need 1 package)
    string(REGEX REPLACE "[^a-zA-Z0-9].*" "" target "${module}")
    string(TOUPPER ${target} target)
    df_need(${target} "${module}" ${package})
    list(APPEND libraries PkgConfig::${target})
    set_property(GLOBAL APPEND PROPERTY DF_CONNECTOR_NEEDS ${target})
  endforeach()
  if(arg_NET)
    list(APPEND libraries dataflow_net_open)
  endif()
  if(arg_PARQUET)
    list(APPEND libraries dataflow_parquet)
  endif()
  file(GLOB_RECURSE sources CONFIGURE_DEPENDS "${CMAKE_CURRENT_SOURCE_DIR}/*.c")
  list(FILTER sources EXCLUDE REGEX "^${CMAKE_CURRENT_SOURCE_DIR}/tests/")
  list(SORT sources)
  set_property(GLOBAL APPEND PROPERTY DF_CONNECTORS ${name})
  add_library(connector_${name} STATIC ${sources})
  df_connector_sees(connector_${name} PUBLIC ${libraries})
  if(DF_MODULES)
    df_connector_module(${name} "${sources}" "${arg_KINDS}" "${libraries}")
    if(NOT arg_EXAMPLE)
      df_connector_install(${name} "${arg_KINDS}")
    endif()
  else()
    set_property(GLOBAL APPEND PROPERTY DF_LINKED_CONNECTORS ${name})
    set_property(GLOBAL APPEND PROPERTY DF_LINKED_KINDS ${arg_KINDS})
  endif()
endfunction()

# Its own folder and what a connector may include, see libdataflow/README.md.
function(df_connector_sees target scope)
  target_include_directories(${target} ${scope} "${CMAKE_CURRENT_SOURCE_DIR}" "${PROJECT_SOURCE_DIR}/libdataflow")
  target_link_libraries(${target} ${scope} df_settings dataflow_tables dataflow_util ${ARGN})
endfunction()

function(df_connector_module name sources kinds libraries)
  set(entry)
  foreach(source IN LISTS sources)
    file(STRINGS "${source}" hit REGEX "df_plugin_entry|DF_CONNECTOR_MODULE" LIMIT_COUNT 1)
    if(hit)
      list(APPEND entry "${source}")
    endif()
  endforeach()
  # All else is compiled once, for the static library.
  set(objects "$<TARGET_OBJECTS:connector_${name}>")
  foreach(source IN LISTS entry)
    file(RELATIVE_PATH own "${CMAKE_CURRENT_SOURCE_DIR}" "${source}")
    set(objects "$<FILTER:${objects},EXCLUDE,connector_${name}\\.dir/${own}\\.o>")
  endforeach()
  if(NOT entry)
    df_connector_entry(${name} "${kinds}")
    set(entry "${CMAKE_CURRENT_BINARY_DIR}/${name}_entry.c")
  endif()
  add_library(module_${name} MODULE ${entry} ${objects})
  set_target_properties(module_${name} PROPERTIES PREFIX "" OUTPUT_NAME ${name}
    LIBRARY_OUTPUT_DIRECTORY "${DF_MODULE_OUTPUT_DIRECTORY}" INSTALL_RPATH "$ORIGIN/..")
  target_compile_definitions(module_${name} PRIVATE DF_CONNECTOR_MODULE)
  df_connector_sees(module_${name} PRIVATE dataflow ${libraries})
  df_hide_archives(module_${name})
  foreach(kind IN LISTS kinds)
    if(NOT kind STREQUAL name)
      add_custom_command(TARGET module_${name} POST_BUILD
        COMMAND "${CMAKE_COMMAND}" -E create_symlink ${name}.so "${DF_MODULE_OUTPUT_DIRECTORY}/${kind}.so")
    endif()
  endforeach()
endfunction()

function(df_connector_install name kinds)
  install(TARGETS module_${name} LIBRARY DESTINATION "${DF_MODULE_INSTALL_DIR}" COMPONENT ${name})
  foreach(kind IN LISTS kinds)
    if(NOT kind STREQUAL name)
      install(FILES "${DF_MODULE_OUTPUT_DIRECTORY}/${kind}.so" DESTINATION "${DF_MODULE_INSTALL_DIR}"
        COMPONENT ${name})
    endif()
  endforeach()
endfunction()

# The entry of a module that registers the table of each kind.
function(df_connector_entry name kinds)
  df_kind_rows("${kinds}" connector_externs connector_rows)
  set(connector_name ${name})
  configure_file("${PROJECT_SOURCE_DIR}/cmake/plugin_entry.c.in"
    "${CMAKE_CURRENT_BINARY_DIR}/${name}_entry.c" @ONLY)
endfunction()

# C text that declares the tables of the kinds, and their addresses.
function(df_kind_rows kinds externs rows)
  set(text)
  set(row)
  foreach(kind IN LISTS kinds)
    string(REPLACE "-" "_" symbol "${kind}")
    string(APPEND text "extern const df_connector df_connector_${symbol};\n")
    string(APPEND row "&df_connector_${symbol}, ")
  endforeach()
  set(${externs} "${text}" PARENT_SCOPE)
  set(${rows} "${row}" PARENT_SCOPE)
endfunction()

# Symbols of static libraries inside a shared object stay private to it.
function(df_hide_archives target)
  target_link_options(${target} PRIVATE LINKER:--exclude-libs,ALL)
  if(NOT DF_SANITIZE)
    target_link_options(${target} PRIVATE LINKER:-z,defs)
  endif()
endfunction()
