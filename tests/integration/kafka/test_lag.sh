#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# The lag goes on growing while the sink takes nothing, although the client has stopped to fetch.
. "$(dirname "$0")/../kafka_lib.sh"
closed=$(perl -MIO::Socket::INET -e 'print IO::Socket::INET->new(LocalAddr => "127.0.0.1", Proto => "tcp", Listen => 1)->sockport')

topic behind 2
produce behind --count 60000 --partitions 2 --size 1000
{
    echo 'memoryLimit: 16Mi'
    source_of behind behind
    echo "sink: {type: kafka, config: {brokers: \"127.0.0.1:$closed\", topic: away}}"
} >"$dir/behind.yaml"
dfproc run "$dir/behind.yaml" --metrics-port 127.0.0.1:0 >"$dir/behind.out" 2>&1 &
pid=$!
flows+=("$pid")
address() { grep -o 'http://[^/"]*' "$dir/behind.out" | head -n 1; }
gauge() { curl -s "$(address)/metrics" | awk -v name="dataflow_watermark_lag_$1" '$1 ~ "^" name {print int($NF)}'; }
lag_at_least() { [ "$(gauge records)" -ge "$1" ] 2>/dev/null; }
held() { local before; before=$(gauge records); sleep 3; [ -n "$before" ] && [ "$(gauge records)" = "$before" ]; }
until_true 20 address || bad 'no address'
until_true 30 lag_at_least 10000 || bad "behind: lag of $(gauge records) records"
until_true 30 held || bad 'it goes on reading'
before=$(gauge records)
produce behind --count 20000 --from 60000 --partitions 2 --size 1000
until_true 20 lag_at_least $((before + 20000)) && ok 'records written while it stands are counted' ||
    bad "20000 records more, and the lag went from $before to $(gauge records)"

# ---- marks of transactions and records of aborted ones are not behind ---------------------------------
end "$pid" 20
topic done
produce done --count 20 --transaction commit
produce done --count 30 --from 20 --transaction abort
{ source_of done done; file_sink done.jsonl; } >"$dir/done.yaml"
start done done --metrics-port 127.0.0.1:0
nothing_behind() { metric_is done dataflow_watermark_lag_records 0 && metric_is done dataflow_watermark_lag_seconds 0; }
all_read() { [ "$(cat "$dir/done.jsonl" 2>/dev/null | wc -l)" = 20 ]; }
until_true 30 all_read || bad "transactions: $(wc -l <"$dir/done.jsonl") rows"
until_true 5 nothing_behind && ok 'transactions: nothing is behind when all is read' ||
    bad "transactions: $(metric done dataflow_watermark_lag_records) records behind, $(metric done dataflow_watermark_lag_seconds) s"
end "$pid" 20
finish
