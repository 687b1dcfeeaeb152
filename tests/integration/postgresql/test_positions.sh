#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Exactly-once into a table, and what the source is told meanwhile: the slot of postgresql-cdc never
# forgets what the table of positions does not hold; a position is taken by its own source alone.
. "$(dirname "$0")/../pg_cdc_lib.sh"

exact() { # NAME SOURCE: into the table dst, with the positions beside it
    {
        echo "deliveryGuarantee: exactlyOnce"
        "${@:2}"
        echo "sink: {type: postgresql, config: {connectionString: \"\${env:PG_TEST_URL}\", table: $schema.dst, upsertMode: true}}"
    } >"$dir/$1.yaml"
}
stored() { sql "select coalesce(max(position::json ->> 'lastAckedLSN'), 'none') from dataflow_positions where partition = 'stream'"; }
hold() { # another session keeps the flow from moving its positions, until `release`
    mkfifo "$dir/hold"
    psql "$PG_TEST_URL" -Xq <"$dir/hold" >/dev/null &
    holder=$!
    exec 9>"$dir/hold"
    echo "begin; lock table dataflow_positions in exclusive mode;" >&9
    wait_for 'the positions are held' 1 admin "select count(*) from pg_locks where relation = '$schema.dataflow_positions'::regclass and granted and mode = 'ExclusiveLock'"
}
release() {
    echo 'rollback;' >&9
    exec 9>&-
    wait $holder
    rm "$dir/hold"
}
waits() { admin "select count(*) from pg_locks where relation = '$schema.dataflow_positions'::regclass and not granted"; }
# no_gap NAME: the slot is confirmed no further than what is stored
no_gap() { same "$1" t "$(admin "select '$(confirmed eo)'::pg_lsn <= '$(stored)'::pg_lsn")"; }

sql "create table src (id int primary key, v text); create table dst (like src including all);
     create table noise (a text); insert into src select g, 'x' from generate_series(1, 100) g"
exact eo source_of eo "$schema.src" 'heartbeatIntervalSeconds: 1'
start eo
wait_for 'the copy is there' 100 sql 'select count(*) from dst'
streamed() { [ "$(stored)" != none ] && admin "select active from pg_replication_slots where slot_name = '${slot}_eo'"; }
wait_for 'the stream is read' t streamed

# ---- nothing but positions to write, and they cannot be --------------------------------------------
hold
sql "insert into noise select repeat('x', 1000) from generate_series(1, 2000)"
wait_for 'a silent table moves the position' 1 waits
sleep 2.5 # two heartbeats
no_gap 'the slot waits for the table of positions'
kill -9 "$flow" && wait "$flow" 2>/dev/null
release
wait_for 'its connections are gone' f admin "select active from pg_replication_slots where slot_name = '${slot}_eo'"
until_end eo 0
no_gap 'killed there it goes on'
same 'a position alone is written without a new connection' 0 "$(summary retries)"

# ---- the connection is lost while such a commit waits ------------------------------------------------
start eo
wait_for 'the stream is read again' t streamed
hold
sql "insert into noise select repeat('x', 1000) from generate_series(1, 2000)"
wait_for 'again the position waits' 1 waits
cut="select count(pg_terminate_backend(pid)) from pg_locks where relation = '$schema.dataflow_positions'::regclass and not granted"
admin "$cut" >/dev/null
wait_for 'the flow asks what came of it' 1 waits
kill -STOP "$flow" # the answer that it is going to read says what the row holds
before=$(stored)
release
wait_for 'the answer is given' 0 waits
same 'nothing was moved' "$before" "$(stored)"
kill -CONT "$flow"
moved() { admin "select '$(stored)'::pg_lsn > '$before'::pg_lsn"; }
wait_for 'it is written again' t moved
no_gap 'and the slot follows'
sql "update src set v = 'y'"
wait_for 'changes come' 100 sql "select count(*) from dst where v = 'y'"
stop

# ---- whose position it is ----------------------------------------------------------------------------
sql "create table one (id int primary key, v text); insert into one values (1, 'one');
     create table two (id int primary key, v text); insert into two values (1, 'two'), (2, 'two')"
of_table() { echo "source: {type: postgresql, config: {connectionString: \"\${env:PG_TEST_URL}\", table: $1}}"; }
exact polled of_table one
until_end polled 0
sql "alter table dataflow_positions drop column source"
until_end polled 0
same 'a table of positions that is older gets its new column' 1 "$(sql "select count(*) from dataflow_positions where pipeline = 'polled' and source <> ''")"

# ---- a table of positions that is older and belongs to somebody else -----------------------------------
user=${schema}_u
sql "alter table dataflow_positions drop column source; create role $user login password 'u'; grant usage on schema $schema to $user;
     grant select, insert, update, delete on all tables in schema $schema to $user"
of_user() { sed "s|env:PG_TEST_URL}|env:PG_USER_URL}|g" "$dir/polled.yaml" >"$dir/user.yaml"; }
export PG_USER_URL="postgres://$user:u@${PG_TEST_URL#*@}"
of_user
until_end user 1
says 'what its owner has to do' "ALTER TABLE $schema.dataflow_positions ADD COLUMN source text; as postgres, or grant postgres to the user"
timeout 60 dfproc validate --connect "$dir/user.yaml" >"$dir/out" 2>&1
same 'and before a run' '1 1' "$? $(grep -c 'ADD COLUMN source text; as postgres' "$dir/out")"
sql "alter table dataflow_positions add column source text; update dataflow_positions set pipeline = 'user' where pipeline = 'polled'"
until_end user 0
sql "update dataflow_positions set pipeline = 'polled' where pipeline = 'user'"
sql "drop owned by $user; drop role $user"

exact polled of_table two
until_end polled 1
says 'the position of another table is not taken' 'is of a source that reads something else'
same 'and stays' 1 "$(sql "select count(*) from dataflow_positions where pipeline = 'polled' and position like '%1%'")"
exact polled of_table one
sql "insert into one values (3, 'three')"
until_end polled 0
same 'its own source goes on' three "$(sql 'select v from dst where id = 3')"

# ---- what explain says of it ---------------------------------------------------------------------------
explained() { dfproc explain "$dir/$1.yaml" | grep -A 3 'duplicates:' | tr -s ' \n' ' '; }
exact told source_of told "$schema.src"
case $(explained told) in *'none of a record;'*'cut short'*'one that appends has both'*) ok 'a copy that is cut short may overlap' ;; *) bad "explain: $(explained told)" ;; esac
exact told source_of told "$schema.src" 'snapshotMode: never'
case $(explained told) in *'duplicates: none'[!\ ]* | *'none of'*) bad "explain: $(explained told)" ;; *'duplicates: none'*) ok 'without a copy there are none' ;; *) bad 'explain' ;; esac
finish
