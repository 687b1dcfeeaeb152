# SPDX-License-Identifier: Apache-2.0
# The HTTP client: dataflow_net for programs and tests that link it, dataflow_net_open for connectors,
# which open it as a shared object of its own when a manifest needs it. The library itself has no part of it.
if(DF_WITH_NET)
  df_sources(net_sources libdataflow/net libdataflow/net/shared)
  add_library(dataflow_net STATIC EXCLUDE_FROM_ALL ${net_sources})
  target_link_libraries(dataflow_net PUBLIC dataflow_util PkgConfig::CURL)
endif()

df_sources(net_open_sources libdataflow/net/open)
add_library(dataflow_net_open STATIC EXCLUDE_FROM_ALL ${net_open_sources})
target_link_libraries(dataflow_net_open PUBLIC dataflow_util ${CMAKE_DL_LIBS})

# In a folder beside the modules: what lies in theirs is taken for a connector. DF_MODULES=OFF links it in.
if(DF_WITH_NET AND DF_MODULES)
  add_library(dataflow-net MODULE ${net_sources})
  set_target_properties(dataflow-net PROPERTIES PREFIX ""
    LIBRARY_OUTPUT_DIRECTORY "${DF_MODULE_OUTPUT_DIRECTORY}/shared")
  target_link_libraries(dataflow-net PRIVATE dataflow_util PkgConfig::CURL)
  df_hide_archives(dataflow-net)
  install(TARGETS dataflow-net LIBRARY DESTINATION "${DF_MODULE_INSTALL_DIR}/shared" COMPONENT net)
  set(paths "\"${CMAKE_INSTALL_FULL_LIBDIR}/libdataflow/shared/dataflow-net.so\"")
  if(DF_DEV)
    set(paths "\"${DF_MODULE_OUTPUT_DIRECTORY}/shared/dataflow-net.so\", ${paths}")
  endif()
  target_compile_definitions(dataflow_net_open PRIVATE "DF_NET_PATHS=${paths}")
  add_dependencies(dataflow_net_open dataflow-net)
elseif(DF_WITH_NET)
  target_compile_definitions(dataflow_net_open PRIVATE DF_NET_LINKED)
  target_link_libraries(dataflow_net_open PUBLIC dataflow_net)
endif()
