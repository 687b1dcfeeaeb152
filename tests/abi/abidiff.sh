#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
#
# abidiff.sh LIBRARY: what a program that was built against the last release would notice: a function that is gone,
# a parameter, an enumerator or a frozen struct that is another. The library needs debug information.
#   abidiff.sh --update LIBRARY   at a release: records it in baseline.abi.xz
set -eu
here=$(cd "$(dirname "$0")" && pwd)
command -v abidw >/dev/null || { echo 'skipped: no abidiff (tools/setup package)'; exit 77; }
update=
[ "$1" != --update ] || { update=1; shift; }
library=$(readlink -f "$1")
dir=$(mktemp -d)
trap '[ "$BASHPID" = $$ ] && { rm -rf "$dir"; }' EXIT
readelf -S "$library" | grep -q '\.debug_info' || { echo 'skipped: this build has no debug information'; exit 77; }
abidw --headers-dir "$here/../../include" --drop-private-types --no-corpus-path --no-comp-dir-path --no-show-locs \
    --out-file "$dir/now.abi" "$library"
[ -z "$update" ] || { xz -9c "$dir/now.abi" >"$here/baseline.abi.xz"; exit; }
xz -dc "$here/baseline.abi.xz" >"$dir/then.abi"

# New functions are left out of the comparison, and what grows.suppr says; anything else that is another counts.
compatible() { # OLD
    abidiff --suppressions "$here/grows.suppr" --no-added-syms "$1" "$dir/now.abi" >"$dir/out" 2>&1
}
compatible "$dir/then.abi" || {
    cat "$dir/out"
    echo "programs that were built against the last release would not run: keep it, or raise DF_SOVERSION (docs/abi.md)"
    exit 1
}
# The comparison sees what it is for.
sed "s/'df_version'/'df_version_gone'/g" "$dir/then.abi" >"$dir/gone.abi"
! compatible "$dir/gone.abi" || { echo 'a function that is gone was not noticed'; exit 1; }
sed "/<class-decl name='df_value'/s/size-in-bits='256'/size-in-bits='192'/" "$dir/then.abi" >"$dir/grown.abi"
cmp -s "$dir/then.abi" "$dir/grown.abi" && { echo 'no df_value in the baseline'; exit 1; }
! compatible "$dir/grown.abi" || { echo 'a frozen struct of another size was not noticed'; exit 1; }
