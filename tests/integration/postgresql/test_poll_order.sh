#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Columns that order rows and have values that the server takes for equal although they are written in two ways,
# or that are NULL: no kill and no end of a page between such rows loses one.
here=$(cd "$(dirname "$0")" && pwd)
. "$here/../pg_lib.sh"
. "$here/poll_lib.sh"
echo "    on $(sql 'show server_version')"
sql "create extension if not exists citext schema public; create collation ci (provider = icu, locale = 'und-u-ks-level2', deterministic = false)"

# ---- two ways to write one value, and a kill between them ---------------------------------------------------
# killed NAME TYPE ONE OTHER: 200 rows of one key, to a pipe; killed when about 60 are through
killed() {
    local fd
    sql "create table $1 (k $2 not null, id int, pad text); create index on $1 (k);
         insert into $1 select case when g % 2 = 0 then '$3'::$2 else '$4'::$2 end, g, repeat('p', 20000) from generate_series(1, 200) g"
    mkfifo "$dir/$1.pipe"
    polled "$1" "{type: stdio, config: {path: $dir/$1.pipe}}" "table: ${5:-$1}" 'orderByColumn: k' 'lateCommitWindow: 0'
    rm -rf "$dir/state"
    exec {fd}<>"$dir/$1.pipe"
    start "$1"
    timeout 30 head -c 1200000 <&"$fd" >"$dir/$1.out" || bad "$1: $(tail -n 3 "$dir/$1.log")"
    stop KILL
    dd if="$dir/$1.pipe" iflag=nonblock bs=64k >>"$dir/$1.out" 2>"$dir/dd" # until it is empty
    exec {fd}<&-
    sed -i '$d' "$dir/$1.out" # cut in the middle
    sed -i "s#path: $dir/$1.pipe#path: $dir/$1.more#" "$dir/$1.yaml"
    once "$1"
    same "$2: $3 and $4" 200 "$(cat "$dir/$1.out" "$dir/$1.more" | jq -r .id | sort -nu | wc -l)"
}
killed insensitive public.citext a A
killed collated 'text collate ci' b B
killed zeros float8 0 -0
killed digits numeric 1.0 1.00
killed spans interval '1 day' '24:00:00'
killed padded bpchar 'a' 'a '

# ---- NULL in a key behind the first --------------------------------------------------------------------------
sql "create table nulls (t timestamptz not null, a int, b int, id int);
insert into nulls select '2026-01-01'::timestamptz + g / 20 * interval '1 s', nullif(g / 4 % 3, 1), nullif(g % 4, 2), g from generate_series(1, 100) g;
create view seen as select * from nulls"
pages() { # NAME SIZE "options": all rows, each once, one page after the other
    rm -rf "$dir/state" "$dir/$1.out"
    polled "$1" "$(to_file "$1")" "readBatchSize: $2" "${@:3}"
    once "$1"
    same "$1 in pages of $2" "$(seq 1 100 | tr '\n' ' ')" "$(sorted "$1")"
}
for size in 1 3; do
    pages nulls $size 'table: nulls' 'changeTrackingColumn: t' 'orderByColumn: [a, b]'
done
pages single 1 'table: nulls' 'changeTrackingColumn: t' 'orderByColumn: id'
pages view 2 'table: seen' 'changeTrackingColumn: t' 'orderByColumn: [a, b]'
pages query 2 'query: select * from nulls' 'changeTrackingColumn: t' 'orderByColumn: [a, b]'
# Neither a time nor a key: told, and not read again and again.
sql "create table neither (t timestamptz, a int, id int); insert into neither values (null, 1, 1), (null, null, 2), ('2026-01-01', null, 3)"
rm -rf "$dir/state"
polled neither "$(to_file neither)" 'table: neither' 'changeTrackingColumn: t' 'orderByColumn: a'
once neither
says 'rows without a time and a key are told' 'may both be NULL'
once neither
same '  the others come once' '1 3 ' "$(sorted neither)"

# ---- an enum as the key, which gets a value while the position is stored -------------------------------------
sql "create type mood as enum ('sad', 'ok'); create table moods (t timestamptz not null, mood mood not null, id int);
insert into moods values ('2026-01-01', 'ok', 2), ('2026-01-01', 'sad', 1)"
for size in 1 100; do
    rm -rf "$dir/state" "$dir/moods.out"
    polled moods "$(to_file moods)" "readBatchSize: $size" 'table: moods' 'changeTrackingColumn: t' 'orderByColumn: mood' 'lateCommitWindow: 0'
    once moods
    same "an enum in pages of $size" '1 2 ' "$(sorted moods)"
done
sql "alter type mood add value 'high'"
sql "insert into moods values ('2026-01-01', 'high', 3)"
once moods
same '  and the next value' '1 2 3 ' "$(sorted moods)"

# ---- a key that no position can have: the flow ends there, and goes on there -----------------------------------
sql "create table late_key (t timestamptz not null, k timestamp not null, id int);
insert into late_key values ('2026-01-01', '2020-01-01', 1), ('2026-01-01', '294270-01-01', 2), ('2026-01-01', '294271-01-01', 3)"
rm -rf "$dir/state"
polled late_key "$(to_file late_key)" 'readBatchSize: 1' 'table: late_key' 'changeTrackingColumn: t' 'orderByColumn: k' 'lateCommitWindow: 0'
timeout 60 dfproc run "$dir/late_key.yaml" --until-exhausted >"$dir/out" 2>&1
same 'the flow ends at such a key' 1 "$?"
sql "update late_key set k = k - interval '200000 years' where id > 1"
once late_key
same '  and no row is passed over' '1 2 3 ' "$(jq -r .id "$dir/late_key.out" | sort -nu | tr '\n' ' ')"
finish
