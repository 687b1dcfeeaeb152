#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# ctest: timeout=600
# postgresql-cdc where changes could go missing without a word, on a PostgreSQL 15 and 18 of their own: the
# session that exported the snapshot dies before it is used, a slot is given up while the tables are
# copied, a publication is made anew.
here=$(cd "$(dirname "$0")" && pwd)
bed=$here/../../bed/postgresql
: "${DF_PG:?a PostgreSQL is needed: tests/bed/with-servers $0}"
if [ -z "${DF_CDC_VERSION:-}" ]; then
    . "$here/../../support/script.sh"
    for DF_CDC_VERSION in 15 18; do
        export DF_CDC_VERSION
        own=$(mktemp -d)
        "$bed" start --version $DF_CDC_VERSION --dir "$own/pg" --parent $$ --conf max_wal_size=64MB --conf min_wal_size=32MB >/dev/null || bad "no PostgreSQL $DF_CDC_VERSION"
        (eval "$("$bed" env --dir "$own/pg")" && export DF_PG && exec bash "$0") | sed "s/^\(ok  \|FAILED\)    /&$DF_CDC_VERSION: /"
        [ "${PIPESTATUS[0]}" = 0 ] || failed=1
        "$bed" stop --dir "$own/pg"
        rm -rf "$own"
    done
    finish
fi
. "$here/../pg_cdc_lib.sh"
fill() { # MiB of log of another table
    for _ in $(seq "$1"); do echo "insert into filler select repeat('f', 1000) from generate_series(1, 1000);"; done | psql "$PG_TEST_URL" -Xq
}
setting() { admin "alter system set $1"; admin "select pg_reload_conf()" >/dev/null; }
count() { cat "$dir/$1.jsonl" 2>/dev/null | wc -l; }
sql "create table t (id int primary key, v text); create table filler (f text); insert into t select g, 'old' from generate_series(1, 100) g"

# ---- the snapshot goes before it is used -----------------------------------------------------------------
mkfifo "$dir/open"
psql "$PG_TEST_URL" -Xq <"$dir/open" >/dev/null 2>&1 &
opened=$!
exec 7>"$dir/open"
echo "set application_name = 'holds it up'; begin; insert into t values (101, 'late');" >&7
wait_for 'a transaction is open' 1 admin "select count(*) from pg_stat_activity where application_name = 'holds it up' and state = 'idle in transaction'"
lines export "$schema.t"
start export 7>&-
wait_for 'the slot is being made' 1 admin "select count(*) from pg_replication_slots where slot_name = '${slot}_export'"
kill -STOP "$flow"
echo 'commit;' >&7
exec 7>&-
wait $opened
wait_for 'it is made' t admin "select confirmed_flush_lsn is not null from pg_replication_slots where slot_name = '${slot}_export'"
admin "select pg_terminate_backend(pid) from pg_stat_activity where backend_type = 'walsender'" >/dev/null
wait_for 'who made it is gone' 0 admin "select count(*) from pg_stat_activity where backend_type = 'walsender'"
sql "update t set v = 'new' where id = 1; delete from t where id = 2; insert into t values (102, 'after')"
kill -CONT "$flow"
wait_for 'all rows come, by snapshot and by stream' '"after"},"late"},"new"},' sh -c "grep -o '\"\(new\|after\|late\)\"}' '$dir/export.jsonl' 2>/dev/null | sort -u | paste -sd, | sed 's/\$/,/'"
wait_for 'and the stream runs' t admin "select active from pg_replication_slots where slot_name = '${slot}_export'"
stop
same 'it was told' 1 "$(grep -c 'the snapshot that the slot was made with is gone' "$dir/export.out")"
[ "$DF_CDC_VERSION" = 18 ] && same 'the slot fails over' t "$(admin "select failover from pg_replication_slots where slot_name = '${slot}_export'")"
forget export

# ---- a publication that was made anew ----------------------------------------------------------------------
lines anew "$schema.t" 'snapshotMode: never'
until_end anew 0
sql "insert into t values (200, 'before')"
admin "drop publication ${slot}_anew"
sql "insert into t values (201, 'published by none')"
admin "create publication ${slot}_anew for table $schema.t"
sql "insert into t values (202, 'after')"
: >"$dir/anew.jsonl"
until_end anew 1
says 'a publication that was made anew ends the run' 'publication.*is younger than the slot'
same 'nothing after the gap came' 0 "$(grep -c after "$dir/anew.jsonl")"
until_end anew 1
forget anew

# ---- silent tables, while others and another database are written to ----------------------------------------
lines silent "$schema.t" 'snapshotMode: never' 'heartbeatIntervalSeconds: 1'
until_end silent 0
start silent
admin 'create database other'
other=${DF_PG/\/postgres\?//other?}
psql "$other" -Xqc "create table filler as select repeat('f', 1000) from generate_series(1, 64000)"
fill 40
wait_for 'the slot follows within 32 MB' t admin "select pg_current_wal_lsn() - confirmed_flush_lsn < 33554432 from pg_replication_slots where slot_name = '${slot}_silent'"
stop
admin 'drop database other'
same 'and nothing came' 0 "$(count silent)"
forget silent

# ---- a lost connection while the sink is held up, then a kill ------------------------------------------------
sql "create table held (id int primary key, v text); create table held_copy (like held including all)"
replica held "$schema.held" "$schema.held_copy"
until_end held 0
mkfifo "$dir/held.lock"
psql "$PG_TEST_URL" -Xq <"$dir/held.lock" >/dev/null &
locker=$!
exec 8>"$dir/held.lock"
echo "begin; lock table held_copy in share mode;" >&8
wait_for 'the sink is held up' 1 admin "select count(*) from pg_locks where relation = '$schema.held_copy'::regclass and granted and mode = 'ShareLock'"
start held 8>&-
wait_for 'it follows the changes' 1 sh -c "grep -c 'reading changes from' '$dir/held.out'"
sql "insert into held select g, 'v' from generate_series(1, 1000) g"
wait_for 'they are read, and not written' t admin "select count(*) > 0 from pg_locks where relation = '$schema.held_copy'::regclass and not granted"
was=$(confirmed held)
admin "select pg_terminate_backend(active_pid) from pg_replication_slots where slot_name = '${slot}_held'" >/dev/null
wait_for 'it reads on after a lost connection' 2 sh -c "grep -c 'reading changes from' '$dir/held.out'"
sleep 1 # its first status is with the server
same 'what no sink has is not confirmed' "$was" "$(confirmed held)"
kill -9 "$flow"
wait "$flow" 2>/dev/null
echo 'rollback;' >&8
exec 8>&-
wait $locker
wait_for 'nobody reads' f admin "select active from pg_replication_slots where slot_name = '${slot}_held'"
until_end held 0
same 'and comes after a kill' 1000 "$(sql 'select count(*) from held_copy')"
forget held

# ---- a slot that is given up during the copy ----------------------------------------------------------------
sql "create table src (id int primary key, v text); create table dst (like src including all); insert into src select g, repeat('s', 500) from generate_series(1, 50000) g"
replica copy "$schema.src" "$schema.dst"
mkfifo "$dir/lock"
psql "$PG_TEST_URL" -Xq <"$dir/lock" >/dev/null &
locker=$!
exec 9>"$dir/lock"
echo "begin; lock table dst in share mode;" >&9 # a stronger one would hold up the slot as well
wait_for 'the sink is held up' 1 admin "select count(*) from pg_locks where relation = '$schema.dst'::regclass and granted and mode = 'ShareLock'"
start copy 9>&-
wait_for 'the tables are being copied' 1 sh -c "grep -c 'reading the table' '$dir/copy.out'"
setting "max_slot_wal_keep_size = '16MB'"
for _ in 1 2 3; do fill 32; admin checkpoint; done
same 'the server gives it up' lost "$(admin "select wal_status from pg_replication_slots where slot_name = '${slot}_copy'")"
begin=$(now)
while kill -0 "$flow" 2>/dev/null && [ $(($(now) - begin)) -lt 60000 ] && ! grep -q 'is lost: the server gave it up' "$dir/copy.out"; do sleep 0.1; done
took=$(($(now) - begin))
if [ $took -lt 10000 ]; then ok "noticed after $took ms"; else bad "noticed after $took ms"; tail -n 3 "$dir/copy.out"; fi
echo 'rollback;' >&9
exec 9>&-
wait $locker
wait "$flow"
same 'the run ends' 1 $?
until_end copy 1
says 'and does not go on' "slot ${slot}_copy is lost"
setting 'max_slot_wal_keep_size = -1'
finish
