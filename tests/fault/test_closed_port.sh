#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# ctest: serial timeout=180
# The servers of two sinks are gone and their ports closed, so every connection is refused at once: both flows
# go on trying without a busy core, and have written all soon after a server is there again.
. "$(dirname "$0")/fault_lib.sh"
own_pg
own_kafka
table closed
topic closed
follow() { echo "source: {type: stdio, config: {path: $dir/$1.jsonl, follow: true}}"; }
{ follow pg; to_table closed; } >"$dir/pg.yaml"
{ follow kafka; echo "sink: {type: kafka, config: {brokers: \"$DF_KAFKA\", topic: $(name_of closed)}}"; } >"$dir/kafka.yaml"
lines() { dfaudit produce --stdout --count 1000 --from "$1" 2>/dev/null; } # FROM: a thousand records
lines 0 | tee "$dir/pg.jsonl" >"$dir/kafka.jsonl"
start pg && pg_pid=$pid
start kafka && kafka_pid=$pid
there() { dfaudit check --source topic --topic "$(name_of closed)" --count "$1" --expect-count "$1" --no-gaps >/dev/null 2>&1; }
until_true 30 unique_at_least closed 1000 || { bad 'pg: not all arrived before'; show "$dir/pg.out"; }
until_true 30 there 1000 || { bad 'kafka: not all arrived before'; show "$dir/kafka.out"; }

is_closed() { ! (exec 3<>"/dev/tcp/127.0.0.1/$1") 2>/dev/null; }
pg_server kill
kafka_server kill
kafka_port=${DF_KAFKA##*:}
until_true 10 is_closed "$pg_port" || bad 'the port of the server is open'
until_true 10 is_closed "$kafka_port" || bad 'the port of the broker is open'
lines 1000 | tee -a "$dir/pg.jsonl" >>"$dir/kafka.jsonl"
down=$(now) cpu=$(($(cpu_ms "$pg_pid") + $(cpu_ms "$kafka_pid")))
tries() { [ "$(grep -c 'connection_error\|refused\|cannot reach\|trying again' "$dir/pg.out")" -ge 4 ]; }
until_true 60 tries || { bad 'pg: it does not try again'; show "$dir/pg.out"; }
until_true 30 grep -q 'be reached\|Connect\|connect' "$dir/kafka.out" || { bad 'kafka: it says nothing'; show "$dir/kafka.out"; }
busy=$(($(cpu_ms "$pg_pid") + $(cpu_ms "$kafka_pid") - cpu))
at_most 'processor time of both while the ports were closed, of 100' 10 "$((100 * busy / ($(now) - down + 1)))" %
figure "closed for $(seconds "$down") s"

pg_server restart
back=$(now)
until_true 30 unique_at_least closed 2000 || { bad 'pg: not all arrived after'; show "$dir/pg.out"; }
at_most 'pg: all there after its return' 12 "$(seconds "$back")" s # a try within 10 s
kafka_server restart
back=$(now)
until_true 60 there 2000 || { bad 'kafka: not all arrived after'; show "$dir/kafka.out"; }
at_most 'kafka: all there after its return' 15 "$(seconds "$back")" s # the client looks each second, the broker begins
for p in "$pg_pid" "$kafka_pid"; do
    ours "$p" || bad 'a flow ended'
    end "$p"
    same 'it stops in order' 0 "$code"
done
audit_table 'pg: nothing is lost' closed --count 2000 --expect-count 2000 --no-gaps --max-duplicates 2000
finish
