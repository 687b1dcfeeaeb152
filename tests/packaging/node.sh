#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
#
# node.sh PREFIX LIBDIR: bindings/node against the installed library, without network: its build, its tests, and what is
# said without the library.
set -u
source=$(cd "$(dirname "$0")/../.." && pwd)
. "$source/tests/support/script.sh"
prefix=$1 lib=$1/$2
[ -e "$prefix/include/dataflow.h" ] || { echo "skipped: nothing is installed in $prefix: cmake --install"; exit 77; }
[ -z "${DF_SANITIZE:-}" ] || { echo 'skipped: a sanitized library needs sanitized programs'; exit 77; }
command -v node >/dev/null || { echo 'skipped: no Node (Debian: nodejs, libnode-dev)'; exit 77; }
case $(node --version) in v1[0-7].*) echo "skipped: Node $(node --version) is older than 18"; exit 77 ;; esac
dir=$(mktemp -d)
trap '[ "$BASHPID" = $$ ] && { rm -rf "$dir"; }' EXIT
evidence=("$dir/out")
export PKG_CONFIG_PATH=$lib/pkgconfig LD_LIBRARY_PATH=$lib
cp -r "$source/bindings/node" "$dir/node" && cd "$dir/node" || exit 1
rm -f lib/*.node
try() { # NAME COMMAND...
    local name=$1
    shift
    if timeout 200 "$@" >"$dir/out" 2>&1; then ok "$name"; else bad "$name"; fi
}
echo "with node $(node --version)"
try 'it is built' env CFLAGS='-Werror -Wshadow' node build.js
try 'its tests' node --test
try 'an example with a source and a sink of its own' node example/own-ends.js
same '  its records' '10 {"n":9,"square":81}' "$(wc -l <"$dir/out") $(tail -n 1 "$dir/out")"
[ "$(wc -l <example/kafka-to-postgresql.js)" -le 25 ] && ok 'the example has at most 25 lines' || bad "the example has $(wc -l <example/kafka-to-postgresql.js) lines"
same 'the addon shows its entry alone' 'napi_register_module_v1' "$(nm -D --defined-only lib/dataflow.node | awk '$2 ~ /[TDB]/ {print $3}' | grep -vE '^(_init|_fini|node_api_module_get_api_version_v1)$' | xargs)"
if PKG_CONFIG_PATH= PKG_CONFIG_LIBDIR=/nowhere node build.js >"$dir/out" 2>&1; then bad 'without the library it is not built'; else
    grep -q 'install libdataflow-dev' "$dir/out" && ok 'without the library its package is named' || bad 'without the library its package is named'
fi
finish
