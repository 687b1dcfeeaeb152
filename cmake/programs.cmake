# SPDX-License-Identifier: Apache-2.0
# The programs on top of the library.
df_sources(common_sources apps/common)
df_sources(kube_sources apps/kube)
foreach(program IN ITEMS dfproc dfoperator)
  string(TOUPPER ${program} upper)
  df_sources(program_sources apps/${program})
  if(NOT program_sources OR NOT DF_WITH_${upper} OR NOT DF_WITH_DFPROC)
    continue()
  endif()
  if(program STREQUAL "dfoperator")
    list(APPEND program_sources ${kube_sources})
  endif()
  add_executable(${program} ${program_sources} ${common_sources})
  target_include_directories(${program} PRIVATE "${PROJECT_SOURCE_DIR}/apps")
  target_compile_definitions(${program} PRIVATE "DF_PROGRAM_VERSION=\"${PROJECT_VERSION}\"")
  target_link_libraries(${program} PRIVATE dataflow dataflow_util PkgConfig::MHD PkgConfig::JSONC
    PkgConfig::YAML)
  install(TARGETS ${program} RUNTIME DESTINATION "${CMAKE_INSTALL_BINDIR}" COMPONENT programs)
endforeach()

# What unit tests of the programs' parts link: everything but main.
if(DF_WITH_DFPROC)
  df_sources(part_sources apps/common apps/dfproc)
  list(FILTER part_sources EXCLUDE REGEX "/dfproc/main\\.c$")
  if(part_sources)
    add_library(app_parts STATIC EXCLUDE_FROM_ALL ${part_sources})
    target_include_directories(app_parts PUBLIC "${PROJECT_SOURCE_DIR}/apps")
    target_compile_definitions(app_parts PRIVATE "DF_PROGRAM_VERSION=\"${PROJECT_VERSION}\"")
    target_link_libraries(app_parts PUBLIC dataflow_util PkgConfig::MHD PkgConfig::JSONC PkgConfig::YAML)
  endif()
endif()

# The Kubernetes client of dfoperator and of dfproc's position store.
if(kube_sources AND TARGET dataflow_net AND TARGET app_parts)
  add_library(kube STATIC EXCLUDE_FROM_ALL ${kube_sources})
  target_link_libraries(kube PUBLIC app_parts dataflow_net)
endif()

# examples/NN-name.c: what an embedder sees, so nothing but the library.
if(DF_WITH_EXAMPLES)
  df_sources(example_sources examples)
  foreach(source IN LISTS example_sources)
    get_filename_component(name "${source}" NAME_WE)
    file(STRINGS "${source}" is_plugin REGEX "df_plugin_entry" LIMIT_COUNT 1)
    if(is_plugin)
      add_library(example-${name} MODULE "${source}")
      set_target_properties(example-${name} PROPERTIES PREFIX "")
    else()
      add_executable(example-${name} "${source}")
    endif()
    set_target_properties(example-${name} PROPERTIES OUTPUT_NAME "${name}"
      LIBRARY_OUTPUT_DIRECTORY "${CMAKE_BINARY_DIR}/examples"
      RUNTIME_OUTPUT_DIRECTORY "${CMAKE_BINARY_DIR}/examples")
    target_link_libraries(example-${name} PRIVATE df_settings dataflow)
  endforeach()
endif()
