#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# ctest: timeout=300
# What is read of a table, at first and again: the rows that are its own, all of them, whatever changes beside it: its
# key, the row that is read, its schema.
. "$(dirname "$0")/../pg_cdc_lib.sh"
role=${slot}_role other=${schema}_other
trap '[ "$BASHPID" = $$ ] && { tidy; psql "$DF_PG" -Xqc "drop schema if exists $other cascade" -c "drop owned by $role" -c "drop role $role"; leave; }' EXIT

difference() { sql "select count(*) from ((table $1 except all table $2) union all (table $2 except all table $1)) d"; }
again() { dfproc snapshot "$dir/$1.yaml" --table "$schema.$2" >"$dir/out" 2>&1 || bad "asking for $2: $(cat "$dir/out")"; }
times_read() { grep -c "read the table $schema.$1 again" "$dir/$1.out"; }
reads() { wait_for "$1 is read" 1 grep -c 'reading changes from' "$dir/$1.out"; }

# ---- a table that others inherit from -------------------------------------------------------------------------
# Rows of a child are changes of the child in the stream: they are none of the parent's.
sql "create table parent (id int primary key, v text); create table child (primary key (id)) inherits (parent);
     create table parent_copy (id int primary key, v text);
     insert into parent values (1, 'parent'); insert into child values (1, 'child'), (2, 'child')"
replica parent "$schema.parent" "$schema.parent_copy"
until_end parent 0
rows() { sql "select string_agg(id || ' ' || v, ', ' order by id) from parent_copy"; }
same 'at first without the rows of its children' '1 parent' "$(rows)"
again parent parent
until_end parent 0
says '  again' 'parent again: 1 rows'
same '  as well' '1 parent' "$(rows)"
forget parent

# ---- rows that a policy hides ---------------------------------------------------------------------------------
# The stream has them, so that a snapshot without them would be one with rows missing.
sql "create table hidden (id int primary key, v int); insert into hidden select g, g from generate_series(1, 10) g;
     create table hidden_copy (like hidden including all); create role $role replication;
     grant usage, create on schema $schema to $role; grant select on hidden to $role; grant all on hidden_copy to $role;
     alter table hidden enable row level security; create policy few on hidden using (id < 4)"
replica hidden "$schema.hidden" "$schema.hidden_copy"
admin "create publication ${slot}_hidden for table $schema.hidden with (publish_via_partition_root = true)"
admin_url=$PG_TEST_URL
PG_TEST_URL="$PG_TEST_URL%20-crole%3D$role"
until_end hidden 1
says 'rows that a policy hides are not passed over' 'row-level security policy'
admin "alter role $role bypassrls"
until_end hidden 0
same '  with the right to see them all are there' 0 "$(difference hidden hidden_copy)"
forget hidden
PG_TEST_URL=$admin_url

# ---- another key ----------------------------------------------------------------------------------------------
# What is stored is a value of the old one; the new one has the rows in another order.
sql "create table keyed (id int primary key, n int not null unique); create table keyed_copy (like keyed including all);
     insert into keyed select g, 6001 - g from generate_series(1, 6000) g;
     create function held() returns trigger language plpgsql as
         'begin perform pg_advisory_xact_lock_shared(4711); return new; end';
     create trigger held before insert or update on keyed_copy for each row when (new.id = 3000) execute function held()"
replica keyed "$schema.keyed" "$schema.keyed_copy"
until_end keyed 0
sql "truncate keyed_copy"
psql "$DF_PG" -Xq -c 'select pg_advisory_lock(4711)' -c "select pg_sleep(600) -- $schema" >/dev/null 2>&1 &
holder=$!
wait_for 'a lock that holds the sink up' 1 admin "select count(*) from pg_locks where locktype = 'advisory' and objid = 4711 and granted"
start keyed
reads keyed
again keyed keyed
stored() { grep -rlq '"againAfter' "$dir/state" && echo yes; }
wait_for 'a part of the table is read again and stored' yes stored
kill -9 "$flow" && wait "$flow" 2>/dev/null
admin "select pg_terminate_backend(pid) from pg_locks where locktype = 'advisory' and objid = 4711 and not granted" >/dev/null
admin "select pg_terminate_backend(pid) from pg_stat_activity where query = 'select pg_sleep(600) -- $schema'" >/dev/null
wait "$holder" 2>/dev/null
sql "alter table keyed drop constraint keyed_pkey, add primary key (n)"
until_end keyed 0
says 'a key that changes: from the beginning' 'keyed again: 6000 rows'
same '  no row is left out' 0 "$(difference keyed keyed_copy)"
forget keyed

# ---- a row that is changed all the time ------------------------------------------------------------------------
# Each change leaves its large value alone, which is not sent then: the row is added when nobody changed it meanwhile.
sql "create table hot (id int primary key, v int, doc text); alter table hot alter doc set storage external;
     create table hot_copy (like hot including all); create table enough ();
     insert into hot select g, 0, repeat('d', 2500) from generate_series(1, 9000) g"
replica hot "$schema.hot" "$schema.hot_copy"
until_end hot 0
sql "delete from hot_copy where id % 2 = 0"
sed -i 's/^spec:/spec:\n  memoryLimit: 2Gi/' "$dir/hot.yaml" # a part of it is 8,192 rows, which takes the time of a hundred changes
start hot
reads hot
(sql "do \$\$ begin while to_regclass('enough') is not null loop update hot set v = v + 1 where id = 500; commit; perform pg_sleep(0.001); end loop; end \$\$") &
writer=$!
changing() { sql "select (v > 10)::int from hot where id = 500"; }
wait_for 'a row is changed all the time' 1 changing
again hot hot
wait_for '  its table is read to its end' 1 times_read hot
sql "drop table enough"
wait "$writer"
wait_for '  equal' 0 difference hot hot_copy
stop

# ---- rows that take their time, and a row that cannot be read -------------------------------------------------------
# A user's statement_timeout is for other statements; what the server refuses among the rows is told.
sql "create table slow (id int, doc text); alter table slow replica identity full;
     insert into slow select g, 'a row that takes its time' from generate_series(1, 300) g;
     create table part (id int primary key, v int); insert into part values (1, 1), (2, 0)"
lines slow "$schema.slow"
admin "create publication ${slot}_slow for table $schema.slow where (length(repeat(doc, 100000)) > 0)"
PG_TEST_URL="$PG_TEST_URL%20-cstatement_timeout%3D500"
[ "$(admin 'show server_version_num')" -ge 170000 ] && PG_TEST_URL="$PG_TEST_URL%20-ctransaction_timeout%3D500"
until_end slow 0
same 'a table is copied for longer than statement_timeout' 300 "$(wc -l <"$dir/slow.jsonl")"
PG_TEST_URL=$admin_url
forget slow
lines part "$schema.part" 'snapshotMode: never'
admin "create publication ${slot}_part for table $schema.part where (100 / v > 0)"
start part
reads part
again part part
wait_for 'a row that cannot be read is told' 1 grep -c 'part cannot be read again just now.*a row of it' "$dir/part.out"
stop

# ---- a table that goes with its schema --------------------------------------------------------------------------
admin "create schema $other"
admin "create table $other.t (id int primary key)"
lines other "$other.t"
start other
reads other
admin "begin; drop schema $other cascade;
       select pg_logical_emit_message(true, 'dataflow.snapshot', '[\"${slot}_other\",\"table\",\"$other.t\"]'); commit" >/dev/null
wait_for 'a table whose schema was dropped is left' 1 grep -c 'is not read again: it was dropped' "$dir/other.out"
stop
finish
