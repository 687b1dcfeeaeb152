#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
#
# rust.sh PREFIX LIBDIR: bindings/rust against the installed library, without network: its tests, what the documentation
# needs, the package of its -sys crate, and what is said without the library.
set -u
source=$(cd "$(dirname "$0")/../.." && pwd)
. "$source/tests/support/script.sh"
prefix=$1 lib=$1/$2
[ -e "$prefix/include/dataflow.h" ] || { echo "skipped: nothing is installed in $prefix: cmake --install"; exit 77; }
[ -z "${DF_SANITIZE:-}" ] || { echo 'skipped: a sanitized library needs sanitized programs'; exit 77; }
PATH=$PATH:$HOME/.cargo/bin
command -v cargo rustc >/dev/null || { echo 'skipped: no Rust (Debian: cargo)'; exit 77; }
dir=$(mktemp -d)
trap '[ "$BASHPID" = $$ ] && { rm -rf "$dir"; }' EXIT
evidence=("$dir/out")
# What was compiled before is taken again: always in one place, by which cargo knows it.
cache=${XDG_CACHE_HOME:-$HOME/.cache}/dataflow-rust-build
export CARGO_TARGET_DIR=$cache/target CARGO_HOME=$dir/home CARGO_INCREMENTAL=0
export PKG_CONFIG_PATH=$lib/pkgconfig LD_LIBRARY_PATH=$lib
mkdir -p "$cache"
exec 9>"$cache/lock" && flock 9
rm -rf "$cache/rust"
tar -C "$source/bindings" --exclude target -cf - rust | tar -C "$cache" -xf - && cd "$cache/rust" || exit 1
try() { # NAME COMMAND...
    local name=$1
    shift
    if timeout 300 "$@" >"$dir/out" 2>&1; then ok "$name"; else bad "$name"; fi
}
echo "with $(rustc --version)"
try 'its tests' cargo test --offline --workspace --quiet
same '  no warning' '' "$(grep -m 3 '^warning' "$dir/out")"
[ "$(wc -l <examples/kafka_to_postgresql/main.rs)" -le 25 ] && ok 'the example has at most 25 lines' ||
    bad "the example has $(wc -l <examples/kafka_to_postgresql/main.rs) lines"
if cargo fmt --version >/dev/null 2>&1; then try 'cargo fmt has nothing to say' cargo fmt --all --check; fi
same 'no unsafe for users' '' "$(grep -ln unsafe tests/*.rs examples/*/*.rs)"

# ---- where the library is not -----------------------------------------------------------------------------------
export PKG_CONFIG_PATH= PKG_CONFIG_LIBDIR=/nowhere CARGO_TARGET_DIR=$dir/target
try 'documentation is made without the library' env DOCS_RS=1 cargo doc --offline --no-deps --workspace --quiet
try 'the -sys crate is packed' cargo package --offline --no-verify --allow-dirty --quiet -p dataflow-sys
if cargo build --offline >"$dir/out" 2>&1; then bad 'without the library it does not build'; else
    grep -q 'install libdataflow-dev' "$dir/out" && ok 'without the library its package is named' || bad 'without the library its package is named'
fi
finish
