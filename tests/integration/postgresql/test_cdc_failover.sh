#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# ctest: timeout=300
# postgresql-cdc when a PostgreSQL 18 is gone and its standby is promoted: the slot was made to fail over, so
# the flow goes on there; a slot that did not get there ends the run with both places.
here=$(cd "$(dirname "$0")" && pwd)
bed=$here/../../bed/postgresql
own=$(mktemp -d)
: "${DF_PG:?a PostgreSQL is needed: tests/bed/with-servers $0}"
data_of() { (eval "$("$bed" env --dir "$own/$1")" && echo "$DF_PG_DATA"); }
for server in first second; do "$bed" start --version 18 --dir "$own/$server" --parent $$ >/dev/null || exit 1; done
eval "$("$bed" env --dir "$own/second")" && second=$DF_PG
eval "$("$bed" env --dir "$own/first")" && export DF_PG
. "$here/../pg_cdc_lib.sh"
trap '[ "$BASHPID" = $$ ] && { tidy 2>/dev/null; rm -rf "$dir"; for server in first second; do "$bed" stop --dir "$own/$server"; done; rm -rf "$own"; }' EXIT
there() { psql "$second" -XqAt -v ON_ERROR_STOP=1 -c "set search_path to $schema" -c "$1"; }

# ---- a standby: a copy of the data that goes on from the first ----------------------------------------------
sql "create table t (id int primary key, v text); insert into t select g, 'old' from generate_series(1, 100) g"
admin "select pg_create_physical_replication_slot('standby', true)" >/dev/null
for server in first second; do "$bed" kill --dir "$own/$server"; done
data=$(data_of second)
cp -a "$data/postgresql.conf" "$own/conf"
rm -rf "${data:?}" && cp -a "$(data_of first)" "$data" && cp -a "$own/conf" "$data/postgresql.conf"
rm -f "$data/postmaster.pid" && rm -rf "$data/pg_replslot/standby"
cat >>"$data/postgresql.conf" <<END
primary_conninfo = '$DF_PG'
primary_slot_name = 'standby'
hot_standby_feedback = on
sync_replication_slots = on
END
touch "$data/standby.signal"
"$bed" restart --dir "$own/first"
"$bed" restart --dir "$own/second"
admin "alter system set synchronized_standby_slots = 'standby'" # nobody reads what the standby does not have
admin "select pg_reload_conf()" >/dev/null

# ---- the first is gone ------------------------------------------------------------------------------------------
lines synced "$schema.t"
lines left "$schema.t" 'snapshotMode: never'
until_end left 0
start synced
wait_for 'the slot is on the standby' t there "select synced and not temporary from pg_replication_slots where slot_name = '${slot}_synced'"
sql "insert into t values (101, 'read there')"
count() { cat "$dir/$1.jsonl" | wc -l; }
wait_for 'the flow reads' 101 count synced
sql "insert into t select g, 'on its way' from generate_series(102, 1101) g"
wait_for 'the standby has it' 1101 there 'select count(*) from t'
kill -9 "$flow" && wait "$flow" 2>/dev/null
"$bed" kill --dir "$own/first"
there 'select pg_promote()' >/dev/null
wait_for 'it is promoted' f there 'select pg_is_in_recovery()'
there "insert into t values (2000, 'after')"
DF_PG=$second
export PG_TEST_URL="$second&options=-csearch_path%3D$schema"
until_end synced 0
says 'another timeline is told' 'a standby was promoted'
same 'nothing is lost' "$({ seq 1101; echo 2000; } | md5sum)" "$(sed 's/.*{"id":\([0-9]*\).*/\1/' "$dir/synced.jsonl" | sort -nu | md5sum)"
there "select pg_drop_replication_slot(slot_name) from pg_replication_slots where slot_name = '${slot}_left'" >/dev/null
until_end left 1
says 'a slot that did not get there ends the run' "slot ${slot}_left is gone; the stored position is"
forget synced
finish
