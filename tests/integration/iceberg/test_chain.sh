#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# ctest: timeout=300
# Kafka into Nessie, exactly once, and out of it into ClickHouse, as the examples have it: with a kill between, every record
# is there once at the end. A topic that was made anew meanwhile is no continuation of the positions in the table.
servers="s3 nessie"
. "$(dirname "$0")/../ice_lib.sh"
: "${DF_KAFKA:?a Kafka broker is needed: tests/bed/with-servers $0}" "${DF_CLICKHOUSE:?a ClickHouse is needed}"
examples=${DF_SOURCE_DIR:-$here/../..}/examples
run=ice_$$_$RANDOM
export DF_KAFKA DF_CLICKHOUSE

# here_with FILE: a copy with the addresses of this test and names of its own
here_with() {
    sed -e "s|localhost:9092|$DF_KAFKA|; s|http://localhost:19120|$DF_NESSIE|; s|http://localhost:8123/default|$DF_CLICKHOUSE|" \
        -e 's|AWS_ACCESS_KEY_ID|DF_S3_KEY|; s|AWS_SECRET_ACCESS_KEY|DF_S3_SECRET|' -e "s#\(topic\|consumerGroup\): .*#\1: $run#" \
        -e 's|commitInterval: .*|commitInterval: 1s|; s|pollInterval: .*|pollInterval: 500ms|' "$examples/$1"
}
count() { # SQL: one value of ClickHouse
    curl -sS -m 30 --data-binary "$1" "$(sed 's|/[^/]*$|/|' <<<"$DF_CLICKHOUSE")" 2>&1
}
here_with kafka-to-nessie.yaml >"$dir/in.yaml"
here_with nessie-to-clickhouse.yaml | sed "s|table: orders\$|table: $run|; 0,/table: $run/s|table: $run|table: orders|" >"$dir/out.yaml"
dfaudit topic create --brokers "$DF_KAFKA" --topic "$run" --partitions 2 >/dev/null || bad 'a topic'
readers make nessie shop.orders 'id long, item string, price double' || bad 'a table'

orders() { # FROM TO
    seq "$1" "$2" | awk '{printf "k%d\t{\"id\":%d,\"item\":\"item %d\",\"price\":%d.5}\n", $1 % 7, $1, $1 % 10, $1}' | kcat -P -b "$DF_KAFKA" -t "$run" -K '	'
}
orders 1 5000
dfproc run "$dir/in.yaml" >"$dir/in.log" 2>&1 &
in=$!
dfproc run "$dir/out.yaml" >"$dir/out.log" 2>&1 &
out=$!
there() { [ "$(count "select count() from $run")" = "$1" ]; }
until_true 60 there 5000 || { bad "the first of them: $(count "select count() from $run")"; tail -n 2 "$dir"/*.log | cut -c1-600; }
orders 5001 8000
kill -KILL "$in" # it begins anew where its last commit is
wait "$in" 2>/dev/null
dfproc run "$dir/in.yaml" >"$dir/in.log" 2>&1 &
in=$!
until_true 60 there 8000 || { bad "all of them: $(count "select count() from $run")"; tail -n 2 "$dir"/*.log | cut -c1-600; }
kill "$in" "$out"
wait "$in" "$out"
same 'each record once, by value' '8000	8000	32004000	32008000' "$(count "select count(), uniqExact(id), sum(id), sum(price) from $run")"
same 'and in the lake' '8000 8000 32004000' "$(readers count nessie shop.orders | cut -d' ' -f1-3)"

# The topic is made anew, and shorter than the positions in the table say: nothing is read, and nothing passed over.
dfaudit topic delete --brokers "$DF_KAFKA" --topic "$run" >/dev/null || bad 'the topic goes'
made() { dfaudit topic create --brokers "$DF_KAFKA" --topic "$run" --partitions 2 >/dev/null 2>&1; }
until_true 30 made || bad 'the topic comes again'
orders 1 100
timeout --foreground -k 5 60 dfproc run "$dir/in.yaml" >"$dir/in.log" 2>&1
same 'a topic that was made anew ends the run' 1 $?
same 'and the positions are told' 1 "$(grep -c "$run partition [01]: the broker does not have offset [0-9]*;" "$dir/in.log" | sed 's/^[1-9].*/1/')"
same 'the lake is as it was' '8000 8000 32004000' "$(readers count nessie shop.orders | cut -d' ' -f1-3)"
count "drop table $run" >/dev/null
dfaudit topic delete --brokers "$DF_KAFKA" --topic "$run" >/dev/null
finish
