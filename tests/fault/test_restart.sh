#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# ctest: lock=servers timeout=300
# The server is restarted, crashes, and ends the backend while it copies; the broker is restarted
# and killed: the flow goes on by itself.
. "$(dirname "$0")/fault_lib.sh"
own_pg
own_kafka
chunk=$(scaled 40000)
topic restart 4
table restart
{ from_topic restart; to_table restart; } >"$dir/restart.yaml"
start restart
flow_pid=$pid total=0

# step NAME COMMAND…: writes a chunk, does it while the chunk is under way, waits until all is there
step() {
    local name=$1 begin
    shift
    produce restart --count "$chunk" --from $((total / 2)) --producers 2 --partitions 4 --keys 100
    until_true 60 rows_at_least restart $((total + chunk / 10)) || bad "$name: no progress before"
    "$@"
    begin=$(now)
    total=$((total + chunk))
    until_true 60 unique_at_least restart "$total" || bad "$name: not all arrived"
    ours "$flow_pid" || { bad "$name: the flow ended"; show "$dir/restart.out"; }
    figure "$name: all there $(seconds "$begin") s after the server was back"
}
terminate_idle() { sql "select pg_terminate_backend(pid) from pg_stat_activity where application_name = 'dataflow'" >/dev/null; }
step 'restart of the server' pg_server restart
step 'crash of the server' pg_server restart --mode immediate
step 'connection ended' terminate_idle
step 'restart of the broker' kafka_server restart
kill_broker() { kafka_server kill; sleep 1; kafka_server restart; }
step 'crash of the broker' kill_broker

# A COPY is long when the table is locked by nobody but slow: a trigger makes it so.
sql "create function $schema.slow() returns trigger language plpgsql as 'begin perform pg_sleep(0.0002); return new; end';
    create trigger slow before insert on $schema.restart for each row execute function $schema.slow()"
copying() { [ "$(sql "select count(*) from pg_stat_activity where application_name = 'dataflow' and query ilike 'copy%' and state = 'active'")" -ge 1 ]; }
mid_copy() {
    local i
    for i in 1 2 3; do
        until_true 20 copying || bad 'no COPY under way'
        terminate_idle
    done
    sql "drop trigger slow on $schema.restart"
}
step 'backend ended while it copies, three times' mid_copy
end "$flow_pid" 30
same 'it stops in order' 0 "$code"
audit_table 'nothing is lost' restart --count "$total" --producers 2 --expect-count "$total" --no-gaps \
    --max-duplicates $((6 * 4 * 8192))
figure "$total records, $(counted duplicates) duplicates"
finish
