#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# upsertMode: updates, deletes, partial rows, order inside a batch, versions, refused rows.
. "$(dirname "$0")/../pg_lib.sh"

# change OP ROW: a Debezium event
change() {
    case $1 in
    d) echo "{\"payload\":{\"op\":\"d\",\"before\":$2,\"after\":null}}" ;;
    *) echo "{\"payload\":{\"op\":\"$1\",\"before\":null,\"after\":$2}}" ;;
    esac
}
changes() { # manifest with the unwrapping transformation
    manifest "$@"
    sed -i '1a transformations: [{type: debeziumUnwrap}]' "$dir/$1.yaml"
}

sql "create table people (id int primary key, name text default 'nobody', age int, j json)"
sql "insert into people values (1, 'old', 1, '{}'), (2, 'gone', 2, null), (3, 'kept', 3, null)"
{
    change u '{"id":1,"name":"new","age":10,"j":{"a":1}}'
    change d '{"id":2}'
    change u '{"id":3,"age":30}'
    change c '{"id":4,"name":"four"}'
    change u '{"id":4,"name":"four again","age":null}'
    change c '{"id":5,"age":5}'
    change d '{"id":5,"age":5}'
    change d '{"id":6}'
    change c '{"id":6,"name":"back"}'
    change u '{"name":"no key"}'
    change u '{"id":null,"name":"no key"}'
} >"$dir/people.jsonl"
changes people 'upsertMode: true'
flow people 0
expected='1|new|10|{"a":1}
3|kept|30|
4|four again||
6|back||'
same 'updates, deletes, partial rows' "$expected" "$(sql 'select * from people order by id')"
same 'records without a key are refused' '9 2' "$(summary sent) $(summary errored)"
flow people 0
same 'a repetition changes nothing' "$expected" "$(sql 'select * from people order by id')"

# ---- many repeats of one key, one statement -----------------------------------------------------
sql "create table counters (k int, part text, n bigint, unique (k, part))"
seq 1 60000 | awk '{ printf "{\"k\":%d,\"part\":\"p%d\",\"n\":%d}\n", $1 % 700, $1 % 3, $1 }' >"$dir/counters.jsonl"
manifest counters 'upsertMode: true' 'conflictKey: "part, k"'
flow counters 0
same 'the last of each key' \
    "$(awk -F'[:,}"]+' '{ last[$3 "|" $5] = $7 } END { for (k in last) { c++; s += last[k] } print c, s }' "$dir/counters.jsonl")" \
    "$(sql "select count(*) || ' ' || sum(n) from counters")"

# ---- versions -------------------------------------------------------------------------------------
sql "create table versions (id int primary key, v int, t text); insert into versions values (1, 5, 'five'), (2, 5, 'five')"
printf '%s\n' '{"id":1,"v":4,"t":"four"}' '{"id":2,"v":6,"t":"six"}' '{"id":3,"v":2,"t":"two"}' \
    '{"id":3,"v":1,"t":"one"}' '{"id":2,"v":5,"t":"late"}' >"$dir/versions.jsonl"
manifest versions 'upsertMode: true' 'upsertStrategy: ifNewer' 'upsertVersionColumn: v'
flow versions 0
same 'ifNewer' '1|5|five
2|6|six
3|2|two' "$(sql 'select * from versions order by id')"

# ---- soft delete --------------------------------------------------------------------------------------
{
    change c '{"id":1,"t":"a"}'
    change c '{"id":2,"t":"b"}'
    change d '{"id":1}'
    change d '{"id":2}'
    change c '{"id":2,"t":"b2"}'
} >"$dir/soft.jsonl"
changes soft 'upsertMode: true' 'autoCreateTable: true' 'softDeleteColumn: deleted_at' 'batchSize: 2'
flow soft 0
same 'soft delete, and back' '1|a|t
2|b2|f' "$(sql 'select id, t, deleted_at is not null from soft order by id')"

# ---- refused rows -----------------------------------------------------------------------------------------
sql "create table strict (id int primary key, v int check (v > 0), must text not null)"
seq 1 3000 | sed 's/.*/{"id":&,"v":&,"must":"x"}/; s/"v":1000,/"v":-1,/; 2000s/,"must":"x"//' >"$dir/strict.jsonl"
manifest strict 'upsertMode: true'
flow strict 0
same 'row mode names them' '2998 2 2998' "$(summary sent) $(summary errored) $(sql 'select count(*) from strict')"

# ---- wrong settings ---------------------------------------------------------------------------------------------
sql 'create table nokey (id int)'
echo '{"id":1}' >"$dir/nokey.jsonl"
manifest nokey 'upsertMode: true'
flow nokey 1
grep -qF 'no primary key' "$dir/out" && ok 'a table without a key is refused' || bad 'a table without a key'
manifest nokey 'upsertMode: true' 'upsertStrategy: ifNewer'
dfproc validate "$dir/nokey.yaml" >"$dir/out" 2>&1 && bad 'ifNewer without a version' || ok 'ifNewer needs a version'
finish
