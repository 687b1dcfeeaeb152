#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# ctest: no-servers timeout=300
# The broker goes away and comes back, stands still, and the process is killed: all records arrive.
# A broker of its own, because it is killed.
folder=$(mktemp -d)
bed=$(cd "$(dirname "$0")/../../bed" && pwd)
"$bed/kafka" start --dir "$folder/kafka" --parent $$ >"$folder/env" || exit 1
. "$folder/env"
export DF_KAFKA
. "$(dirname "$0")/../kafka_lib.sh"
leave_all() { [ "$BASHPID" = $$ ] || return; leave; "$bed/kafka" stop --dir "$folder/kafka"; rm -rf "$folder"; }
trap leave_all EXIT

topic in 3 && topic out 3
{
    source_of in in 'instanceId: one, properties: {session.timeout.ms: 30000, heartbeat.interval.ms: 500, reconnect.backoff.max.ms: 500}'
    sink_to out 'properties: {reconnect.backoff.max.ms: 500}'
} >"$dir/flow.yaml"
committed() { offsets "$run.in" in | sum_of; }
all_committed() { [ "$(committed)" = "$1" ]; }

# ---- the process is there before the broker: not ready, and told so, until it comes ----------------
page() { curl -s -m 5 "http://$address$1"; }
ready() { [ "$(curl -s -m 5 -o /dev/null -w '%{http_code}' "http://$address/readyz")" = "$1" ]; }
connected() { page /metrics | sed -n 's/^dataflow_connector_connection_status.*connector_type="kafka".* //p' | tr '\n' ' '; }
told_down() { [ "$(grep -c 'can be reached; next try in' "$dir/before.out")" -ge 2 ]; } # by source and sink
ticks() { local stat; read -r stat <"/proc/$pid/stat"; set -- ${stat##*) }; echo $((${12} + ${13})); }
topic early && topic late && produce early --count 1000
{ source_of early early; sink_to late; } >"$dir/before.yaml"
"$bed/kafka" kill --dir "$folder/kafka"
dfproc run "$dir/before.yaml" --metrics-port 127.0.0.1:0 >"$dir/before.out" 2>&1 &
pid=$!
flows+=("$pid")
serving() { address=$(grep -o 'http://[^/ "]*' "$dir/before.out" | head -n 1); address=${address#http://}; [ -n "$address" ]; }
until_true 10 serving || bad 'no address in the log'
until_true 30 told_down && ok 'no broker: told' || has 'no broker: told by both' 'can be reached; next try in' "$dir/before.out"
ready 503 && ok 'no broker: not ready' || bad 'no broker: ready'
same 'no broker: not connected' '0 0 ' "$(connected)"
spent=$(ticks)
[ "$spent" -le 50 ] && ok 'no broker: at rest' || bad "no broker: $spent ticks of CPU"
"$bed/kafka" restart --dir "$folder/kafka" || bad 'restart'
until_true 60 ready 200 && ok 'the broker came: ready' || bad 'the broker came: not ready'
same 'the broker came: connected' '1 1 ' "$(connected)"
early_committed() { [ "$(offsets "$run.early" early | sum_of)" = 1000 ]; }
until_true 60 early_committed || bad 'the broker came: not all committed'
audit 'the broker came: all records' --source topic --topic "$(name_of late)" --expect-count 1000 --no-gaps --max-duplicates 0
end "$pid" 30
same 'the broker came: ends in order' 0 "$code"

start flow flow.1
dfaudit produce --topic "$(name_of in)" --count 60000 --partitions 3 --keys 100 --rate 6000 2>"$dir/produce.log" &
producer=$!

# ---- the broker is killed and comes back, then is restarted in order, then stands still ----------
past() { [ "$(committed)" -gt "$1" ]; }
until_true 30 past 2000 || bad "nothing is under way: $(committed)"
"$bed/kafka" kill --dir "$folder/kafka"
sleep 2
"$bed/kafka" restart --dir "$folder/kafka" || bad 'restart'
sleep 1
"$bed/kafka" restart --dir "$folder/kafka" || bad 'restart'
"$bed/kafka" pause --dir "$folder/kafka"
sleep 3
"$bed/kafka" resume --dir "$folder/kafka"
wait "$producer" || bad "producer: $(cat "$dir/produce.log")"
until_true 60 all_committed 60000 || bad "not all committed: $(committed)"
audit 'broker killed, restarted, paused' --source topic --topic "$(name_of out)" --count 60000 \
    --expect-count 60000 --no-gaps --max-duplicates 32768 --ordered
kill -0 "$pid" 2>/dev/null && ok 'the flow went on by itself' || bad 'the flow ended'
lines=$(grep -c '"level":"\(warn\|error\)"' "$dir/flow.1.out")
[ "$lines" -le 12 ] && ok 'few log lines' || bad "$lines warnings"

# ---- killed five times ----------------------------------------------------------------------------
dfaudit produce --topic "$(name_of in)" --count 100000 --from 60000 --partitions 3 --keys 100 --rate 20000 2>"$dir/produce.log" &
producer=$!
for i in 2 3 4 5 6; do
    sleep 1
    kill -KILL "$pid"; wait "$pid" 2>/dev/null
    start flow "flow.$i"
done
wait "$producer" || bad "producer: $(cat "$dir/produce.log")"
until_true 60 all_committed 160000 || bad "not all committed: $(committed)"
end "$pid" 30
same 'ends in order' 0 "$code"
# 4 x 8,192 and what was delivered in the last second, for each kill
audit 'killed five times' --source topic --topic "$(name_of out)" --expect-count 160000 \
    --no-gaps --max-duplicates $((5 * (4 * 8192 + 30000)))
dfaudit check --source topic --topic "$(name_of out)" --no-gaps 2>/dev/null | grep -o '"duplicates":[0-9]*'
finish
