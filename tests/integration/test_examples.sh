#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Runs examples/*.c as their comments say. ctest: no-servers
set -u
bin=$DF_BUILD_DIR/examples
dir=$(mktemp -d)
trap '[ "$BASHPID" = $$ ] && { rm -rf "$dir"; }' EXIT
failed=0

# expect NAME WANTED GOT
expect() {
    if [ "$2" = "$3" ]; then
        echo "ok      $1"
    else
        printf 'FAILED  %s\n--- wanted\n%s\n--- got\n%s\n' "$1" "$2" "$3"
        failed=1
    fi
}

# holds NAME TEXT FILE
holds() {
    if grep -qF -- "$2" "$3"; then
        echo "ok      $1"
    else
        printf 'FAILED  %s: "%s" is not in\n' "$1" "$2"
        cat "$3"
        failed=1
    fi
}

orders='{"id":1,"amount":50}
{"id":2,"amount":150.10}
{"id":3,"amount":1000}'
expect '01: keeps what the condition says' '{"id":2,"amount":150.10}
{"id":3,"amount":1000}' "$("$bin/01-embed-a-flow" <<<"$orders")"
expect '01: condition as argument' '{"id":1,"amount":50}' \
    "$("$bin/01-embed-a-flow" '$.id == 1' <<<"$orders")"
if "$bin/01-embed-a-flow" '$.id ==' <<<"$orders" >"$dir/out" 2>"$dir/err"; then
    echo 'FAILED  01: a bad condition must fail'
    failed=1
fi
holds '01: a bad condition has its place' 'flow:3:' "$dir/err"

lines='{"price":2.5,"quantity":4}
{"price":3}
{"price":0}
{"quantity":1}'
expect '02: computes, drops, refuses' '{"price":2.5,"quantity":4,"total":10.0}
{"price":3,"total":3.0}' "$("$bin/02-own-transform" <<<"$lines" 2>"$dir/err")"
holds '02: the refused record has its reason' 'price is missing' "$dir/err"

expect '03: counts' '1
2
3
4
5' "$("$bin/03-own-source" "$dir")"
expect '03: goes on' '6
7
8
9
10' "$("$bin/03-own-source" "$dir")"

expect '04: adds up' '3 rows, 5.50 in all' "$("$bin/04-own-sink" <<<"$lines" 2>"$dir/err")"
holds '04: the refused record is reported' 'no price' "$dir/err"

"$bin/05-load-plug-in" "$bin/05-plug-in.so" <<<'{"a":1}' >"$dir/out"
holds '05: the plug-in works' '{"a":1,"at":' "$dir/out"
if "$bin/05-load-plug-in" "$dir/none.so" 2>"$dir/err"; then
    echo 'FAILED  05: a missing plug-in must fail'
    failed=1
fi
holds '05: a missing plug-in is named' 'none.so' "$dir/err"

# dfproc loads plug-ins too.
printf 'source: {type: stdio}\ntransformations: [{type: stamp, config: {field: $.at}}]\nsink: {type: stdio}\n' >"$dir/stamp.yaml"
DATAFLOW_PLUGINS=$bin/05-plug-in.so dfproc run "$dir/stamp.yaml" <<<'{"a":1}' >"$dir/out" 2>"$dir/err"
holds '05: in dfproc' '{"a":1,"at":' "$dir/out"
DATAFLOW_PLUGINS=:$bin/05-plug-in.so: dfproc transforms stamp >"$dir/out" 2>"$dir/err"
holds '05: in its lists' 'Where the time goes.' "$dir/out"
DATAFLOW_PLUGINS=$dir/none.so dfproc validate "$dir/stamp.yaml" >"$dir/out" 2>"$dir/err"
holds '05: dfproc names a missing one' 'none.so' "$dir/err"

expect '06: the shortest transform' '{"id":2,"paid":true}' \
    "$("$bin/06-shortest-transform" <<<'{"id":1,"paid":false}
{"id":2,"paid":true}' 2>"$dir/err")"
exit $failed
