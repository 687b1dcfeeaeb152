#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# ctest: timeout=600
# postgresql-cdc against a PostgreSQL 18 of its own: what may happen to a slot and to its server. A slot
# that the server gives up, the making of one that is cut, another server, a standby that is promoted,
# a backup that is restored. Then the operations of test_cdc.sh on this version.
here=$(cd "$(dirname "$0")" && pwd)
bed=$here/../../bed/postgresql
own=$(mktemp -d)
first=${DF_PG:?a PostgreSQL is needed: tests/bed/with-servers $0}
"$bed" start --version 18 --dir "$own/pg" --parent $$ --conf max_wal_size=64MB --conf min_wal_size=32MB >/dev/null || exit 1
eval "$("$bed" env --dir "$own/pg")"
export DF_PG
. "$here/../pg_cdc_lib.sh"
trap '[ "$BASHPID" = $$ ] && { tidy 2>/dev/null; rm -rf "$dir"; "$bed" stop --dir "$own/pg"; rm -rf "$own"; }' EXIT
setting() { admin "alter system set $1"; admin "select pg_reload_conf()" >/dev/null; }
fill() { # MiB of log of another table
    for _ in $(seq "$1"); do echo "insert into filler select repeat('f', 1000) from generate_series(1, 1000);"; done | psql "$PG_TEST_URL" -Xq
}
said() { grep -c "$1" "$dir/$2.out" | sed 's/[1-9].*/yes/'; }
sql "create table t (id int primary key, v text); create table filler (f text); insert into t select g, 'old' from generate_series(1, 100) g"

# ---- the making of a slot is cut -----------------------------------------------------------------------
mkfifo "$dir/open"
psql "$PG_TEST_URL" -Xq <"$dir/open" >/dev/null 2>&1 &
opened=$!
exec 7>"$dir/open"
echo "set application_name = 'holds it up'; begin; insert into t values (101, 'late');" >&7
wait_for 'a transaction is open' 1 admin "select count(*) from pg_stat_activity where application_name = 'holds it up' and state = 'idle in transaction'"
lines cut "$schema.t" 'slotTimeout: 500ms'
start cut 7>&-
wait_for 'who holds the slot up is named' yes said 'process [0-9]* (holds it up, idle in transaction' cut
stop
wait_for 'no slot is left' 0 admin "select count(*) from pg_replication_slots"
sed -i '/slotTimeout/d' "$dir/cut.yaml"
start cut 7>&-
wait_for 'the slot is being made' 1 admin "select count(*) from pg_replication_slots where slot_name = '${slot}_cut'"
kill -9 "$flow" && wait "$flow" 2>/dev/null
start cut 7>&-
wait_for 'who makes it still is named' yes said 'is in use by process' cut
echo 'commit;' >&7
exec 7>&-
wait $opened
count() { cat "$dir/$1.jsonl" 2>/dev/null | wc -l; }
wait_for 'then the rows come, the late one too' 101 count cut
same 'one slot is there' 1 "$(admin "select count(*) from pg_replication_slots where slot_name like '${slot}%'")"
for round in 1 2; do
    admin "select pg_terminate_backend(active_pid) from pg_replication_slots where slot_name = '${slot}_cut'" >/dev/null
    sql "insert into t values (110 + $round, 'after')"
    wait_for "it goes on after a lost connection, $round" $((101 + round)) count cut
done
same 'each row once' '' "$(sort "$dir/cut.jsonl" | uniq -d)"

# ---- a standby that is promoted goes on; another server does not ------------------------------------------
stop
sql "insert into t values (102, 'before the promotion')"
touch "$DF_PG_DATA/standby.signal"
"$bed" restart --dir "$own/pg"
admin "select pg_promote()" >/dev/null
until_end cut 0
says 'another timeline is told' 'now on timeline 2\|the server is on timeline 2'
same 'and nothing is lost' '{"id":102,"v":"before the promotion"}' "$(tail -n 1 "$dir/cut.jsonl")"
psql "$first" -Xqc "create schema $schema" -c "create table $schema.t (id int primary key, v text)"
PG_TEST_URL=$first until_end cut 1
says 'another server is told' "the stored position is of the system .*, this server is"
same 'and nothing was made there' 0 "$(psql "$first" -XAtc "select count(*) from pg_publication where pubname like '$slot%'")"
psql "$first" -Xqc "drop schema $schema cascade"

# ---- a backup that is restored --------------------------------------------------------------------------------
"$bed" kill --dir "$own/pg"
cp -a "$DF_PG_DATA" "$own/backup"
"$bed" restart --dir "$own/pg"
sql "insert into t select g, repeat('x', 500) from generate_series(200, 4000) g"
until_end cut 0
restore() {
    "$bed" kill --dir "$own/pg"
    rm -rf "${DF_PG_DATA:?}" && cp -a "$own/backup" "$DF_PG_DATA"
    "$@"
    "$bed" restart --dir "$own/pg"
}
restore true
until_end cut 1
says 'a position beyond the log is told' 'the stored position .* is beyond the end of the server.s log'
restore touch "$DF_PG_DATA/standby.signal"
admin "select pg_promote()" >/dev/null
fill 8
until_end cut 1
says 'so is one of a history that was left' 'of timeline 2, which this server, now on timeline 3, left at'
drop() { timeout --foreground 20 dfproc slot drop "$dir/$1.yaml" >"$dir/out" 2>&1; }
drop cut
until_end cut 1
says 'a slot that is gone is told with both places' 'is gone; the stored position is .*, the server.s log ends at'

# ---- a slot that the server gives up ------------------------------------------------------------------------
lines limit "$schema.t" 'snapshotMode: never'
until_end limit 0
fill 160
held=$(admin "select (pg_current_wal_lsn() - restart_lsn)::bigint / 1048576 from pg_replication_slots where slot_name = '${slot}_limit'")
# A segment (16 MB) above what is held, so that no checkpoint takes the slot, and below a quarter of it.
setting "max_slot_wal_keep_size = '$((held + 20))MB'"
until_end limit 0
same 'a slot that is near its limit is read' 0 "$(grep -c 'is lost' "$dir/out")"
says 'and a warning says so' "slot ${slot}_limit is about to be lost: it holds [0-9]* bytes of log, -\?[0-9]* more"
sql "insert into t values (5000, 'lost')"
setting "max_slot_wal_keep_size = '16MB'"
for _ in 1 2 3; do fill 32; admin checkpoint; done
same 'the server gives it up' lost "$(admin "select wal_status from pg_replication_slots where slot_name = '${slot}_limit'")"
until_end limit 1
says 'a slot that is lost ends the run with its reason' "slot ${slot}_limit is lost: the server gave it up, because of wal_removed (it was confirmed up to"
setting 'max_slot_wal_keep_size = -1'

# ---- what test_cdc.sh does, on this version -------------------------------------------------------------------
bash "$here/test_cdc.sh" >"$dir/out" 2>&1 && ok 'operations, values and a replica on PostgreSQL 18' || { bad 'test_cdc.sh on PostgreSQL 18'; grep -v '^ok' "$dir/out"; }
finish
