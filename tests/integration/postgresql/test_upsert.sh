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

# Keys that come once and several times, with deletes between them and without, NULL versions.
sql "create table folded (id int primary key, v int, t text); insert into folded select g, 5, 'old' from generate_series(1, 100) g;
create table by_one (like folded including all); insert into by_one select * from folded"
random() { # SEED DELETES: changes of 160 keys
    awk -v seed="$1" -v deletes="$2" 'BEGIN { srand(seed); for (i = 1; i <= 800; i++) {
        id = int(rand() * 160); v = rand() < 0.1 ? "null" : int(rand() * 10)
        if (deletes && rand() < 0.1) printf "{\"payload\":{\"op\":\"d\",\"before\":{\"id\":%d,\"v\":%s},\"after\":null}}\n", id, v
        else printf "{\"payload\":{\"op\":\"u\",\"before\":null,\"after\":{\"id\":%d,\"v\":%s,\"t\":\"t%d\"}}}\n", id, v, i } }'
}
for options in 'upsertStrategy: always' 'upsertStrategy: ifNewer'; do
    for deletes in 0 1; do
        random $((RANDOM + 1)) $deletes >"$dir/folded.jsonl"
        cp "$dir/folded.jsonl" "$dir/by_one.jsonl"
        set -- 'upsertMode: true' "$options"
        [ "$options" = 'upsertStrategy: always' ] || set -- "$@" 'upsertVersionColumn: v'
        changes folded "$@"
        changes by_one "$@" 'batchSize: 1'
        flow folded 0
        flow by_one 0
        same "a batch is as its records one by one ($options, deletes: $deletes)" "$(sql 'select md5(string_agg(x::text, chr(10) order by id)) from by_one x')" \
            "$(sql 'select md5(string_agg(x::text, chr(10) order by id)) from folded x')"
    done
done

# With CHECKs, records with all columns: those that a later one hides are looked at, not written.
sql "create table checked (k int primary key, n int check (n <> 777), w text)"
seq 1 20000 | awk '{ printf "{\"k\":%d,\"n\":%d,\"w\":\"some text\"}\n", $1 % 20, $1 + 1000 }' >"$dir/checked.jsonl"
manifest checked 'upsertMode: true'
flow checked 0
pages=$(($(sql "select pg_relation_size('checked')") / 8192))
same 'many changes of a key, with a CHECK' '20 419810' "$(sql "select count(*) || ' ' || sum(n) from checked")"
[ "$pages" -le 8 ] && ok 'few rows are written' || bad "a table of 20 rows has $pages pages"
printf '%s\n' '{"k":1,"n":777,"w":"hidden"}' '{"k":1,"n":2,"w":"last"}' '{"k":2,"n":3,"w":"x"}' >"$dir/checked.jsonl"
flow checked 0
same 'a CHECK refuses what a later record hides' '2 1 5' \
    "$(summary sent) $(summary errored) $(sql "select sum(n) from checked where k in (1, 2)")"

# ---- versions -------------------------------------------------------------------------------------
sql "create table versions (id int primary key, v int, t text); insert into versions values (1, 5, 'five'), (2, 5, 'five')"
printf '%s\n' '{"id":1,"v":4,"t":"four"}' '{"id":2,"v":6,"t":"six"}' '{"id":3,"v":2,"t":"two"}' \
    '{"id":3,"v":1,"t":"one"}' '{"id":2,"v":5,"t":"late"}' >"$dir/versions.jsonl"
manifest versions 'upsertMode: true' 'upsertStrategy: ifNewer' 'upsertVersionColumn: v'
printf '%s\n' '{"id":4,"v":5,"t":"first"}' '{"id":4,"v":5,"t":"second"}' >>"$dir/versions.jsonl"
flow versions 0
same 'ifNewer; of equal versions the first stays' '1|5|five
2|6|six
3|2|two
4|5|first' "$(sql 'select * from versions order by id')"

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

# ---- a batch is its records one by one --------------------------------------------------------------
# (test_model.sh compares all modes with a map)
sql "create table again (id int primary key, a int, b int); insert into again values (2, 2, 22)"
{
    change c '{"id":1,"a":1}'
    change d '{"id":2,"a":2,"b":22}'
    change c '{"id":2,"a":9}'
} >"$dir/again.jsonl"
changes again 'upsertMode: true'
flow again 0
same 'what was deleted does not come back' '1|1|
2|9|' "$(sql 'select * from again order by id')"

# ---- records with different columns --------------------------------------------------------------------
# A fifth of the records is partial, with more sets of columns than one round takes. What is timed is
# how the two compare: one statement for each run of equal records took fifty times as long.
cat >"$dir/mixed.py" <<'END'
import json, random, sys
names, rows, rng = [f"c{i}" for i in range(10)], {}, random.Random(7)
for n in range(20000):
    row = {"id": rng.randrange(15000)} | {k: rng.randrange(1000) for k in names}
    if sys.argv[1] == "mixed" and rng.random() < 0.2:
        row = {k: v for k, v in row.items() if k == "id" or rng.random() < 0.5}
    rows[row["id"]] = rows.get(row["id"], dict.fromkeys(names)) | row
    print(json.dumps(row))
with open(sys.argv[2], "w") as out:
    for key in sorted(rows):
        print("|".join(str("" if rows[key][k] is None else rows[key][k]) for k in ["id"] + names), file=out)
END
for kind in uniform mixed; do
    sql "create table $kind (id int primary key, c0 int, c1 int, c2 int, c3 int, c4 int, c5 int, c6 int, c7 int, c8 int, c9 int)"
    python3 "$dir/mixed.py" "$kind" "$dir/$kind.expected" >"$dir/$kind.jsonl"
    manifest "$kind" 'upsertMode: true'
    flow "$kind" 0
    same "$kind columns" '' "$(sql "select * from $kind order by id" | diff "$dir/$kind.expected" - | head -n 4)"
    declare "$kind=$(summary seconds)"
done
if awk "BEGIN { exit !($mixed < 0.5 + 15 * $uniform) }"; then ok 'mixed columns are not slow'; else
    bad "mixed columns: $mixed s, uniform ones: $uniform s"
fi

# ---- the table changes during the run ----------------------------------------------------------------
sql "create table grown (id int primary key, a int)"
mkfifo "$dir/pipe"
manifest grown 'upsertMode: true'
sed -i "s#path: $dir/grown.jsonl#path: $dir/pipe#" "$dir/grown.yaml"
rm -rf "$dir/state"
timeout --foreground -k 5 60 dfproc run "$dir/grown.yaml" --until-exhausted >"$dir/out" 2>&1 &
runner=$!
{
    echo '{"id":1,"a":1}'
    for _ in $(seq 100); do
        [ "$(sql 'select count(*) from grown')" = 1 ] && break
        sleep 0.1
    done
    sql "alter table grown add column c2 text"
    sleep 1.2 # the age from which the catalogue is read again
    echo '{"id":2,"a":2,"c2":"seen"}'
} >"$dir/pipe"
wait $runner || bad "the run after a new column: $(tail -n 1 "$dir/out")"
same 'a new column is used, without a retry' '2|2|seen 0 0' \
    "$(sql 'select * from grown where id = 2') $(summary errored) $(summary retries)"

# ---- refused rows -----------------------------------------------------------------------------------------
sql "create table strict (id int primary key, v int check (v > 0), must text not null)"
seq 1 3000 | sed 's/.*/{"id":&,"v":&,"must":"x"}/; s/"v":1000,/"v":-1,/; 2000s/,"must":"x"//' >"$dir/strict.jsonl"
manifest strict 'upsertMode: true'
flow strict 0
same 'row mode names them' '2998 2 2998' "$(summary sent) $(summary errored) $(sql 'select count(*) from strict')"

# ---- what changes nothing ----------------------------------------------------------------------------------------
# Where rows stand, and how many dead ones there are: an update moves a row even when all of its values stay.
places() { sql "select string_agg(ctid::text, ' ' order by id) from $1"; }
again() { # NAME TABLE MOVED: the same records once more move so many rows
    local before
    before=$(places "$2")
    flow "$2" 0
    same "$1" "$3" "$(diff <(tr ' ' '\n' <<<"$before") <(places "$2" | tr ' ' '\n') | grep -c '^>')"
}
same_rows() { # NAME SQL "options": twice the same 40 rows, some columns of which are long or NULL
    sql "$2"
    seq 1 40 | awk '{ n = $1 % 4 ? "\"n" $1 "\"" : "null"
        printf "{\"id\":%d,\"n\":%s,\"big\":\"%05000d\",\"a\":1.50,\"j\":{\"k\":[1,2]},\"l\":[1,2],\"f\":0.5,\"p\":\"(1,2)\"}\n", $1, n, $1 }' >"$dir/$1.jsonl"
    manifest "$1" 'upsertMode: true' 'unknownFields: ignore' "${@:3}"
    flow "$1" 0
}
same_rows still "create table still (id int primary key, n varchar(20), big text, a numeric(10,2), j json, l int[], f float8, p point);
alter table still alter big set storage external"
again 'a row that is there with the same values stays where it is' still 0
sed -i '7s/"n7"/"n8"/; 8s/null/"x"/; 9s/"n9"/null/; 10s/1.50/1.51/; 11s/0.5,/-0.0,/; 12s/00012"/00013"/; 13s/\[1,2\]},/[1, 3]},/' "$dir/still.jsonl"
again '  one with any other value moves' still 7
same '  to it' 'n8 x  1.51 -0 13 3' "$(sql "select concat_ws(' ', (select n from still where id = 7), (select n from still where id = 8), (select coalesce(n, '') from still where id = 9),
    (select a from still where id = 10), (select f from still where id = 11), (select right(big, 2) from still where id = 12), (select j #>> '{k,1}' from still where id = 13))")"
same_rows must "create domain short as varchar(9) check (value <> 'no');
create table must (id int primary key, n short, big text not null, needed text not null default 'd', gone timestamptz); alter table must alter needed drop default"
same '  where a NOT NULL column is left alone there is no row' 40 "$(summary errored)"
sql "insert into must select g, 'n' || g, lpad(g::text, 5000, '0'), 'x' from generate_series(1, 40) g; update must set n = null where id % 4 = 0"
again '  rows of an UPDATE' must 0
manifest must 'upsertMode: true' 'unknownFields: ignore' 'softDeleteColumn: gone'
again '  with a column that marks deletes' must 0
sql 'update must set gone = now() where id < 4'
again '    those that were marked are there again' must 3
same_rows seen "create table seen (id int primary key, n text, at timestamptz); create function touch() returns trigger language plpgsql as 'begin new.at := clock_timestamp(); return new; end';
create trigger touch before update on seen for each row execute function touch()"
again '  a trigger sees every record' seen 40

# ---- keys that are equal and not the same ------------------------------------------------------------------------
sql 'create table scaled (id numeric primary key, v int)'
printf '%s\n' '{"id":1.0,"v":1}' '{"id":1.00,"v":2}' '{"id":2,"v":3}' >"$dir/scaled.jsonl"
manifest scaled 'upsertMode: true'
flow scaled 0
same 'the key stays as it came first' '(1.0,2) (2,3)' "$(sql "select string_agg(t::text, ' ' order by id) from scaled t")"

# ---- wrong settings ---------------------------------------------------------------------------------------------
sql 'create table nokey (id int)'
echo '{"id":1}' >"$dir/nokey.jsonl"
manifest nokey 'upsertMode: true'
flow nokey 1
grep -qF 'no primary key' "$dir/out" && ok 'a table without a key is refused' || bad 'a table without a key'
sql 'create table noversion (id int primary key)'
cp "$dir/nokey.jsonl" "$dir/noversion.jsonl"
manifest noversion 'upsertMode: true' 'upsertStrategy: ifNewer' 'upsertVersionColumn: v'
flow noversion 1
grep -qF 'upsertVersionColumn: the table has no column v' "$dir/out" && ok 'no version column' || bad 'no version column'
manifest noversion 'upsertMode: true' 'softDeleteColumn: gone'
flow noversion 1
grep -qF 'softDeleteColumn: the table has no column gone' "$dir/out" && ok 'no soft delete column' || bad 'no soft delete column'
manifest nokey 'upsertMode: true' 'upsertStrategy: ifNewer'
dfproc validate "$dir/nokey.yaml" >"$dir/out" 2>&1 && bad 'ifNewer without a version' || ok 'ifNewer needs a version'

# ---- a column that the index of the key only stores -------------------------------------------------------
sql 'create table stored (id int, v int, t text, primary key (id) include (v))'
printf '{"id":%d,"v":%d,"t":"%s"}\n' 1 1 a 2 2 b 1 3 c >"$dir/stored.jsonl"
manifest stored 'upsertMode: true'
flow stored 0
same 'a column that the key only stores is none of it' '1|3|c 2|2|b' "$(sql 'select * from stored order by id' | paste -sd' ')"
finish
