#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# A replica at its edges: updates of rows that are not there, moves that the table refuses, tables that
# are made when nothing is a row.
. "$(dirname "$0")/../pg_cdc_lib.sh"

to() { # NAME "option: value lines": rows of src by key into the table NAME
    echo "sink:"
    echo "  type: postgresql"
    echo "  config:"
    printf '    %s\n' "connectionString: \${env:PG_TEST_URL}" "table: $1" 'upsertMode: true' "${@:2}"
}
errors_of() { echo "errors: {type: stdio, config: {path: $dir/$1.errors}}"; }
counts() { # FIELD...
    local field
    for field in "$@"; do printf '%s ' "$field=$(summary "$field")"; done
}
left() { counts left_out sent errored; }

# ---- an update whose row is not there and whose value was not sent -------------------------------------
sql "create table src (id int primary key, v int, doc text not null); alter table src alter doc set storage external;
     create table gone (like src including all, check (v < 100));
     insert into src select g, 0, repeat('d', 3000) from generate_series(1, 10) g"
{ source_of g "$schema.src" 'snapshotMode: never' && to gone && errors_of g; } >"$dir/g.yaml"
until_end g 0
sql "update src set v = 1 where id = 1"
until_end g 0
same 'it is left out and counted' 'left_out=1 sent=0 errored=0 ' "$(left)"
says 'and told' 'whose row is not in the table are left out'
sql "update src set v = 2 where id <= 4"
until_end g 0
same 'several of them' 'left_out=4 sent=0 errored=0 ' "$(left)"
sql "begin; insert into src values (11, 1, 'new'); update src set v = 3 where id = 1; update src set v = 4 where id = 1; update src set v = 5 where id = 11; commit"
until_end g 0
same 'among others, twice the same' 'left_out=2 sent=2 errored=0 ' "$(left)"
same '  which are written' '11 5' "$(sql "select id || ' ' || v from gone")"
sql "begin; update src set v = 6 where id = 2; insert into src values (12, 100, 'no'), (13, 7, 'yes'); update src set v = 8 where id = 13; commit"
until_end g 0
same 'row by row, beside a refused one' 'left_out=1 sent=2 errored=1 ' "$(left)"
same '  the others are written' '11 5,13 8' "$(sql "select string_agg(id || ' ' || v, ',' order by id) from gone")"
sql "begin; update src set v = 9 where id = 3; truncate src; insert into src values (1, 1, repeat('e', 3000)); update src set v = 10 where id = 1; commit"
until_end g 0
same 'before a truncation' 'left_out=1 sent=3 errored=0 ' "$(left)"
same '  what follows it has its row' '1 10' "$(sql "select id || ' ' || v from gone")"
forget g

# ---- a move that the table refuses ------------------------------------------------------------------------
sql "create table moved (id int primary key, v int, doc text not null); alter table moved alter doc set storage external;
     create table moved_copy (like moved including all, check (id < 1000), check (v < 100));
     insert into moved select g, 0, repeat('d', 3000) from generate_series(1, 40) g"
{ source_of m "$schema.moved" && to moved_copy && errors_of m; } >"$dir/m.yaml"
until_end m 0
metric() { curl -s -m 5 "$(grep -o 'http://[^/ "]*' "$dir/m.out" | head -n 1)/metrics" | awk -v name="$1" '$1 ~ "^" name "[{]" {print int($NF)}'; }
dfproc run "$dir/m.yaml" --metrics-port 127.0.0.1:0 >>"$dir/m.out" 2>&1 &
flow=$!
flows+=("$flow")
last() { sql "select v from moved_copy where id = 40"; }
sql "begin; update moved set v = 1 where id = 1; update moved set id = 2000 where id = 2; update moved set v = 1 where id = 40; commit"
wait_for 'the rows around it are written' 1 last
same 'it is refused' 1 "$(grep -c moved_copy "$dir/m.errors")"
same '  its row is as it was' '2 0' "$(sql "select id || ' ' || v from moved_copy where id = 2")"
before=$(metric dataflow_postgresql_row_mode_total)
sql "begin; update moved set v = 4 where id < 20; update moved set id = 3000 where id = 21; update moved set id = 31 + 1000 where id = 22; update moved set id = 50 where id = 23; update moved set v = 4 where id = 40; commit"
wait_for 'moves among others' 4 last
same '  those that are refused, and no other' '3 50' "$(grep -c . "$dir/m.errors") $(sql 'select max(id) from moved_copy')"
same '  are found row by row, in one try' 1 "$(($(metric dataflow_postgresql_row_mode_total) - before))"
before=$(metric dataflow_postgresql_row_mode_total)
sql "begin; update moved set v = 100 + id where id between 3 and 30; update moved set v = 2 where id = 40; commit"
wait_for 'rows that are refused later' 2 last
wait_for '  all of them' 28 grep -c . "$dir/m.errors"
same '  are found row by row, in one try' 1 "$(($(metric dataflow_postgresql_row_mode_total) - before))"
sql "begin; update moved set id = 60, v = 200 where id = 32; update moved set v = 6 where id = 40; commit"
wait_for 'a row that is refused under its new key' 6 last
same '  is an error record, and stays under the old one' '29 32' "$(grep -c . "$dir/m.errors") $(sql 'select id from moved_copy where id in (32, 60)')"
stop
forget m

# ---- tables that are made -----------------------------------------------------------------------------------
sql "create table keys (id int primary key, doc text); alter table keys alter doc set storage external;
     insert into keys values (1, repeat('d', 3000))"
{ source_of k "$schema.keys" 'snapshotMode: never' && to made 'autoCreateTable: true' 'softDeleteColumn: gone' && errors_of k; } >"$dir/k.yaml"
until_end k 0
start k
wait_for 'the flow runs' t admin "select active from pg_replication_slots where slot_name = '${slot}_k'"
sql "begin; update keys set id = 2; truncate keys; commit"
wait_for 'nothing of the first batch is a row' 1 sh -c "grep -c . '$dir/k.errors'"
sql "insert into keys values (3, 'x')"
wait_for 'the rows after it are committed' 3 sql "select id from made" 2>"$dir/waiting"
stop
forget k

sql "create table cut (id int primary key)"
stored() { sql "select coalesce(max(position::json ->> 'lastAckedLSN'), '0/0') from dataflow_positions where partition = 'stream'"; }
{ echo 'deliveryGuarantee: exactlyOnce' && source_of c "$schema.cut" && to cut_copy 'autoCreateTable: true'; } >"$dir/c.yaml"
until_end c 0
sql "truncate cut"
until_end c 0
same 'the slot is confirmed no further than what is stored' t "$(admin "select '$(confirmed c)'::pg_lsn <= '$(stored)'::pg_lsn")"
sql "insert into cut values (1)"
until_end c 0
same 'a run goes on after truncations alone' 1 "$(sql 'select count(*) from cut_copy')"
sql "drop table cut_copy; truncate cut"
until_end c 0
sql "insert into cut values (2)"
until_end c 0
same 'also where the table was there before' 2 "$(sql 'select id from cut_copy')"
forget c

{
    echo 'deliveryGuarantee: exactlyOnce'
    echo "source: {type: stdio, config: {path: $dir/none.jsonl}}"
    to none 'autoCreateTable: true'
    errors_of none
} >"$dir/none.yaml"
printf '1\n2\n' >"$dir/none.jsonl"
until_end none 0
same 'records that make no table are refused' 'left_out=0 sent=0 errored=2 ' "$(left)"
printf '{"id":1}\n' >>"$dir/none.jsonl"
until_end none 0
same '  and the run goes on behind them' 1 "$(sql 'select count(*) from none')"
finish
