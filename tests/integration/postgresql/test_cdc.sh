#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# ctest: timeout=600
# postgresql-cdc: operations and values; a replica that stays exact while writers run and the flow is
# killed; what the slot confirms, and when the flow must not go on.
. "$(dirname "$0")/../pg_cdc_lib.sh"

# ---- operations, in order -------------------------------------------------------------------------
sql "create table t (id int primary key, name text, doc text);
     alter table t alter doc set storage external;
     insert into t select g, 'n' || g, null from generate_series(1, 3) g"
lines ops "$schema.t"
until_end ops 0
same 'snapshot' '{"id":1,"name":"n1","doc":null}
{"id":2,"name":"n2","doc":null}
{"id":3,"name":"n3","doc":null}' "$(cat "$dir/ops.jsonl")"
sql "insert into t values (4, 'n4', repeat('x', 5000))"
sql "begin; update t set name = 'one' where id = 1; update t set name = 'four' where id = 4;
     update t set id = 5 where id = 2; delete from t where id = 3; commit"
sql "begin; insert into t values (9, 'undone', ''); rollback"
sql "begin; savepoint s; insert into t values (8, 'undone', ''); rollback to s; insert into t values (7, 'kept', ''); commit"
sql "alter table t add column extra int default 5; update t set extra = 6 where id = 7"
sql "alter table t rename name to title; alter table t drop column doc; insert into t values (10, 'ten', 1)"
sql "truncate t"
sql "insert into t values (11, 'last', 1)"
: >"$dir/ops.jsonl"
until_end ops 0
same 'changes' '{"id":4,"name":"n4","doc":"LONG"}
{"id":1,"name":"one","doc":null}
{"id":4,"name":"four"}
{"id":2}
{"id":5,"name":"n2","doc":null}
{"id":3}
{"id":7,"name":"kept","doc":""}
{"id":7,"name":"kept","doc":"","extra":6}
{"id":10,"title":"ten","extra":1}
{}
{"id":11,"title":"last","extra":1}' "$(sed 's/"x\{5000\}"/"LONG"/' "$dir/ops.jsonl")"
until_end ops 0
same 'nothing comes twice' 11 "$(wc -l <"$dir/ops.jsonl")"

# ---- the same value by snapshot and by stream, in Debezium's envelope -------------------------------
sql "create type mood as enum ('sad', 'it''s \"fine\"'); create domain small as int check (value < 100);
     create type pair as (a int, b text)"
sql "create table v (id int primary key, o bool, s int2, l int8, r real, d float8, n numeric, m numeric(40, 5),
     t text, c char(5), vc varchar(9), b bytea, da date, ti time, tz timetz, ts timestamp, tt timestamptz, iv interval,
     u uuid, j json, jb jsonb, e mood, ea mood[], sm small, p pair, ia int[], i2 int[], ta text[], bx box[],
     bi bit(3), vb varbit, mo money, ip inet, ra int4range, x xml, na name)"
row="true, -32768, 9223372036854775807, 1.1, 'NaN', 'NaN', 1234567890123456789012345678901234.50000,
     E'tab\\t, line\\n, \\\\N, é', 'ab', 'x', '\\x00ff', '4713-01-01 BC', '24:00', '12:00+02', 'infinity',
     '15000-01-01 00:00:00.000001+02', '1 mon -3 days 04:05:06.789', 'A0EEBC99-9C0B-4EF8-BB6D-6BB9BD380A11',
     '{\"a\" : 1.50, \"a\":2}', '{\"b\":[1e400,null]}', 'sad', '{sad,\"it''s \\\"fine\\\"\"}', 7, '(1,\"x y\")',
     '{1,NULL,3}', '{{1,2},{3,4}}', '{a,\"b \\\"c\\\"\",NULL,\"\",\"NULL\"}', '{(1,2),(3,4);(5,6),(7,8)}', '101',
     '10111', '12.34', '10.0.0.1/8', '[1,5)', '<a>1</a>', 'name'"
nulls="null$(printf ', null%.0s' $(seq 34))"
low="false, 0, -1, '-Infinity', 1e-300, -0.00, null, '', '', '', '', '-infinity', '00:00:00.000001', '23:59-15',
     '0001-01-01 BC', '-infinity', '0', null, '[]', '\"\"', null, '{}', null, '(,)', '{}', '[2:3]={1,2}', '{}', '{}',
     '000', '', '-1', '::1', 'empty', '', ''"
sql "insert into v values (1, $row), (2, $nulls), (3, $low)"
lines values "$schema.v" 'envelopeFormat: debezium'
until_end values 0
sql "begin; delete from v where id > 0; insert into v values (1, $row), (2, $nulls), (3, $low); commit"
sql "update v set o = o"
until_end values 0
after() { grep "\"op\":\"$1\"" "$dir/values.jsonl" | sed 's/.*"after":\(.*\),"source":.*/\1/'; }
same 'three rows by snapshot' 3 "$(after r | wc -l)"
same 'the same values by insert' "$(after r)" "$(after c)"
same 'the same values by update' "$(after r)" "$(after u)"
same 'deletes have the key' '{"id":1}{"id":2}{"id":3}' \
    "$(grep '"op":"d"' "$dir/values.jsonl" | sed 's/.*"before":\(.*\),"after":null.*/\1/' | tr -d '\n')"
same 'where each came from' '"schema":"SCHEMA","table":"v"' \
    "$(grep -o '"schema":"[a-z0-9_]*","table":"v"' "$dir/values.jsonl" | sed "s/$schema/SCHEMA/" | sort -u)"
same 'one transaction, one number' 1 "$(grep '"op":"[dc]"' "$dir/values.jsonl" | grep -o '"txId":[0-9]*' | sort -u | wc -l)"

# The end of the commit before, as a position keeps it, and the LSN.
sql "update v set o = o"
until_end values 0
sequences() { grep "\"op\":\"[$1]\"" "$dir/values.jsonl" | sed -E 's/.*"db":"postgres","sequence":"\[([^]]*)\]","schema":.*"lsn":([0-9]+).*/\1 \2/' | tr -d '\\"' | tr , ' '; }
same 'a sequence is of the LSN' '' "$(sequences rcdu | awk '$2 != $3 || NF != 3')"
same '  nothing was committed before the first transaction' null "$(sequences rcd | cut -d' ' -f1 | sort -u)"
same '  the order of transactions is that of sequences' '3 in order' "$(sequences cdu | awk 'BEGIN { was = -1 } { sub("null", "0") } $1 != was { n++; bad += $1 < last || $1 > $2; was = $1 } { bad += $2 < last; last = $2 } END { print n + 0, bad ? "not in order" : "in order" }')"

# ---- a replica, with writers and kills ---------------------------------------------------------------
sql "create table src (id int primary key, v int, doc text, n numeric(12, 3), at timestamptz);
     create table dst (like src including all);
     insert into src select g, 0, repeat('d', 40), g / 7.0, now() from generate_series(1, 60000) g"
replica live "$schema.src" "$schema.dst"
changes() { # SEED COUNT: transactions on a few hundred rows
    awk -v seed="$1" -v count="$2" 'BEGIN {
        srand(seed)
        for (i = 0; i < count; i++) {
            print "begin;"
            for (k = int(rand() * 4); k >= 0; k--) {
                id = int(rand() * 400) + 1 + seed * 400
                what = rand()
                if (what < 0.5) printf "update src set v = v + %d where id = %d;\n", i, id
                else if (what < 0.6) printf "update src set doc = repeat(md5(%d::text), 200) where id = %d;\n", i, id
                else if (what < 0.75) printf "delete from src where id = %d;\n", id
                else if (what < 0.9) printf "insert into src values (%d, %d, null, %d.5, now()) on conflict do nothing;\n", id, i, i
                else printf "update src set id = %d, doc = coalesce(doc, %c%c) where id = %d and not exists (select 1 from src where id = %d);\n",
                    100000 + seed * 10000 + i * 5 + k, 39, 39, id, 100000 + seed * 10000 + i * 5 + k
            }
            print rand() < 0.1 ? "rollback;" : "commit;"
        }
    }'
}
writers=()
for seed in 1 2; do
    changes $seed 1500 | psql "$PG_TEST_URL" -Xqv ON_ERROR_STOP=1 >/dev/null 2>>"$dir/writers" &
    writers+=($!)
done
kills=0
for pause in 0.45 0.6 0.5 0.9 0.7 1.2; do
    start live
    sleep $pause
    kill -9 $flow 2>/dev/null && kills=$((kills + 1))
    wait $flow 2>/dev/null
done
wait "${writers[@]}"
same 'writers' '' "$(cat "$dir/writers")"
until_end live 0
difference() {
    sql "select count(*) from ((table src except all table dst) union all (table dst except all table src)) d"
}
same "the replica is exact after $kills kills" 0 "$(difference)"
same 'rows' "$(sql 'select count(*) from src')" "$(sql 'select count(*) from dst')"

# ---- the slot confirms what is durable, and nothing else ----------------------------------------------
start live
wait_for 'the flow runs' t admin "select active from pg_replication_slots where slot_name = '${slot}_live'"
mkfifo "$dir/lock"
psql "$PG_TEST_URL" -Xq <"$dir/lock" >/dev/null &
locker=$!
exec 9>"$dir/lock"
echo "begin; lock table dst in access exclusive mode; select pg_notify('x', ''); create temp table ready();" >&9
wait_for 'the sink is held up' 1 admin "select count(*) from pg_locks where relation = '$schema.dst'::regclass and granted and mode = 'AccessExclusiveLock'"
sql "update src set v = -1 where id between 30000 and 30010"
held=$(admin "select pg_current_wal_lsn()")
sql "insert into v(id) select generate_series(100, 3000)" # log of other tables
sleep 1.5
same 'nothing is confirmed that is not durable' t "$(admin "select confirmed_flush_lsn < '$held' from pg_replication_slots where slot_name = '${slot}_live'")"
echo 'rollback;' >&9
exec 9>&-
wait $locker
wait_for 'then it is' t admin "select confirmed_flush_lsn >= '$held' from pg_replication_slots where slot_name = '${slot}_live'"
same 'and the rows are there' 11 "$(sql 'select count(*) from dst where v = -1')"
sql "insert into v(id) select generate_series(5000, 9000)"
now=$(admin "select pg_current_wal_lsn()")
wait_for 'a silent table lets the slot move on' t admin "select confirmed_flush_lsn >= '$now' from pg_replication_slots where slot_name = '${slot}_live'"
stop

# ---- when it must not go on -----------------------------------------------------------------------------
drop() { timeout --foreground 20 dfproc slot drop "$dir/$1.yaml" >"$dir/out" 2>&1; echo $?; } # FLOW
same 'a slot is dropped' 0 "$(drop live)"
says 'it is told' "slot ${slot}_live dropped"
same 'one that is not there is well' 0 "$(drop live)"
says 'that is told, too' "slot ${slot}_live is not there"
until_end live 1
says 'a slot that is gone ends the run' "slot ${slot}_live is gone"
sql "update src set v = -2 where id = 30000"
admin "select pg_create_logical_replication_slot('${slot}_live', 'pgoutput')" >/dev/null
until_end live 1
says 'a slot that was made anew ends the run' 'the changes between them are gone'
sql "create table keyless (a int)"
lines keyless "$schema.keyless"
until_end keyless 1
says 'a table without identity is refused' 'has no replica identity'
same 'and nothing was made' 0 "$(admin "select count(*) from pg_publication where pubname = '${slot}_keyless'")"
lines missing "$schema.nowhere"
until_end missing 1
says 'a table that is not there' "there is no table $schema.nowhere"
lines busy "$schema.src" 'snapshotMode: never'
start busy
wait_for 'a flow reads' t admin "select active from pg_replication_slots where slot_name = '${slot}_busy'"
timeout --foreground 3 dfproc run "$dir/busy.yaml" >"$dir/out" 2>&1
says 'a second one says who reads' "is in use by"
same 'a slot in use is not dropped' 1 "$(drop busy)"
says 'and who uses it is told' "slot ${slot}_busy is in use by process"
stop
finish
