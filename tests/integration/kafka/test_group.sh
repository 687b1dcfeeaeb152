#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# ctest: timeout=300
# Members come and go: nothing is lost, and nothing is repeated when they leave in order.
. "$(dirname "$0")/../kafka_lib.sh"
quick='properties: {session.timeout.ms: 6000, heartbeat.interval.ms: 300}'

# ---- two processes, the second joins later, the first leaves -----------------------------------
members() { # NAME "options of the source" DUPLICATES
    topic "$1" 4 && topic "$1_out" 4
    { source_of "$1" "$1" "$2, $quick"; sink_to "${1}_out"; } >"$dir/$1.yaml"
    start "$1" "$1.a"; local a=$pid
    produce "$1" --count 20000 --producers 2 --partitions 4 --keys 100
    sleep 1
    start "$1" "$1.b"; local b=$pid
    produce "$1" --count 40000 --from 10000 --producers 2 --partitions 4 --keys 100 --rate 10000
    end "$a" 30
    same "$1: first one leaves" 0 "$code"
    produce "$1" --count 20000 --from 30000 --producers 2 --partitions 4 --keys 100
    until_true 40 complete "$1" || bad "$1: not all committed: $(offsets "$run.$1" "$1")"
    end "$b" 30
    same "$1: second one leaves" 0 "$code"
    audit "$1: all records" --source topic --topic "$(name_of "${1}_out")" --count 80000 --producers 2 \
        --expect-count 80000 --no-gaps --max-duplicates "$3"
}
complete() { # what is committed is what is there
    [ "$(offsets "$run.$1" "$1" | sum_of)" = 80000 ]
}
members eager 'cooperative: false' 0
has 'rebalanced' 'given back' "$dir/eager.a.out"
members cooperative 'cooperative: true' 80000

# ---- a static member that is killed comes back to its partitions at once ------------------------
topic static 2 && topic static_out 2
{ source_of static static "instanceId: one, properties: {session.timeout.ms: 30000}"; sink_to static_out; } >"$dir/static.yaml"
start static; first=$pid
produce static --count 1000 --partitions 2
until_true 20 test "$(dump static_out | wc -l)" -ge 0
sleep 2
kill -KILL "$first"; wait "$first" 2>/dev/null
begin=$SECONDS
produce static --count 1000 --from 1000 --partitions 2
start static static.2
all_there() { [ "$(dump static_out | wc -l)" -ge 2000 ]; }
until_true 25 all_there || bad "static: records did not arrive"
if [ $((SECONDS - begin)) -lt 20 ]; then ok 'static: no wait for the session'; else bad "static: took $((SECONDS - begin)) s"; fi

# ---- a second member of the same instance fences the first, which stops ---------------------------
start static static.3; second=$pid
fenced() { grep -q -i 'fenced' "$dir/static.2.out"; }
until_true 20 fenced && ok 'fenced member stops' || bad 'fenced member did not notice'
end "$second" 20
finish
