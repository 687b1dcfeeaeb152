#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
#
# headers.sh CC CXX INCLUDE: each public header compiles alone, as pedantic C11 and as C++17, and
# the structs that are frozen for ever have the size they were born with.
set -eu
cc=$1 cxx=$2 include=$3
dir=$(mktemp -d)
trap '[ "$BASHPID" = $$ ] && { rm -rf "$dir"; }' EXIT
warnings="-Wall -Wextra -Wconversion -Wshadow -pedantic-errors -Werror"
for header in "$include"/*.h; do
    printf '#include "%s"\nint use(void);\nint use(void) { return df_version(); }\n' "${header##*/}" >"$dir/a.c"
    $cc -std=c11 $warnings -Wstrict-prototypes -I"$include" -c "$dir/a.c" -o "$dir/a.o"
    $cxx -std=c++17 $warnings -I"$include" -x c++ -c "$dir/a.c" -o "$dir/a.o"
done
cat >"$dir/sizes.c" <<'END'
#include <stddef.h>
#include "dataflow.h"
_Static_assert(sizeof(void *) != 8 || sizeof(df_bytes) == 16, "df_bytes is frozen");
_Static_assert(sizeof(void *) != 8 || sizeof(df_value) == 32, "df_value is frozen");
_Static_assert(sizeof(void *) != 8 || offsetof(df_value, text) == 16, "df_value is frozen");
_Static_assert(sizeof(void *) != 8 || sizeof(df_header) == 24, "df_header is frozen");
END
$cc -std=c11 $warnings -I"$include" -c "$dir/sizes.c" -o "$dir/sizes.o"
