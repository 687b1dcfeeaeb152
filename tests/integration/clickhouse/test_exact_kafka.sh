#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# ctest: timeout=600
# A topic into the engine of today with exactlyOnce: kills at any time, and two members that come and go, so that
# partitions move with blocks that were begun. Every record once.
. "$(dirname "$0")/../ch_today_lib.sh"
: "${DF_KAFKA:?a Kafka broker is needed: tests/bed/with-servers $0}"
topic=$database rows=60000
dfaudit topic create --topic "$topic" --partitions 4 2>/dev/null || bad 'no topic'
python3 -c 'import sys; [print("%d\t{\"id\":%d,\"v\":\"row %d\"}" % (i, i, i)) for i in range(int(sys.argv[1]))]' "$rows" |
    timeout 60 kcat -b "$DF_KAFKA" -P -t "$topic" -K '	' || bad 'sending'
sql 'create table once (id UInt64, v String) engine = MergeTree order by id settings non_replicated_deduplication_window = 10000'
member() { # NAME BATCHSIZE: a folder of its own, so that the flow has one name
    mkdir -p "$dir/$1"
    cat >"$dir/$1/once.yaml" <<-END
	source:
	  type: kafka
	  config:
	    brokers: $DF_KAFKA
	    topic: $topic
	    consumerGroup: $topic
	    instanceId: $1
	    maxPartitionFetchBytes: 20000
	    properties: {session.timeout.ms: 6000, heartbeat.interval.ms: 300}
	sink:
	  type: clickhouse
	  config: {connectionString: "\${env:CH_TEST_URL}", table: once, batchSize: $2}
	deliveryGuarantee: exactlyOnce
	END
}
start() { # NAME
    dfproc run "$dir/$1/once.yaml" >>"$dir/$1.out" 2>&1 & pid=$!
    started+=("$pid")
}
started=()
stop_all() {
    local p
    for p in "${started[@]}"; do ours "$p" && kill -KILL "$p"; done
    leave
    kill "$server"
    wait 2>/dev/null
    rm -rf "$work"
}
trap '[ "$BASHPID" = $$ ] && stop_all' EXIT
evidence=("$dir/a.out" "$dir/b.out")
there() { [ "$(sql 'select uniqExact(id) from once')" -ge "$1" ]; }
for round in 1 2 3 4 5; do
    member a $((100 * round))
    start a
    until_true 60 there $((round * rows / 12)) || { bad "round $round: nothing comes"; finish; }
    kill -KILL "$pid"
    wait "$pid" 2>/dev/null
done
member a 500; member b 300
start a; a=$pid
until_true 60 there $((rows / 2)) || { bad 'nothing comes after the kills'; finish; }
start b; b=$pid
sleep "$(awk "BEGIN{srand($RANDOM); print 1 + 2 * rand()}")"
kill -TERM "$a"
wait "$a" || bad "the first member ended with $?"
until_true 120 there "$rows" || bad "not all came: $(sql 'select uniqExact(id) from once')"
kill -TERM "$b"
wait "$b" || bad "the second member ended with $?"
same 'every record once, with its value' "$rows $rows $((rows * (rows - 1) / 2)) $rows" \
    "$(sql "select count(), uniqExact(id), sum(id), countIf(v = concat('row ', toString(id))) from once" | tr '\t' ' ')"
same 'a place for each partition' 4 "$(sql "select uniqExact(partition) from dataflow_positions where pipeline = 'once'")"
finish
