# SPDX-License-Identifier: Apache-2.0
# The programs on top of the library. Their sources are compiled once, for the archives that unit tests link
# as well; only what a definition makes different is compiled again.
df_sources(kube_sources apps/kube)
foreach(program IN ITEMS dfproc dfoperator)
  string(TOUPPER ${program} upper)
  if(NOT DF_WITH_${upper} OR NOT DF_WITH_DFPROC)
    continue()
  endif()
  if(program STREQUAL "dfproc")
    set(program_sources "${PROJECT_SOURCE_DIR}/apps/dfproc/cluster.c"
      "$<FILTER:$<TARGET_OBJECTS:app_parts>,EXCLUDE,/dfproc/cluster\\.c>")
  elseif(TARGET dataflow_net)
    set(program_sources $<TARGET_OBJECTS:operator_parts> $<TARGET_OBJECTS:kube>
      "$<FILTER:$<TARGET_OBJECTS:app_parts>,INCLUDE,/apps/common/>")
  else()
    continue()
  endif()
  add_executable(${program} "${PROJECT_SOURCE_DIR}/apps/${program}/main.c" ${program_sources})
  target_include_directories(${program} PRIVATE "${PROJECT_SOURCE_DIR}/apps")
  target_compile_definitions(${program} PRIVATE "DF_PROGRAM_VERSION=\"${PROJECT_VERSION}\"")
  target_link_libraries(${program} PRIVATE dataflow dataflow_util PkgConfig::MHD PkgConfig::JSONC
    PkgConfig::YAML)
  if(program STREQUAL "dfoperator")
    target_link_libraries(${program} PRIVATE dataflow_net PkgConfig::GNUTLS)
  endif()
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

# The operator's parts but main.
df_sources(operator_sources apps/dfoperator apps/dfoperator/*)
list(FILTER operator_sources EXCLUDE REGEX "/dfoperator/main\\.c$")
if(DF_WITH_DFOPERATOR AND operator_sources AND TARGET kube)
  add_library(operator_parts STATIC EXCLUDE_FROM_ALL ${operator_sources})
  target_compile_definitions(operator_parts PRIVATE "DF_PROGRAM_VERSION=\"${PROJECT_VERSION}\"")
  target_link_libraries(operator_parts PUBLIC kube dataflow PkgConfig::GNUTLS)
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

# What a flow asks of its cluster: a module that dfproc opens in a pod, so that it carries no TLS stack
# elsewhere, in a folder beside those of connectors; linked in with DF_MODULES=OFF; absent without DF_WITH_NET.
df_sources(cluster_sources apps/dfproc/cluster)
if(TARGET dataflow_net AND DF_WITH_DFPROC AND DF_MODULES)
  add_library(dfproc-cluster MODULE ${cluster_sources} $<TARGET_OBJECTS:kube>
    "$<FILTER:$<TARGET_OBJECTS:app_parts>,INCLUDE,/common/(json|yaml|process)\\.c>")
  set_target_properties(dfproc-cluster PROPERTIES PREFIX ""
    LIBRARY_OUTPUT_DIRECTORY "${DF_MODULE_OUTPUT_DIRECTORY}/programs" INSTALL_RPATH "$ORIGIN/../..")
  target_include_directories(dfproc-cluster PRIVATE "${PROJECT_SOURCE_DIR}/apps")
  target_link_libraries(dfproc-cluster PRIVATE dataflow dataflow_net dataflow_util PkgConfig::JSONC
    PkgConfig::YAML)
  df_hide_archives(dfproc-cluster)
  install(TARGETS dfproc-cluster LIBRARY DESTINATION "${DF_MODULE_INSTALL_DIR}/programs"
    COMPONENT programs)
endif()
if(TARGET dfproc-cluster AND TARGET dfproc)
  set(paths "\"${CMAKE_INSTALL_FULL_LIBDIR}/libdataflow/programs/dfproc-cluster.so\"")
  if(DF_DEV)
    set(paths "\"${DF_MODULE_OUTPUT_DIRECTORY}/programs/dfproc-cluster.so\", ${paths}")
  endif()
  target_compile_definitions(dfproc PRIVATE "DF_CLUSTER_PATHS=${paths}")
  add_dependencies(dfproc dfproc-cluster)
elseif(TARGET dataflow_net AND TARGET dfproc)
  target_sources(dfproc PRIVATE ${cluster_sources} $<TARGET_OBJECTS:kube>)
  target_compile_definitions(dfproc PRIVATE DF_CLUSTER_LINKED)
  target_link_libraries(dfproc PRIVATE dataflow_net)
endif()
if(TARGET dfproc)
  target_link_libraries(dfproc PRIVATE ${CMAKE_DL_LIBS})
endif()
