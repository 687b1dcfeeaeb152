# SPDX-License-Identifier: Apache-2.0
# Parquet files, for the modules that say PARQUET (see connector.cmake): an archive that is no part of
# the library, so that the core needs no compression library. A codec is there when its library is: zlib
# always, these when pkg-config knows them. What calls it links libdataflow too.
df_sources(parquet_sources libdataflow/formats/parquet)
add_library(dataflow_parquet STATIC EXCLUDE_FROM_ALL ${parquet_sources})
target_link_libraries(dataflow_parquet PUBLIC dataflow_util)
foreach(codec IN ITEMS "SNAPPY snappy" "ZSTD libzstd" "LZ4 liblz4" "BROTLI libbrotlidec")
  string(REPLACE " " ";" codec "${codec}")
  list(GET codec 0 name)
  list(GET codec 1 module)
  pkg_check_modules(PARQUET_${name} QUIET IMPORTED_TARGET GLOBAL ${module})
  if(PARQUET_${name}_FOUND)
    set_property(GLOBAL APPEND PROPERTY DF_PARQUET_NEEDS PARQUET_${name})
    target_compile_definitions(dataflow_parquet PRIVATE DF_PARQUET_${name})
    target_link_libraries(dataflow_parquet PUBLIC PkgConfig::PARQUET_${name})
  endif()
endforeach()
