#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# The polling source while it runs: tables that change, rows that are committed late, SIGKILL.
. "$(dirname "$0")/../pg_lib.sh"
. "$(dirname "$0")/poll_lib.sh"

# ---- while it runs --------------------------------------------------------------------------------
sql "create table live (id serial primary key, updated_at timestamptz not null default now(), v text);
insert into live (v) values ('one')"
polled live "$(to_file live)" 'table: live' 'pollInterval: 100ms' 'lateCommitWindow: 0'
start live
until_there 20 has_lines live 1
sql "insert into live (v) values ('two'); alter table live add column w int default 7; insert into live (v) values ('three')"
until_there 20 has_lines live 3
sql "alter table live drop column v; insert into live (w) values (8)"
until_there 20 has_lines live 4
sql "alter table live alter column w type text using 'w' || w; insert into live (w) values ('x')"
until_there 20 has_lines live 5
sql "select pg_terminate_backend(pid) from pg_stat_activity where application_name = 'dataflow' and query like '%live%' and pid <> pg_backend_pid()" >/dev/null
sql "insert into live (w) values ('y')"
until_there 30 has_lines live 6
sql "drop table live"
sleep 0.3
sql "create table live (id int primary key, updated_at timestamptz not null default now(), w text); insert into live values (7, now(), 'z')"
until_there 30 has_lines live 7
stop
same 'columns that come and go, a lost connection, a table made anew: each row once' '1 2 3 4 5 6 7 ' "$(ids live)"
same 'with the columns of the time' '["id","updated_at","v"] ["id","updated_at","v","w"] ["id","updated_at","w"] ' \
    "$(jq -c keys_unsorted "$dir/live.out" | uniq | tr '\n' ' ')"

# ---- rows that are committed late -----------------------------------------------------------------
# A takes its time, and in one table its number, before a poll and commits after it; in the second form
# it writes only after the poll, so that its transaction had no number when the poll looked.
late() { # NAME OPTIONS...: into a table of that name, which is read as the options say
    sql "create table $1 (id serial primary key, updated_at timestamptz not null default now(), who text)"
    polled "$1" "$(to_file "$1")" 'pollInterval: 100ms' "${@:2}"
    start "$1"
    coproc A { PGOPTIONS="-c client_min_messages=error" exec psql "$DF_PG" -XqAt -v ON_ERROR_STOP=1; }
    say() { echo "$1" >&"${A[1]}"; read -r -t 20 _ <&"${A[0]}"; }
    say "set search_path to $schema; begin; insert into $1 (who) values ('early') returning id;"
    sql "insert into $1 (who) values ('b1')"
    until_there 20 has_lines "$1" 1
    sql "insert into $1 (who) values ('b2')"
    until_there 20 has_lines "$1" 2
    say "do \$\$ begin insert into $1 (who) values ('sub'); exception when others then null; end \$\$; commit; begin; select now();"
    until_there 20 has_lines "$1" 4
    sql "insert into $1 (who) values ('b3')"
    until_there 20 has_lines "$1" 5
    sleep 0.3
    say "insert into $1 (who) values ('no number') returning id; commit;"
    sql "insert into $1 (who) values ('b4')"
    until_there 20 has_lines "$1" 7
    sleep 0.5
    if [ "$1" != by_query ]; then
        stop KILL
        start "$1"
    fi
    sql "insert into $1 (who) values ('b5')"
    until_there 20 has_lines "$1" 8
    sleep 0.3
    stop
    eval "exec ${A[1]}>&-"
    wait "$A_PID" 2>/dev/null
    same "late commits ($1): all there, once each" "b1 b2 b3 b4 b5 early no number sub " "$(jq -r .who "$dir/$1.out" | sort | tr '\n' ' ')"
}
late by_time 'table: by_time'
late by_number 'table: by_number' 'orderByColumn: id' 'changeTrackingColumn: id'
late by_query 'query: select * from by_query' 'changeTrackingColumn: updated_at' 'lateCommitWindow: 5s'

# ---- an hour that comes twice ----------------------------------------------------------------------
# Local times west of UTC, without a zone: when daylight-saving time ends they go back by an hour.
local_time() { # NAME OPTIONS...
    sql "create table $1 (id serial primary key, updated_at timestamp not null, v text)"
    sql "insert into $1 (updated_at, v) values ((now() at time zone 'UTC') - interval '4 h', 'summer')"
    polled "$1" "$(to_file "$1")" 'pollInterval: 100ms' "${@:2}"
    start "$1"
    until_there 20 has_lines "$1" 1
    sql "insert into $1 (updated_at, v) values ((now() at time zone 'UTC') - interval '5 h', 'winter')"
    until_there 20 has_lines "$1" 2
    [ "$1" = dst_query ] || { stop KILL; start "$1"; }
    sql "update $1 set updated_at = (now() at time zone 'UTC') - interval '5 h', v = 'again' where id = 1"
    until_there 20 has_lines "$1" 3
    sleep 0.5
    stop
    same "the second of two equal hours ($1)" 'summer winter again ' "$(jq -r .v "$dir/$1.out" | awk '!seen[$0]++' | tr '\n' ' ')"
}
local_time dst 'table: dst'
local_time dst_query 'query: select * from dst_query' 'changeTrackingColumn: updated_at' 'lateCommitWindow: 65m'

# ---- rows that come anywhere ----------------------------------------------------------------------
# A row without a change time, or a uuid as the only key: the next one may have any key.
sql "create table anywhere (id uuid primary key, updated_at timestamptz, v text);
create table by_uuid (id uuid primary key, v text);
insert into anywhere select gen_random_uuid(), case when g % 2 = 0 then now() end, 'a' || g from generate_series(1, 20) g;
insert into by_uuid select gen_random_uuid(), 'a' || g from generate_series(1, 20) g"
polled anywhere "$(to_file anywhere)" 'table: anywhere' 'pollInterval: 100ms'
polled by_uuid "$(to_file by_uuid)" 'table: by_uuid' 'pollInterval: 100ms'
start by_uuid
uuids=$pid
start anywhere
until_there 20 has_lines anywhere 20
sql "insert into anywhere select gen_random_uuid(), null, 'b' || g from generate_series(1, 20) g"
until_there 20 has_lines anywhere 40
sql "update anywhere set updated_at = null, v = v || ' untimed' where updated_at is not null"
until_there 20 has_lines anywhere 50
sql "update anywhere set updated_at = now(), v = v || ' timed' where v like '% untimed'"
until_there 20 has_lines anywhere 60
stop
same 'rows without a time: new, losing it, getting it again' '40 10 10 ' \
    "$(jq -r .v "$dir/anywhere.out" | sed 's/^a[0-9]*$/a/;s/^b.*/a/;s/^a[0-9]* //' | sort | uniq -c | awk '{printf "%s ", $1}')"
pid=$uuids
until_there 20 has_lines by_uuid 20
sql "insert into by_uuid select gen_random_uuid(), 'b' || g from generate_series(1, 20) g"
until_there 20 has_lines by_uuid 40
stop
same 'a uuid alone: each row once' 40 "$(jq -r .v "$dir/by_uuid.out" | sort -u | wc -l)"
grep -q "id (uuid) may be anywhere, so each poll looks through all rows" "$dir/by_uuid.log" && ok '  and it is told what it costs' || bad 'no warning of a uuid'

# ---- a transaction that was prepared before the first poll ------------------------------------------
if [ "$(sql 'show max_prepared_transactions')" != 0 ]; then
    sql "create table prepared (id int primary key, updated_at timestamptz not null, v text); insert into prepared values (2, now(), 'b')"
    sql "begin; insert into prepared values (1, now() - interval '1 hour', 'a'); prepare transaction '$schema'"
    polled prepared "$(to_file prepared)" 'table: prepared' 'pollInterval: 100ms'
    start prepared
    until_there 20 has_lines prepared 1
    sleep 0.5
    sql "commit prepared '$schema'"
    until_there 20 has_lines prepared 2
    stop
    same 'a prepared transaction from before the first poll' '2 1 ' "$(ids prepared)"
fi

# ---- killed in the middle -------------------------------------------------------------------------
sql "create table many (id bigserial primary key, updated_at timestamptz not null default clock_timestamp(), v text);
insert into many (v) select repeat('x', 100) from generate_series(1, 60000)"
polled many "$(to_file many)" 'table: many' 'readBatchSize: 2000' 'pollInterval: 100ms'
for lines in 1 15000 40000; do
    start many
    until_there 20 has_lines many $lines
    stop KILL
done
once many
same 'killed three times: nothing is lost' 60000 "$(jq -r .id "$dir/many.out" | sort -nu | wc -l)"
polled cut "$(to_file cut)" 'table: many' 'pollInterval: 100ms'
start cut
until_there 20 has_lines cut 1
sql "select pg_terminate_backend(pid) from pg_stat_activity where query like 'COPY%$schema%' or query like 'COPY%many%' and pid <> pg_backend_pid()" >/dev/null
until_there 30 has_lines cut 60000
stop
same 'a connection that is lost while rows come: each row once' '60000 60000' "$(wc -l <"$dir/cut.out") $(jq -r .id "$dir/cut.out" | sort -nu | wc -l)"
twice=$(($(wc -l <"$dir/many.out") - 60000))
if [ $twice -le 120000 ]; then ok "  and $twice came twice"; else bad "$twice came twice"; fi
finish
