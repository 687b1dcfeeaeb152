# SPDX-License-Identifier: Apache-2.0
# poll_lib.sh: flows that read a table, for the tests of the polling source. Sourced behind pg_lib.sh.

# polled NAME SINK "option: value"...: a flow from the table NAME
polled() {
    local option
    {
        echo "source:"
        echo "  type: postgresql"
        echo "  config:"
        echo "    connectionString: \${env:PG_TEST_URL}"
        for option in "${@:3}"; do echo "    $option"; done
        echo "sink: $2"
        echo "errors: {type: stdio, config: {path: $dir/$1.errors}}"
    } >"$dir/$1.yaml"
}
to_file() { echo "{type: stdio, config: {path: $dir/$1.out}}"; }
# once NAME: reads what is there, positions are kept
once() {
    timeout --foreground -k 5 120 dfproc run "$dir/$1.yaml" --until-exhausted >"$dir/out" 2>&1 && return
    bad "$1: exit code $?"
    tail -n 5 "$dir/out" | sed 's/^/        /'
}
ids() { jq -r .id "$dir/$1.out" | tr '\n' ' '; }
sorted() { jq -r .id "$dir/$1.out" | sort -n | tr '\n' ' '; }
until_there() { # SECONDS COMMAND...
    local end=$((SECONDS + $1 * slack))
    shift
    until "$@"; do
        [ $SECONDS -lt $end ] || return 1
        sleep 0.05
    done
}
has_lines() { [ "$(cat "$dir/$1.out" 2>/dev/null | wc -l)" -ge "$2" ]; }
start() { # NAME: polls until stop
    dfproc run "$dir/$1.yaml" >"$dir/$1.log" 2>&1 &
    pid=$!
}
stop() { kill -"${1:-TERM}" "$pid" && wait "$pid"; } 2>/dev/null
