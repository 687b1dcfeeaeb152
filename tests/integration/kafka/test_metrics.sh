#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# What the Kafka source counts. dataflow_kafka_lost_offsets_total: test_gone.sh;
# dataflow_kafka_refetched_total: test_corrupt.sh.
. "$(dirname "$0")/../kafka_lib.sh"
committed_is() { [ "$(offsets "$run.$1" "$1" | sum_of)" = "$2" ]; }

topic few
{ source_of few few; file_sink few.jsonl; } >"$dir/few.yaml"
start few few --metrics-port 127.0.0.1:0
for n in 1 2 3; do
    produce few --count 1 --from "$n"
    until_true 30 committed_is few "$n" || bad "not committed: $n"
done
same 'a commit for each record that came alone' 3 "$(metric few dataflow_kafka_commits_total)"
same 'assigned once' 1 "$(metric few dataflow_kafka_rebalances_total)"
same 'nothing passed over' 0 "$(metric few dataflow_kafka_lost_offsets_total)"
same 'nothing fetched again' 0 "$(metric few dataflow_kafka_refetched_total)"
same 'nothing read before' 0 "$(metric few dataflow_kafka_repeated_total)"
same 'no queue was full' 0 "$(metric few dataflow_kafka_wakeups_total)"
end "$pid" 20
same 'ends in order' 0 "$code"

# A full queue sends the fetching of librdkafka before 2.2 to sleep.
topic many
produce many --count 60000 --size 1000
{ echo 'memoryLimit: 16Mi'; source_of many many; file_sink many.jsonl; } >"$dir/many.yaml"
start many many --metrics-port 127.0.0.1:0
until_true 60 committed_is many 60000 || bad 'not all committed'
woken=$(metric many dataflow_kafka_wakeups_total)
version=$(dfproc connectors kafka | grep -o 'librdkafka [0-9.]*' | head -n 1)
case $version in
'librdkafka 2.0'* | 'librdkafka 2.1'*) [ "$woken" -gt 0 ] && ok 'woken' || bad 'a full queue, and not woken' ;;
*) same 'this client needs no waking' 0 "$woken" ;;
esac
end "$pid" 20
finish
