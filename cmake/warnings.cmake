# SPDX-License-Identifier: Apache-2.0
# The warning set of the gates; errors in the presets that developers and the suite use. A value of
# one enum in a variable of another is always a mistake: each group of states has a type.
include(CheckCCompilerFlag)
check_c_compiler_flag(-Wenum-conversion DF_HAS_WENUM_CONVERSION)
target_compile_options(df_settings INTERFACE
  -Wall -Wextra -Wconversion -Wshadow -Wstrict-prototypes -Wmissing-prototypes -Wvla
  $<$<BOOL:${DF_HAS_WENUM_CONVERSION}>:-Wenum-conversion>
  $<$<BOOL:${DF_WERROR}>:-Werror>)
