#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# ctest: lock=servers timeout=300
# Topic to topic with exactlyOnce: every record once, in order within its key, for readers of committed
# records, after kills, beside a second instance, after a pause that cost the partitions, and with records
# that the broker refuses. test_crashpoints.sh kills at each step of a transaction.
. "$(dirname "$0")/fault_lib.sh"
quick='properties: {session.timeout.ms: 1500, heartbeat.interval.ms: 300}'
exactly() { # NAME FROM TO [options of the sink]: the manifest
    { echo 'deliveryGuarantee: exactlyOnce'
      from_topic "$2" "$quick"
      echo "sink: {type: kafka, config: {brokers: \"$DF_KAFKA\", topic: $(name_of "$3"), transactionTimeout: 10s${4:+, $4}}}"
    } >"$dir/$1.yaml"
}
exact() { # NAME TOPIC COUNT
    audit "$1" --source topic --topic "$(name_of "$2")" --count "$3" --producers 2 --expect-count "$3" --no-gaps --max-duplicates 0 --ordered
}

# ---- kills at any time -----------------------------------------------------------------------------------
n=$(scaled 200000)
topic in 4; topic out 4
produce in --count "$n" --producers 2 --partitions 4 --keys 100
exactly killed in out
killed=0
for _ in 1 2 3 4 5 6; do
    start killed
    until_true 20 grep -q assigned "$dir/killed.out" || bad 'no assignment'
    nap 0.05 0.5
    ours "$pid" && kill -KILL "$pid" && killed=$((killed + 1))
    wait "$pid" 2>/dev/null
done
flow killed 0
figure "$killed kills"
exact 'kills: every record once' out "$n"

# ---- a second instance comes and goes; one is stopped for longer than its session ---------------------------
exactly a in out 'transactionalId: '"$run"'-a'
exactly b in out 'transactionalId: '"$run"'-b'
more() { # another portion, which arrives
    produce in --count $((n / 2)) --from $((total / 2)) --producers 2 --partitions 4 --keys 100
    total=$((total + n / 2))
}
total=$n
assigned() { until_true 20 grep -q "[1-4] partitions of .* assigned" "$dir/$1.out" || bad "$1 gets no partition"; }
arrived() { [ "$(dfaudit check --source topic --topic "$(name_of out)" --count "$total" --producers 2 2>/dev/null | grep -o '"count":[0-9]*')" = "\"count\":$total" ]; }
start a; a=$pid
assigned a
more
start b; b=$pid
assigned b
more
kill -STOP "$a"
more
until_true 60 arrived || bad 'the other instance does not go on'
kill -CONT "$a"
more
until_true 60 arrived || bad 'not all arrived after the pause'
ours "$a" || { bad 'the one that was stopped ended'; show "$dir/a.out"; }
end "$b"
same 'the second one ends' 0 "$code"
more
until_true 60 arrived || bad 'not all arrived with one instance'
exact 'instances come, go and stop: every record once' out "$total"

# ---- the same transactional.id twice: the former one ends, and says why ---------------------------------------
cp "$dir/a.yaml" "$dir/twin.yaml"
start twin; twin=$pid
more
until_true 60 arrived || { bad 'not all arrived with a twin'; show "$dir/twin.out"; }
more
until_true 60 arrived || { bad 'not all arrived after the twin'; show "$dir/twin.out"; }
ended() { ! ours "$a" || ! ours "$twin"; }
until_true 30 ended || bad 'both twins go on'
grep -q 'another instance of this flow' "$dir/a.out" "$dir/twin.out" && ok 'it says so' || { bad 'it does not say so'; show "$dir/a.out"; }
end "$twin"; end "$a"
exact 'twins: every record once' out "$total"

# ---- what the broker refuses, and what is filtered -------------------------------------------------------------
topic mixed 2
dfaudit topic create --topic "$(name_of small)" --partitions 2 --config max.message.bytes=20000 2>/dev/null || bad 'topic small'
produce mixed --count 4000 --producers 2 --partitions 2 --keys 100
for k in 0 1 2; do produce mixed --count 1 --from $((9000 + k)) --partitions 2 --size 30000; done
produce mixed --count 4000 --from 2000 --producers 2 --partitions 2 --keys 100
exactly small mixed small
echo "errors: {type: stdio, config: {path: $dir/refused}}" >>"$dir/small.yaml"
flow small 0
exact 'refused records: every other one once' small 8000
same 'the refused ones are in the error sink, once' 3 "$(grep -c too_large "$dir/refused")"
flow small 0
same 'and their offsets are committed' 0 "$(summary received small)"
exactly none in small
echo 'transformations: [{type: filter, config: {condition: "$.seq == \"none\""}}]' >>"$dir/none.yaml"
sed -i "s/consumerGroup: [^,]*/consumerGroup: $run.none/" "$dir/none.yaml"
flow none 0
flow none 0
same 'the offsets of what was filtered are committed' 0 "$(summary received none)"
finish
