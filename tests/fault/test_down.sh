#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# ctest: no-servers timeout=120
# What a process costs, and how it ends, while something below it is down for long: without a server.
set -u
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
dir=$(mktemp -d)
failed=0
export XDG_STATE_HOME=$dir/home NO_COLOR=1
shim=$(ls "${DF_BUILD_DIR:-}"/lib/ioshim.so 2>/dev/null) || { echo 'no ioshim.so in this build'; exit 77; }
[ "${DF_SANITIZE:-}" = address ] && shim="$(gcc -print-file-name=libasan.so) $shim"
pid=
trap '[ -n "$pid" ] && kill -KILL "$pid" 2>/dev/null; rm -rf "$dir"' EXIT
ok() { echo "ok      $1"; }
bad() { echo "FAILED  $1"; tail -n 5 "$dir/out" | cut -c1-300; failed=1; }
until_true() { # SECONDS COMMAND...
    local limit=$((SECONDS + $1))
    shift
    until "$@"; do
        [ "$SECONDS" -ge "$limit" ] && return 1
        sleep 0.05
    done
}
flow() { # SINK-OPTIONS: from a file of ten lines
    seq -f '{"n":%.0f}' 10 >"$dir/in"
    printf 'source: {type: stdio, config: {path: %s/in}}\nsink: {type: stdio, config: {path: %s/io/out%s}}\nstopTimeout: 1s\n' \
        "$dir" "$dir" "$1" >"$dir/flow.yaml"
    rm -rf "$dir/state" "$dir/io"; mkdir "$dir/state" "$dir/io"
}
# Ends with SIGTERM; the exit code in $code.
stop() { # NAME
    kill -TERM "$pid"
    "$here/deadline" "$pid" 6000 >/dev/null || { bad "$1: no end within stopTimeout and 5 s"; kill -KILL "$pid"; }
    wait "$pid" 2>/dev/null
    code=$?
    pid=
}
written() { [ -s "$dir/io/out" ]; }

# ---- a call that never returns: the process ends without it ---------------------------------------------
hanging() { # NAME STAGE FOLDER SINK-OPTIONS
    flow "$4"
    LD_PRELOAD=$shim DF_IOSHIM=1:0:$3 DF_IOSHIM_HANG=1 dfproc run "$dir/flow.yaml" --state-dir "$dir/state" >"$dir/out" 2>&1 &
    pid=$!
    until_true 10 written || bad "$1: nothing written"
    stop "$1"
    case $code in 0 | 1) ok "$1: ends with $code" ;; *) bad "$1: exit code $code" ;; esac
    if grep -q "/$2: does not come back from a call and is left behind" "$dir/out"; then ok "$1: says so"; else
        bad "$1: does not say so"; fi
}
hanging 'sync of the sink' sink "$dir/io" ', sync: true'
hanging 'sync of the positions' store "$dir/state" ''
exit $failed
