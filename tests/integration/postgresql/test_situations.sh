#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# What users of other tools reported of polling and of upserts: pages that end inside equal times, values that
# a batch must not die of, sessions that are ended, two writers of the same keys, unique values that swap.
. "$(dirname "$0")/../pg_lib.sh"
. "$(dirname "$0")/poll_lib.sh"

# ---- one page ends among rows of a millisecond, one among rows of a microsecond -----------------------------
sql "create table ticks (id int primary key, updated_at timestamptz not null);
insert into ticks select g, '2026-01-01 00:00:00.001'::timestamptz + g * interval '1 microsecond' from generate_series(1, 60) g;
insert into ticks select g, '2026-01-02 00:00:00.000007' from generate_series(61, 120) g"
polled ticks "$(to_file ticks)" 'table: ticks' 'readBatchSize: 25' 'pollInterval: 100ms'
start ticks
until_there 20 has_lines ticks 50
stop KILL
once ticks
same 'killed after a page: all rows' "$(seq 1 120 | tr '\n' ' ')" "$(jq -r .id "$dir/ticks.out" | sort -nu | tr '\n' ' ')"
stored() { grep -aho '{"last.*}' "$dir"/state/*/ticks* | sort | uniq; }
before=$(stored)
lines=$(wc -l <"$dir/ticks.out")
once ticks
same 'a poll without rows leaves the position' "$before" "$(stored)"
sql "insert into ticks values (121, '2026-01-02 00:00:00.000008')"
once ticks
same '  and one row is one row' "$((lines + 1))" "$(wc -l <"$dir/ticks.out")"

# ---- three values that the table cannot hold, of 5,000 ------------------------------------------------------
sql "create table values_ (id int primary key, t text, j jsonb, s varchar(10))"
seq 1 5000 | awk '{ t = "text"; j = "{}"; s = "short"
    if ($1 == 2500) t = "a\\u0000b"; if ($1 == 2501) j = "{\"k\":\"a\\u0000b\"}"; if ($1 == 2502) s = "longer than ten"
    printf "{\"id\":%d,\"t\":\"%s\",\"j\":%s,\"s\":\"%s\"}\n", $1, t, j, s }' >"$dir/values_.jsonl"
manifest values_ 'batchSize: 5000'
flow values_ 0
same 'three values that cannot be held' '4997 3 4997' "$(summary sent) $(summary errored) $(sql 'select count(*) from values_')"
for column in t j s; do
    grep -q "column \\\\*\"$column\\\\*\"\|column $column" "$dir/values_.errors" && ok "  column $column is named" || bad "column $column is not named"
done
same '  with what came' 3 "$(grep -c 'u0000\|longer than ten' "$dir/values_.errors")"

# ---- sessions that are ended, at any moment -------------------------------------------------------------------
sql "create table ended (id int primary key, v int)"
seq 1 60000 | awk '{ printf "{\"id\":%d,\"v\":%d}\n", $1 % 20000, $1 }' >"$dir/ended.jsonl"
manifest ended 'upsertMode: true' 'batchSize: 500'
(while sleep 0.1; do sql "select pg_terminate_backend(pid) from pg_stat_activity where application_name = 'dataflow' and query like '%ended%'" >/dev/null; done) &
killer=$!
(sleep 4; kill $killer) 2>/dev/null &
flow ended 0
kill $killer 2>/dev/null
same 'ended again and again: every key has its last value' '20000 1000010000' "$(sql 'select count(*) from ended') $(sql 'select sum(v) from ended')"

# ---- two writers of the same keys, in reverse ---------------------------------------------------------------
sql "create table twice (id int primary key, v int)"
deadlocks() { sql "select deadlocks from pg_stat_database where datname = current_database()"; }
before=$(deadlocks)
for i in $(seq 1 30); do seq 1 1000; done | awk '{ printf "{\"id\":%d,\"v\":1}\n", $1 }' >"$dir/twice.jsonl"
for i in $(seq 1 30); do seq 1000 -1 1; done | awk '{ printf "{\"id\":%d,\"v\":2}\n", $1 }' >"$dir/other.jsonl"
manifest twice 'upsertMode: true' 'batchSize: 1000'
manifest other 'upsertMode: true' 'batchSize: 1000'
sed -i 's/table: other/table: twice/' "$dir/other.yaml"
dfproc run "$dir/other.yaml" --until-exhausted >"$dir/other.out" 2>&1 &
second=$!
flow twice 0
wait $second && ok 'two writers in reverse order both end' || bad 'the second writer'
same '  all keys are there' 1000 "$(sql 'select count(*) from twice')"
same '  without a deadlock' 0 "$(($(deadlocks) - before))"

# ---- unique values that swap; a parent and its child ----------------------------------------------------------
sql "create table owner (id int primary key, kind text, u int unique); create table thing (id int primary key, kind text, o int not null references owner);
insert into owner values (1, null, 10), (2, null, 20)"
manifest owner 'upsertMode: true' 'tableFrom: $.kind' 'tableAllow: thing'
for round in $(seq 1 20); do
    a=$((round % 2 ? 20 : 10))
    printf '{"id":1,"u":-1}\n{"id":2,"u":%d}\n{"id":1,"u":%d}\n' $((30 - a)) $a
    printf '{"id":%d,"u":%d}\n{"id":%d,"kind":"thing","o":%d}\n' $((round + 100)) $((round + 100)) "$round" $((round + 100))
done >"$dir/owner.jsonl"
flow owner 0
same 'swapped by way of a third value, parents and children' '1|10,2|20 20 0' \
    "$(sql "select string_agg(id || '|' || u, ',' order by id) from owner where id < 100") $(sql 'select count(*) from thing') $(summary errored)"
finish
