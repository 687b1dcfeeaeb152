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
finish
