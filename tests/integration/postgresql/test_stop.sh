#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Without an error sink a run ends at a refused record and nothing after it is written: what starts
# the run again and again adds no row. From Kafka, by each way of writing and of refusing.
# ctest: timeout=180
. "$(dirname "$0")/../pg_lib.sh"
: "${DF_KAFKA:?a Kafka broker is needed: tests/bed/with-servers $0}"

dfaudit topic create --topic "$schema" --partitions 1 >/dev/null 2>&1
seq 1 3000 | awk '{
    w = $1 % 2 ? ",\"w\":\"given\"" : ""
    bad = $1 == 1500
    printf "{\"k\":%d,\"n\":%s,\"v\":\"%s\"%s}\n", $1, bad ? "\"x\"" : $1, bad ? "b\\u0000d" : "good", w
}' >"$dir/records"
kcat -b "$DF_KAFKA" -t "$schema" -P -l "$dir/records" 2>/dev/null

# starts NAME TABLE OPTIONS...: rows after each of three runs of one group
starts() {
    sql "$2" >/dev/null
    {
        echo "source: {type: kafka, config: {brokers: '$DF_KAFKA', topic: $schema, consumerGroup: $schema.$1}}"
        echo "sink:"
        echo "  type: postgresql"
        echo "  config:"
        printf '    %s\n' 'connectionString: ${env:PG_TEST_URL}' "table: $1" "${@:3}"
    } >"$dir/$1.yaml"
    local seen=
    for _ in 1 2 3; do
        timeout --foreground -k 5 60 dfproc run "$dir/$1.yaml" --until-exhausted >"$dir/out" 2>&1
        seen="$seen $? $(sql "select count(*) from $1")"
    done
    same "$1" ' 1 1499 1 1499 1 1499' "$seen"
    grep -q 'offset 1499' "$dir/out" || bad "$1: the record is not named: $(tail -n 1 "$dir/out")"
}
rest='unknownFields: ignore'
sql "create function no() returns trigger language plpgsql as 'begin if new.k = 1500 then raise ''no''; end if; return new; end'"
trigger() { echo "create trigger g before insert on $1 for each row execute function no()"; }

starts bytes 'create table bytes (k int, n int)' "$rest"
starts text 'create table text (k int, n int, a inet)' "$rest"
starts small 'create table small (k int, n int)' "$rest" 'batchSize: 100'
starts masks "create table masks (k int, n int, w text default 'd')" "$rest"
starts upsert 'create table upsert (k int primary key, n int)' "$rest" 'upsertMode: true'
starts whole 'create table whole (id bigserial primary key, data jsonb, _metadata jsonb)' 'rawMode: true'
starts made 'select 1' "$rest" 'autoCreateTable: true'
starts checked "create table checked (k int check (k <> 1500), w text default 'd')" "$rest"
starts raised "create table raised (k int); $(trigger raised)" "$rest"
starts raised_masks "create table raised_masks (k int, w text default 'd'); $(trigger raised_masks)" "$rest"
starts raised_upsert "create table raised_upsert (k int primary key, w text); $(trigger raised_upsert)" "$rest" 'upsertMode: true'
# A key that autoCreateTable made: a second record of an id is left out, in this run and the next.
printf '%s\n' '{"id":1,"v":"a"}' '{"id":2,"v":"b"}' '{"id":1,"v":"c"}' '{"id":3,"v":"d"}' >"$dir/keyed.jsonl"
manifest keyed 'autoCreateTable: true'
sed -i '/^errors:/d' "$dir/keyed.yaml"
for left in 1 4; do
    flow keyed 0
    same "a second record of a made key, $left left out" "$left 1 (1,a) (2,b) (3,d)" \
        "$(summary left_out) $(grep -c 'are left out and counted' "$dir/out") $(sql "select string_agg((id, v)::text, ' ' order by id) from keyed")"
done
manifest asked 'autoCreateTable: true' 'onConflict: equal'
sed -i '/^errors:/d; s#asked.jsonl#keyed.jsonl#' "$dir/asked.yaml"
flow asked 1
dfaudit topic delete --topic "$schema" >/dev/null 2>&1
finish
