#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# ctest: timeout=300
# Members come and go: nothing is lost, and nothing is repeated when they leave in order.
. "$(dirname "$0")/../kafka_lib.sh"
now_ms() { echo $((10#$(date +%s%N) / 1000000)); }
quick='properties: {session.timeout.ms: 6000, heartbeat.interval.ms: 300}'

# ---- two processes, the second joins later, the first leaves -----------------------------------
members() { # NAME "options of the source" DUPLICATES
    topic "$1" 4 && topic "$1_out" 4
    { source_of "$1" "$1" "$2, $quick"; sink_to "${1}_out"; } >"$dir/$1.yaml"
    start "$1" "$1.a"; local a=$pid
    produce "$1" --count 20000 --producers 2 --partitions 4 --keys 100
    until_true 30 begun "$1" || bad "$1: the first one reads nothing"
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
begun() { [ "$(offsets "$run.$1" "$1" | sum_of)" -gt 0 ]; }
complete() { # what is committed is what is there
    [ "$(offsets "$run.$1" "$1" | sum_of)" = 80000 ]
}
members eager 'cooperative: false' 0
has 'rebalanced' 'given back' "$dir/eager.a.out"
members cooperative 'cooperative: true' 80000

# ---- a member that was killed and started again waits for its own session to end ------------------
ready() { [ "$(curl -s -m 5 -o /dev/null -w '%{http_code}' "$(grep -o 'http://[^/ "]*' "$dir/$1.out" | head -n 1)/readyz")" = "$2" ]; }
ticks() { awk '{print $14 + $15}' "/proc/$1/stat"; }
died() { # NAME "option: value"
    topic "$1" && produce "$1" --count 5
    { source_of "$1" "$1" "$2, properties: {session.timeout.ms: 10000, heartbeat.interval.ms: 500}"; file_sink "$1.jsonl"; } >"$dir/$1.yaml"
    start "$1" "$1.a"
    until_true 30 committed_is "$1" 5 || bad "$1: not committed"
    kill -KILL "$pid"; wait "$pid" 2>/dev/null
    produce "$1" --count 5 --from 5
    start "$1" "$1.b" --metrics-port 127.0.0.1:0
    until_true 5 ready "$1.b" 503 || bad "$1: waits, but is ready"
}
committed_is() { [ "$(offsets "$run.$1" "$1" | sum_of)" = "$2" ]; }
rows_are() { [ "$(cat "$dir/$1.jsonl" 2>/dev/null | wc -l)" = "$2" ]; }
died dead 'cooperative: false'
until_true 9 grep -q 'waiting for the group' "$dir/dead.b.out"
has 'killed: it says what it waits for' "waiting for the group $run.dead: a member that died holds its partitions until [0-9:]*Z.*; with instanceId a restart" "$dir/dead.b.out"
of() { curl -s -m 5 "$(grep -o 'http://[^/ "]*' "$dir/dead.b.out" | head -n 1)$1"; }
same 'killed: the status says so' '1 1 1' "$(of /status | grep -c '"state":"waiting","guarantee"') $(of /status | grep -c '"state":"waiting","waits_for":"the group"') $(of / | grep -c 'waiting for the group')"
same 'killed: the metrics too' 1 "$(of /metrics | sed -n 's/^dataflow_connector_waiting.*connector_name="source"} //p')"
ready dead.b 503 && ok 'killed: not ready while it waits' || bad 'killed: ready while it waits'
until_true 20 ready dead.b 200 && ok 'killed: ready when it has its partitions' || bad 'killed: not ready'
same 'killed: waits no more' '0 0' "$(of /status | grep -c waits_for) $(of /metrics | sed -n 's/^dataflow_connector_waiting.*connector_name="source"} //p')"
until_true 10 rows_are dead 10 && ok 'killed: reads the rest' || bad "killed: $(wc -l <"$dir/dead.jsonl") rows"
end "$pid" 20
for cooperative in false true; do
    died "dead_$cooperative" "cooperative: $cooperative"
    before=$(now_ms)
    kill -TERM "$pid"
    while ours "$pid"; do spent=$(ticks "$pid" 2>/dev/null || echo "$spent"); sleep 0.05; done
    wait "$pid"
    same "stopped while it waits, cooperative $cooperative: ends in order" 0 "$?"
    took=$(($(now_ms) - before))
    [ "$took" -lt 4000 ] && ok "cooperative $cooperative: at once" || bad "cooperative $cooperative: took $took ms"
    [ "$spent" -lt 50 ] && ok "cooperative $cooperative: no busy core" || bad "cooperative $cooperative: $spent ticks of CPU"
done

# ---- a static member that is killed comes back to its partitions at once ------------------------
topic static 2 && topic static_out 2
{ source_of static static "instanceId: one, properties: {session.timeout.ms: 60000}"; sink_to static_out; } >"$dir/static.yaml"
start static; first=$pid
produce static --count 1000 --partitions 2
first_there() { [ "$(dump static_out | wc -l)" -ge 1000 ]; }
until_true 20 first_there || bad 'static: the first records did not arrive'
kill -KILL "$first"; wait "$first" 2>/dev/null
begin=$SECONDS
produce static --count 1000 --from 1000 --partitions 2
start static static.2
all_there() { [ "$(dump static_out | wc -l)" -ge 2000 ]; }
until_true 25 all_there || bad "static: records did not arrive"
if [ $((SECONDS - begin)) -lt $((20 * slack)) ]; then ok 'static: no wait for the session'; else bad "static: took $((SECONDS - begin)) s"; fi

# ---- a second member of the same instance fences the first, which stops ---------------------------
start static static.3; second=$pid
fenced() { grep -q -i 'fenced' "$dir/static.2.out"; }
until_true 20 fenced && ok 'fenced member stops' || bad 'fenced member did not notice'
end "$second" 20
finish
