#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# ctest: lock=servers timeout=300
# The server becomes read-only, has no connection to give, has no space left, or is slow: the flow
# waits within its memory, goes on when the server can, and nothing is lost.
. "$(dirname "$0")/fault_lib.sh"
own_pg --conf max_connections=12
idle=$(sanitized && echo 10 || echo 2)
chunk=10000
small=
trap '[ "$BASHPID" = $$ ] && { [ -n "$small" ] && { "$bed/postgresql" stop --dir "$dir/pg"; umount -l "$small"; rmdir "$small"; } >/dev/null 2>&1; leave; }' EXIT
topic limits 2
table limits
{ from_topic limits 'properties: {session.timeout.ms: 6000}'; to_table limits; } >"$dir/limits.yaml"
start limits
flow_pid=$pid total=0
feed() { produce limits --count $chunk --from $((total / 2)) --producers 2 --partitions 2 --keys 100; total=$((total + chunk)); }
arrived() { # NAME: all of it, in time; it waited and did not spin
    local begin
    begin=$(now)
    until_true 60 unique_at_least limits "$total" || { bad "$1: not all arrived"; show "$dir/limits.out"; }
    ours "$flow_pid" || { bad "$1: the flow ended"; show "$dir/limits.out"; }
    at_most "$1: recovery" 20 "$(seconds "$begin")" s
}
feed
arrived 'first records'

# ---- read-only -----------------------------------------------------------------------------------------
sql "alter system set default_transaction_read_only = on" && sql "select pg_reload_conf()" >/dev/null
terminate() { sql "select pg_terminate_backend(pid) from pg_stat_activity where application_name = 'dataflow'" >/dev/null; }
terminate
feed
sleep 1
at_most 'read-only: CPU' "$idle" "$(cpu_percent "$flow_pid" 3)" %
PGOPTIONS="-c default_transaction_read_only=off" sql "alter system reset default_transaction_read_only" &&
    sql "select pg_reload_conf()" >/dev/null
arrived 'read-only'

# ---- no connection left ----------------------------------------------------------------------------------
for _ in $(seq 14); do psql "$PG" -XqAt -c 'select pg_sleep(6)' >/dev/null 2>&1 & done
sleep 0.5
terminate 2>/dev/null
for _ in $(seq 4); do psql "$PG" -XqAt -c 'select pg_sleep(5)' >/dev/null 2>&1 & done
feed
sleep 6
arrived 'out of connections'

# ---- no space ----------------------------------------------------------------------------------------------
small=$(mktemp -d /tmp/dataflow-bed-small.XXXXXX)
if mount -t tmpfs -o size=3m tmpfs "$small" 2>/dev/null; then
    chown postgres: "$small" 2>/dev/null
    sql "create tablespace small location '$small'"
    sql "alter table $schema.limits set tablespace pg_default; create table $schema.old as select * from $schema.limits;
        truncate $schema.limits; alter table $schema.limits set tablespace small"
    unique_at_least() { # the rows before and after
        [ "$(sql "select count(*) from (select producer, seq from $schema.limits union select producer, seq from $schema.old) a")" -ge "$2" ]
    }
    feed; feed; feed; feed
    sleep 3
    at_most 'no space: CPU' "$idle" "$(cpu_percent "$flow_pid" 3)" %
    grep -qi 'space\|disk' "$dir/limits.out" && ok 'no space: it says so' || bad 'no space: it does not say so'
    mount -o remount,size=200m "$small"
    arrived 'no space'
    sql "insert into $schema.old select * from $schema.limits; truncate $schema.limits; alter table $schema.limits set tablespace pg_default;
        insert into $schema.limits select * from $schema.old"
else
    rmdir "$small" && small=
    echo 'skipped  no space: tmpfs cannot be mounted here'
fi
end "$flow_pid" 30
same 'it stops in order' 0 "$code"
audit_table 'nothing is lost' limits --count "$total" --producers 2 --expect-count "$total" --no-gaps --max-duplicates 100000

# ---- a slow server: a tenth of its speed -----------------------------------------------------------------------
read -r port control <<<"$(ports 2)"
proxy "$port" "$pg_port" "$control"
FAULT_PG=$(sed "s/:$pg_port\//:$port\//" <<<"$PG")
topic slow 2
table slow
n=150000
produce slow --count $n --producers 2 --partitions 2 --keys 100 --size 600
{ echo 'memoryLimit: 16Mi'; from_topic slow 'properties: {session.timeout.ms: 6000}'; to_table slow; } >"$dir/slow.yaml"
tell "$control" rate 2000000
start slow
sleep 8
peak=$(rss_kib "$pid")
sanitized || at_most 'memory with 16 MiB and a slow server' $((16 * 1024 * 110 / 100 + 14 * 1024)) "$peak" KiB
figure "slow server: $(rows slow) of $n rows after 8 s, peak $peak KiB"
tell "$control" pass
until_true 60 rows_at_least slow $n || bad 'slow server: not all arrived'
end "$pid" 30
audit_table 'slow server: every record once' slow --count $n --producers 2 --expect-count $n --no-gaps --max-duplicates 0 --ordered
finish
