# SPDX-License-Identifier: Apache-2.0
# What every target of the tree shares.
if(NOT CMAKE_BUILD_TYPE AND NOT CMAKE_CONFIGURATION_TYPES)
  set(CMAKE_BUILD_TYPE RelWithDebInfo CACHE STRING "Debug, Release, RelWithDebInfo or MinSizeRel" FORCE)
endif()
set(CMAKE_C_STANDARD 11)
set(CMAKE_C_STANDARD_REQUIRED ON)
set(CMAKE_C_EXTENSIONS ON)
set(CMAKE_C_VISIBILITY_PRESET hidden)
set(CMAKE_POSITION_INDEPENDENT_CODE ON)
set(CMAKE_EXPORT_COMPILE_COMMANDS ON)

set(CMAKE_RUNTIME_OUTPUT_DIRECTORY "${CMAKE_BINARY_DIR}/bin")
set(CMAKE_LIBRARY_OUTPUT_DIRECTORY "${CMAKE_BINARY_DIR}/lib")
set(CMAKE_ARCHIVE_OUTPUT_DIRECTORY "${CMAKE_BINARY_DIR}/lib")
set(DF_MODULE_OUTPUT_DIRECTORY "${CMAKE_BINARY_DIR}/modules")
set(DF_MODULE_INSTALL_DIR "${CMAKE_INSTALL_LIBDIR}/libdataflow")

# An installed program finds its library in an unusual prefix too.
set(CMAKE_INSTALL_RPATH "$ORIGIN/../${CMAKE_INSTALL_LIBDIR}")

# Sources of a folder, by name; a new file appears at the next build without touching CMake.
function(df_sources out)
  set(patterns)
  foreach(folder IN LISTS ARGN)
    list(APPEND patterns "${PROJECT_SOURCE_DIR}/${folder}/*.c")
  endforeach()
  file(GLOB found CONFIGURE_DEPENDS ${patterns})
  list(SORT found)
  set(${out} ${found} PARENT_SCOPE)
endfunction()

# Flags that all our own code is compiled with; never seen by users of the installed library.
add_library(df_settings INTERFACE)
target_compile_definitions(df_settings INTERFACE _GNU_SOURCE)
target_compile_definitions(df_settings INTERFACE $<$<BOOL:${DF_CRASHPOINTS}>:DF_CRASHPOINTS>)
# Nobody replaces functions of ours one by one, so the compiler may inline those that are exported.
target_compile_options(df_settings INTERFACE -fno-semantic-interposition)
target_include_directories(df_settings INTERFACE "${PROJECT_SOURCE_DIR}/include")
find_package(Threads REQUIRED)
target_link_libraries(df_settings INTERFACE Threads::Threads)

# A program or module depends on the libraries that it calls, not on all that were offered.
add_link_options(LINKER:--as-needed)
