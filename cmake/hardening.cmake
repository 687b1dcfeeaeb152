# SPDX-License-Identifier: Apache-2.0
# What makes a bug harder to use: checked stack frames and copies, tables of addresses that are
# read-only once a program runs, programs at addresses of chance. Only where code is optimized, since
# _FORTIFY_SOURCE needs that, and not under a sanitizer, which sees more. tests/install checks what is
# installed.
include(CheckCCompilerFlag)
include(CheckPIESupported)
check_pie_supported(LANGUAGES C)
if(DF_SANITIZE OR DF_COVERAGE OR CMAKE_BUILD_TYPE STREQUAL "Debug")
  return()
endif()
foreach(flag IN ITEMS -fstack-protector-strong -fstack-clash-protection -fcf-protection)
  string(MAKE_C_IDENTIFIER "df_has${flag}" has)
  check_c_compiler_flag(${flag} ${has})
  if(${has})
    add_compile_options(${flag})
  endif()
endforeach()
# Level 3 checks sizes that are known at run time only; gcc 12 and glibc 2.34 have it.
include(CheckCSourceCompiles)
set(CMAKE_REQUIRED_FLAGS "-O2 -U_FORTIFY_SOURCE -D_FORTIFY_SOURCE=3 -Werror")
check_c_source_compiles("#include <string.h>
#if __USE_FORTIFY_LEVEL < 3
#error no
#endif
int main(void) { return 0; }" df_has_fortify_3)
unset(CMAKE_REQUIRED_FLAGS)
add_compile_options(-U_FORTIFY_SOURCE -D_FORTIFY_SOURCE=$<IF:$<BOOL:${df_has_fortify_3}>,3,2>)
add_link_options(LINKER:-z,relro LINKER:-z,now LINKER:-z,noexecstack)
