# SPDX-License-Identifier: Apache-2.0
# The warning set of the gates; errors in the presets that developers and the suite use.
target_compile_options(df_settings INTERFACE
  -Wall -Wextra -Wconversion -Wshadow -Wstrict-prototypes -Wmissing-prototypes -Wvla
  $<$<BOOL:${DF_WERROR}>:-Werror>)
