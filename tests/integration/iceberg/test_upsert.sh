#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# ctest: timeout=900
# ctest: no-servers
# Changes of rows: what is in the table is what the changes one after the other make, whatever is in one commit, in
# partitions too, and after a kill at every step. Judged by DuckDB, which reads equality deletes.
. "$(dirname "$0")/../ice_lib.sh"
export DATAFLOW_PLUGINS=${DF_BUILD_DIR:-build/dev}/lib/typed_rows.so
rows() { readers duck "$1" "shop.$2" "${3:-select id, v from t order by id}" | tr '\t' ' ' | paste -sd,; }

# ---- one commit ----------------------------------------------------------------------------------
cat >"$dir/one.rows" <<'END'
{"op":"insert","row":{"id":1,"v":"a"}}
{"op":"delete","row":{"id":1}}
{"op":"insert","row":{"id":2,"v":"a"}}
{"op":"update","row":{"id":2,"v":"b"}}
{"op":"delete","row":{"id":2}}
{"op":"insert","row":{"id":2,"v":"c"}}
{"op":"update","row":{"id":30,"v":"moved"},"before":{"id":3,"v":"old"}}
{"op":"update","row":{"id":4,"v":{"$unchanged":true}},"before":{"id":4,"v":"kept"}}
{"op":"delete","row":{},"before":{"id":5,"v":"old"}}
{"op":"update","row":{"v":"nokey"}}
{"op":"update","row":{"id":6,"v":{"$unchanged":true}}}
END
for kind in rest nessie; do
    readers make "$kind" shop.one 'id long!,v string' '' id
    printf '%s\n' '{"id":2,"v":"old"}' '{"id":3,"v":"old"}' '{"id":4,"v":"old"}' '{"id":5,"v":"old"}' '{"id":9,"v":"stays"}' >"$dir/one.jsonl"
    sink "$kind" one
    flow one
    changes "$kind" one "upsertMode: true"
    rm -f "$dir/one.errors"
    flow one
    same "$kind: one commit: the last of each key" '2 c,4 kept,9 stays,30 moved' "$(rows "$kind" one)"
    [ "$kind" = rest ] && same "$kind: one commit" 2 "$(readers snapshots "$kind" shop.one | wc -l)"
    same "$kind: its summary" 'overwrite data 1/6 positions 1/3 equality 1/6' "$(readers snapshots "$kind" shop.one | tail -n 1)"
    same "$kind: what has no place" '2' "$(reasons one | grep -c 'is required\|REPLICA IDENTITY')"
    flow one # once more: the same
    same "$kind: changes that come again" '2 c,4 kept,9 stays,30 moved' "$(rows "$kind" one)"
done
readers make rest shop.empty 'id long!,v string' '' id
cp "$dir/one.rows" "$dir/empty.rows"
changes rest empty "upsertMode: true"
flow empty
same 'an empty table needs no deletes by key' 'overwrite data 1/6 positions 1/3' "$(readers snapshots rest shop.empty | tail -n 1)"
same 'an empty table, by PyIceberg' '2 c 4 kept 30 moved' \
    "$(readers rows rest shop.empty id | python3 -c 'import json, sys; print(*[x for l in sys.stdin for x in json.loads(l).values()])')"

same 'and no file of them is written' 2 "$(find "$(place_of empty)/data" -name '*.parquet' | wc -l)"
readers make rest shop.nobody 'id long!,v string' '' id
printf '%s\n' '{"op":"delete","row":{"id":1}}' >"$dir/nobody.rows"
changes rest nobody "upsertMode: true"
flow nobody
same 'deletes of no row make no snapshot' '1 0' "$(summary sent) $(readers snapshots rest shop.nobody | wc -l)"

# Rows of another writer, that come into the empty table after it was looked at: the key is deleted there, too.
readers make rest shop.race 'id long!,v string' '' id
echo '{"before":null,"after":{"id":1000000,"v":"ours"},"op":"c","source":{"db":"d"}}' >"$dir/race.jsonl"
echo append/rest/shop.race >"$dir/plan"
python3 "$here/iceberg/proxy.py" "$dir/port" "$DF_ICEBERG" "$dir/plan" "$dir/proxied" >"$dir/proxy.log" 2>&1 &
proxy=$!
until_true 20 test -s "$dir/port" || bad 'the proxy'
sink rest race "upsertMode: true"
echo 'transformations: [{type: debeziumUnwrap}]' >>"$dir/race.yaml"
real=$DF_ICEBERG
DF_ICEBERG=http://127.0.0.1:$(<"$dir/port")
flow race
DF_ICEBERG=$real
kill "$proxy"
wait "$proxy" 2>/dev/null
same 'rows that come into an empty table meanwhile' '1000000 ours' "$(rows rest race)"
same 'and it was told' 1 "$(grep -c 'was empty and got rows of another writer' "$dir/log")"

# ---- many commits, against a model ---------------------------------------------------------------
matches() { # KIND NAME WHAT
    readers duck "$1" "shop.$2" 'select id, k, v from t order by id, k' >"$dir/$2.got"
    same "$3" "" "$(diff "$dir/$2.want" "$dir/$2.got" | head -n 5)"
}
types='id long!,k string!,v long'
seed=1
for line in 'flat;' 'key;identity k' 'bucket;bucket[4] id,identity k' 'other;truncate[100] v'; do
    IFS=';' read -r name spec <<<"$line"
    model "$name" $((seed++))
    readers make rest "shop.$name" "$types" "$spec"
    changes rest "$name" "upsertMode: true" "conflictKey: 'id, k'" "batchSize: 211"
    flow "$name"
    matches rest "$name" "against the model, partitioned by '$spec'"
done
same 'keys that do not tell the partition: deletes reach all' 1 "$(readers specs rest shop.other | grep -c '^$')"
model turn 9
readers make rest shop.turn "$types" 'identity k'
head -n 1500 "$dir/turn.rows" >"$dir/half.rows"
mv "$dir/turn.rows" "$dir/all.rows" && cp "$dir/half.rows" "$dir/turn.rows"
changes rest turn "upsertMode: true" "conflictKey: 'id, k'" "batchSize: 211"
flow turn
readers evolve rest shop.turn 'bucket[3] id'
cp "$dir/all.rows" "$dir/turn.rows"
changes rest turn "upsertMode: true" "conflictKey: 'id, k'" "batchSize: 211"
flow turn
readers merge rest shop.turn | sort -n -k1,1 -k2,2 >"$dir/turn.got"
same 'a spec that changes between changes' "" "$(diff "$dir/turn.want" "$dir/turn.got" | head -n 5)"
model nes 11
readers make nessie shop.nes "$types" 'bucket[2] id'
changes nessie nes "upsertMode: true" "conflictKey: 'id, k'" "batchSize: 500"
flow nes
matches nessie nes 'Nessie, against the model'

# ---- what is refused -----------------------------------------------------------------------------
readers make rest shop.nokey 'id long,v string'
cp "$dir/one.rows" "$dir/nokey.rows"
changes rest nokey "upsertMode: true"
same 'no key' 1 "$(refused_flow nokey | grep -c 'has no identifier fields; name the key columns with conflictKey')"
changes rest nokey "upsertMode: true" "conflictKey: nope"
same 'a key that is no column' 1 "$(refused_flow nokey | grep -c 'column nope of the key is not there')"
VERSION=1 readers make rest shop.first 'id long,v string'
cp "$dir/one.rows" "$dir/first.rows"
changes rest first "upsertMode: true" "conflictKey: id"
same 'format-version 1' 1 "$(refused_flow first | grep -c "ALTER TABLE ... SET TBLPROPERTIES ('format-version' = '2') upgrades it")"
VERSION=3 readers make rest shop.third 'id long,v string'
cp "$dir/one.rows" "$dir/third.rows"
changes rest third "upsertMode: true" "conflictKey: id"
same 'format-version 3' 1 "$(refused_flow third | grep -c "is 3; only 2 is written, and no table goes back: make one with 'format-version' = '2'")"
changes rest nokey "upsertMode: true" "rawMode: true"
same 'rawMode' 1 "$(dfproc validate "$dir/nokey.yaml" 2>&1 | grep -c 'upsertMode needs columns of its own')"
changes rest made "upsertMode: true" "autoCreateTable: true" "conflictKey: id" "partitionBy: 'bucket(4, id)'"
cp "$dir/one.rows" "$dir/made.rows"
flow made
same 'a table that is made' '2 c,4 kept,30 moved' "$(rows rest made)"
changes rest made "upsertMode: true"
flow made
same 'its identifier fields are the key' '2 c,4 kept,30 moved' "$(rows rest made)"

# ---- kills ---------------------------------------------------------------------------------------
library=$(dirname "$(command -v dfproc)")/../modules/iceberg.so
if grep -qs DF_CRASH_AT "$library"; then
    for at in iceberg.file:1 iceberg.file:3 iceberg.files:1 iceberg.deletes:1 iceberg.commit:2 iceberg.committed:1 iceberg.committed:2; do
        name=x_${at//[.:]/_}
        model "$name" $((seed++))
        readers make rest "shop.$name" "$types" 'bucket[2] id'
        events "$name"
        mv "$dir/$name.jsonl" "$dir/all.jsonl"
        sink rest "$name" "upsertMode: true" "conflictKey: 'id, k'"
        printf '%s\n' 'transformations: [{type: debeziumUnwrap}]' 'deliveryGuarantee: exactlyOnce' >>"$dir/$name.yaml"
        head -n 1000 "$dir/all.jsonl" >"$dir/$name.jsonl"
        flow "$name"
        head -n 2000 "$dir/all.jsonl" >"$dir/$name.jsonl"
        { DF_CRASH_AT=$at timeout --foreground -k 5 60 dfproc run "$dir/$name.yaml" --until-exhausted >"$dir/out" 2>&1; } 2>/dev/null
        same "killed at $at" 137 $?
        cp "$dir/all.jsonl" "$dir/$name.jsonl"
        flow "$name"
        matches rest "$name" "killed at $at: against the model"
    done
else
    echo 'no crash points in this build (cmake -DDF_CRASHPOINTS=ON): the kills are left out'
fi
finish
