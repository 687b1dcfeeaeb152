#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
#
# go.sh PREFIX LIBDIR: bindings/go against the installed library: vet, tests, the race detector, a vendored build
# without network, and what is said without cgo and without the library.
set -u
source=$(cd "$(dirname "$0")/../.." && pwd)
. "$source/tests/support/script.sh"
prefix=$1 lib=$1/$2
[ -e "$prefix/include/dataflow.h" ] || { echo "skipped: nothing is installed in $prefix: cmake --install"; exit 77; }
[ -z "${DF_SANITIZE:-}" ] || { echo 'skipped: a sanitized library needs sanitized programs'; exit 77; }
go=$(command -v go || ls /usr/local/go/bin/go 2>/dev/null)
version=$([ -z "$go" ] || GOTOOLCHAIN=local "$go" env GOVERSION)
case $version in
'' | go1.? | go1.1? | go1.2[012]*) echo "skipped: no Go 1.23 or newer${version:+, but $version} (Debian 13: golang-go)"; exit 77 ;;
esac
dir=$(mktemp -d)
trap '[ "$BASHPID" = $$ ] && { chmod -R u+w "$dir"; rm -rf "$dir"; }' EXIT
evidence=("$dir/out")
export GOTOOLCHAIN=local GOPROXY=off GOFLAGS= GOCACHE=${XDG_CACHE_HOME:-$HOME/.cache}/dataflow-go-build GOPATH=$dir/gopath
export PKG_CONFIG_PATH=$lib/pkgconfig LD_LIBRARY_PATH=$lib
cp -r "$source/bindings/go" "$dir/go" && cd "$dir/go" || exit 1
try() { # NAME COMMAND...
    local name=$1
    shift
    if timeout 300 "$@" >"$dir/out" 2>&1; then ok "$name"; else bad "$name"; fi
}
same 'gofmt has nothing to say' '' "$("$(dirname "$(readlink -f "$go")")/gofmt" -l . 2>&1)"
try 'go vet' "$go" vet ./...
try 'its tests' "$go" test -count 1 -timeout 240s .
try '  with pointers checked' env GODEBUG=cgocheck=1 GOGC=1 "$go" test -count 1 -timeout 240s .
if [ -e "$("$go" env GOROOT)/src/runtime/race/internal/amd64v1/race_linux.syso" ]; then
    try '  with the race detector' "$go" test -count 1 -race -timeout 240s .
fi
[ "$(wc -l <example/main.go)" -le 25 ] && ok 'the example has at most 25 lines' || bad "the example has $(wc -l <example/main.go) lines"

# ---- a module that uses it, vendored ------------------------------------------------------------------------
mkdir ../user && cd ../user || exit 1
printf 'module user\n\ngo 1.23\n\nrequire dataflow.dataflow.io/go v0.1.0\n\nreplace dataflow.dataflow.io/go => ../go\n' >go.mod
cp ../go/example/* .
try 'go mod vendor' "$go" mod vendor
mv ../go ../moved
try '  builds with nothing else' "$go" build -mod=vendor -o user .
mv ../moved ../go
if CGO_ENABLED=0 "$go" build -mod=vendor -o none . >"$dir/out" 2>&1; then bad 'without cgo it does not compile'; else
    grep -q 'this_package_needs_cgo' "$dir/out" && ok 'without cgo the compiler says so' || bad 'without cgo the compiler says so'
fi
echo '// built anew' >>vendor/dataflow.dataflow.io/go/errors.go
if PKG_CONFIG_PATH= PKG_CONFIG_LIBDIR=/nowhere "$go" build -mod=vendor -o none . >"$dir/out" 2>&1; then bad 'without the library it does not build'; else
    grep -q 'libdataflow' "$dir/out" && ok 'without the library its name is said' || bad 'without the library its name is said'
fi
finish
