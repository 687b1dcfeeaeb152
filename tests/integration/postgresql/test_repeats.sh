#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# A record that is read again after a crash gets another time from the flow itself: where rows are compared the
# manifest is warned of, and each way out that the warning names works.
. "$(dirname "$0")/../pg_lib.sh"
warning='spec.sink.config.onConflict: a record that is read again after a crash gets another time from'

# flow_of TABLE TRANSFORMATION OPTION...: no error sink
flow_of() {
    manifest "$1" "${@:3}"
    sed -i '/^errors:/d' "$dir/$1.yaml"
    echo "transformations: [$2]" >>"$dir/$1.yaml"
    printf '%s\n' '{"k":1}' '{"k":2}' >"$dir/$1.jsonl"
}
# warned NAME YES: what validate and explain say of the manifest, which is in order either way
warned() {
    for command in validate explain; do
        dfproc $command "$dir/$1.yaml" >"$dir/said" 2>&1
        same "$1: $command" "0 $2" "$? $(grep -cF "$warning" "$dir/said")"
    done
}
# twice NAME: two runs from the start; the times are of different seconds
twice() {
    flow "$1" 0
    sleep 1.1
    flow "$1" "${2:-0}"
}
now='{type: insertField, config: {fields: {"at": "${now}"}}}'
stamp='{type: timestamp, config: {fieldName: at}}'

for table in stamped_equal stamped_now; do
    sql "create table $table (k int primary key, at timestamptz)"
    [ $table = stamped_now ] && how=$now || how=$stamp
    flow_of $table "$how" 'onConflict: equal'
    warned $table 1
    twice $table 1
    grep -q 'the row is there with other values' "$dir/out" && ok "$table: refused at the second run" ||
        bad "$table: $(tail -n 1 "$dir/out")"
done
flow_of stamped_equal "$stamp"
warned stamped_equal 1
for option in 'onConflict: skip' 'upsertMode: true'; do
    sql 'drop table if exists stamped; create table stamped (k int primary key, at timestamptz)'
    flow_of stamped "$stamp" "$option"
    warned stamped 0
    twice stamped
    same "stamped: $option" 2 "$(sql 'select count(*) from stamped')"
done
sql 'create table by_default (k int primary key, at timestamptz default now())'
flow_of by_default '{type: insertField, config: {fields: {"site": "json:null"}}}' 'unknownFields: ignore'
warned by_default 0
twice by_default
same 'the time of a DEFAULT' 2 "$(sql 'select count(at) from by_default')"

# ---- an index for which NULLs are equal (from 15 on) ---------------------------------------------
if [ "$(sql 'show server_version_num')" -ge 150000 ]; then
    sql "create table nulls (k int, p text default 'x', v text, unique nulls not distinct (k, p))"
    printf '%s\n' '{"k":1,"p":null,"v":"a"}' '{"k":1,"p":null,"v":"a"}' '{"k":1,"p":"x","v":"b"}' \
        '{"k":1,"p":null,"v":"c"}' '{"k":1,"v":"a"}' >"$dir/nulls.jsonl"
    manifest nulls
    flow nulls 0
    same 'NULLs of the key are the same row, a default is not known' '3 2 1||a 1|x|b' \
        "$(summary sent) $(summary errored) $(sql 'select * from nulls order by v' | paste -sd' ')"
fi

# ---- an expression of a column that the record leaves to its default -----------------------------
sql "create table exprs (k int, p text default 'x', v text);
create unique index on exprs (k, coalesce(p, '')); insert into exprs values (1, null, 'a'), (1, 'x', 'b')"
printf '%s\n' '{"k":1,"v":"a"}' '{"k":1,"p":null,"v":"a"}' >"$dir/exprs.jsonl"
manifest exprs
flow exprs 0
same 'another row is no repetition' '1 1' "$(summary sent) $(summary errored)"
sql "create table only_one (k int, v text default 'x'); create unique index on only_one ((true))"
printf '%s\n' '{"k":1}' '{"k":1}' '{"k":2}' >"$dir/only_one.jsonl"
manifest only_one
flow only_one 0
same 'an expression without a column' '2 1' "$(summary sent) $(summary errored)"

# What the index only stores, or asks in its condition, may come from a default: it does not choose the row.
for index in "(lower(id)) where not gone" "(lower(id)) include (created)"; do
    sql "drop table if exists beside; create table beside (id text, gone boolean default false, created timestamptz default now());
    create unique index on beside $index"
    printf '%s\n' '{"id":"a"}' '{"id":"b"}' '{"id":"a"}' >"$dir/beside.jsonl"
    manifest beside
    flow beside 0
    same "a repetition beside a default: $index" '3 0 2' "$(summary sent) $(summary errored) $(sql 'select count(*) from beside')"
done

# ---- texts that the collation of their column takes for equal ------------------------------------
sql "create collation ci (provider = icu, locale = 'und-u-ks-level2', deterministic = false);
create table folds (k int primary key, v text collate ci, l text[] collate ci); insert into folds values (1, 'a', '{a}')"
printf '%s\n' '{"k":1,"v":"A","l":["a"]}' '{"k":1,"v":"a","l":["A"]}' '{"k":1,"v":"a","l":["a"]}' >"$dir/folds.jsonl"
manifest folds
flow folds 0
same 'another text is no repetition' '1 2' "$(summary sent) $(summary errored)"
finish
