# SPDX-License-Identifier: Apache-2.0
# df_add_connector(<name> SOURCES <file>… [LIBS <target>…] [OPTION <cmake option>])
#
# Called from libdataflow/connectors/<name>/CMakeLists.txt. The connector's table is the symbol
# `const df_connector df_connector_<name>`.
#   DF_MODULES=ON   makes <libdir>/libdataflow/<name>.so. It exports df_plugin_entry: the connector's
#                   own one (compiled under `#ifdef DF_CONNECTOR_MODULE`), else a generated one.
#   DF_MODULES=OFF  links it into the library and into the generated table df__builtin_modules.
# In both cases a static library connector_<name> exists for unit tests of its inner parts.
function(df_add_connector name)
  cmake_parse_arguments(PARSE_ARGV 1 arg "" "OPTION" "SOURCES;LIBS")
  if(arg_OPTION AND NOT ${arg_OPTION})
    message(STATUS "Connector ${name}: left out (${arg_OPTION}=OFF)")
    return()
  endif()
  # A listed file that is not there yet: the parts that are there still build, for their unit tests.
  file(GLOB present CONFIGURE_DEPENDS "${CMAKE_CURRENT_SOURCE_DIR}/*.c")
  set(missing)
  foreach(source IN LISTS arg_SOURCES)
    if(NOT EXISTS "${CMAKE_CURRENT_SOURCE_DIR}/${source}" AND NOT EXISTS "${source}")
      list(APPEND missing "${source}")
    endif()
  endforeach()
  if(missing)
    list(REMOVE_ITEM arg_SOURCES ${missing})
    set(kind FATAL_ERROR)
    if(DF_DEV)
      set(kind WARNING)
    endif()
    message(${kind} "Connector ${name}: no file ${missing}")
    if(NOT arg_SOURCES)
      return()
    endif()
  endif()
  add_library(connector_${name} STATIC ${arg_SOURCES})
  target_include_directories(connector_${name}
    PUBLIC "${CMAKE_CURRENT_SOURCE_DIR}" "${PROJECT_SOURCE_DIR}/libdataflow")
  target_link_libraries(connector_${name} PUBLIC df_settings dataflow_util ${arg_LIBS})
  if(missing)
    return()
  endif()
  if(NOT DF_MODULES)
    set_property(GLOBAL APPEND PROPERTY DF_BUILTIN_CONNECTORS ${name})
    return()
  endif()
  set(own_entry OFF)
  foreach(source IN LISTS arg_SOURCES)
    file(STRINGS "${source}" hit REGEX "df_plugin_entry" LIMIT_COUNT 1)
    if(hit)
      set(own_entry ON)
    endif()
  endforeach()
  set(sources ${arg_SOURCES})
  if(NOT own_entry)
    set(connector_name ${name})
    configure_file("${PROJECT_SOURCE_DIR}/cmake/plugin_entry.c.in"
      "${CMAKE_CURRENT_BINARY_DIR}/${name}_entry.c" @ONLY)
    list(APPEND sources "${CMAKE_CURRENT_BINARY_DIR}/${name}_entry.c")
  endif()
  add_library(module_${name} MODULE ${sources})
  set_target_properties(module_${name} PROPERTIES PREFIX "" OUTPUT_NAME ${name}
    LIBRARY_OUTPUT_DIRECTORY "${DF_MODULE_OUTPUT_DIRECTORY}" INSTALL_RPATH "$ORIGIN/..")
  target_compile_definitions(module_${name} PRIVATE DF_CONNECTOR_MODULE)
  target_include_directories(module_${name}
    PRIVATE "${CMAKE_CURRENT_SOURCE_DIR}" "${PROJECT_SOURCE_DIR}/libdataflow")
  target_link_libraries(module_${name} PRIVATE df_settings dataflow_util dataflow ${arg_LIBS})
  df_hide_archives(module_${name})
  install(TARGETS module_${name} LIBRARY DESTINATION "${DF_MODULE_INSTALL_DIR}" COMPONENT ${name})
endfunction()

# Symbols of static libraries inside a shared object stay private to it.
function(df_hide_archives target)
  target_link_options(${target} PRIVATE LINKER:--exclude-libs,ALL)
  if(NOT DF_SANITIZE)
    target_link_options(${target} PRIVATE LINKER:-z,defs)
  endif()
endfunction()
