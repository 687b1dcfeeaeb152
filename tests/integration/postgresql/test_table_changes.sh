#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# The table is dropped and made again, changed, or away for a while, under a sink that runs: the sink looks it up
# anew and goes on; when the new one cannot take the records it says why, as at the start.
. "$(dirname "$0")/../pg_lib.sh"

runner=
# begin NAME OPTION...: a flow that reads lines from descriptor 7
begin() {
    name=$1
    manifest "$@"
    run_it
}
run_it() {
    rm -rf "$dir/state" "$dir/pipe"
    mkfifo "$dir/pipe"
    sed -i "s#path: $dir/[a-z_]*.jsonl#path: $dir/pipe#" "$dir/$name.yaml"
    timeout --foreground -k 5 90 dfproc run "$dir/$name.yaml" --until-exhausted >"$dir/out" 2>&1 7>&- &
    runner=$!
    exec 7>"$dir/pipe"
}
# give LINE...: and wait for QUERY to answer WANT: until WANT QUERY
give() { printf '%s\n' "$@" >&7; }
until_is() {
    for _ in $(seq 300); do
        [ "$(sql "$2" 2>/dev/null)" = "$1" ] && return
        kill -0 $runner 2>/dev/null || break
        sleep 0.05
    done
    bad "$name: \"$2\" is not $1: $(tail -n 1 "$dir/out" | cut -c1-300)"
}
told() { # TEXT: the log has it
    for _ in $(seq 200); do grep -qF -- "$1" "$dir/out" && return; sleep 0.05; done
    bad "$name: the log has no \"$1\""
}
end() { # CODE
    exec 7>&-
    wait $runner
    same "$name ends" "$1" "$?"
}

# ---- dropped and made again ------------------------------------------------------------------------------
sql 'create table again (k int)'
begin again
give '{"k":1}'
until_is 1 'select count(*) from again'
sql 'drop table again'
give '{"k":2}' '{"k":3}'
told 'table again is gone'
sql 'create table again (k int)'
until_is 2 'select count(*) from again'
sql 'begin; drop table again; create table again (v text, k bigint); commit'
give '{"k":5000000000,"v":"x"}'
until_is '5000000000 x' "select k || ' ' || v from again"
end 0
same 'nothing is refused' 0 "$(summary errored)"

# ---- renamed away and back, its schema as well --------------------------------------------------------------
sql 'create table away (k int primary key, v int)'
begin away 'upsertMode: true'
give '{"k":1,"v":1}'
until_is 1 'select count(*) from away'
sql 'alter table away rename to elsewhere'
give '{"k":1,"v":2}' '{"k":2,"v":2}'
told 'table away is gone'
sql 'alter table elsewhere rename to away'
until_is 4 'select sum(v) from away'
end 0

sql "create schema ${schema}_own; create table ${schema}_own.t (k int)"
for create in false true; do
    begin in_schema "autoCreateTable: $create"
    sed -i "s#table: in_schema#table: ${schema}_own.t#" "$dir/in_schema.yaml"
    exec 7>&-
    wait $runner
    run_it
    give '{"k":1}'
    until_is 1 "select count(*) from ${schema}_own.t where k = 1"
    sql "drop schema ${schema}_own cascade"
    give '{"k":2}'
    told 'next try'
    sql "create schema ${schema}_own"
    [ $create = true ] || sql "create table ${schema}_own.t (k int)"
    until_is 1 "select count(*) from ${schema}_own.t where k = 2"
    sql "truncate ${schema}_own.t"
    end 0
done
sql "drop schema ${schema}_own cascade"

# ---- the table of a route --------------------------------------------------------------------------------------
sql 'create table routed (k int); create table other (k int)'
begin routed
exec 7>&-
wait $runner
cat >>"$dir/routed.yaml" <<END
transformations:
  - type: router
    config:
      routes:
        - condition: "\$.k > 10"
          sink: {type: postgresql, config: {connectionString: "\${env:PG_TEST_URL}", table: other}}
END
run_it
give '{"k":11}'
until_is 11 'select k from other'
sql 'alter table other rename to hidden'
give '{"k":12}' '{"k":1}'
until_is 1 'select k from routed'
told 'table other is gone'
sql 'create table other (k int)'
until_is 12 'select k from other'
end 0

# ---- columns change -------------------------------------------------------------------------------------------
for mode in false true; do
    sql 'drop table if exists altered; create table altered (k int primary key, v int, w text)'
    begin altered "upsertMode: $mode"
    give '{"k":1,"v":1,"w":"a"}'
    until_is 1 'select count(*) from altered'
    sql 'alter table altered alter v type text, alter k type bigint'
    give '{"k":5000000000,"v":"word","w":"b"}' '{"k":2,"v":7,"w":"b"}'
    until_is '1:1 2:7 5000000000:word' "select string_agg(k || ':' || v, ' ' order by k) from altered"
    sql 'alter table altered drop column w'
    give '{"k":3,"v":"x","w":"c"}' '{"k":4,"v":"y"}'
    until_is y "select v from altered where k = 4"
    end 0
    same "upsertMode: $mode: a column that is gone refuses what has it" '1 1' \
        "$(summary errored) $(grep -c 'the table has no column for' "$dir/altered.errors")"
    rm -f "$dir/altered.errors"
done

# ---- a new table that cannot take the records -------------------------------------------------------------------
sql 'create table keyless (k int primary key)'
begin keyless 'upsertMode: true'
give '{"k":1}'
until_is 1 'select count(*) from keyless'
sql 'begin; drop table keyless; create table keyless (k int); commit'
give '{"k":2}'
end 1
grep -q 'the table has no primary key or unique index' "$dir/out" && ok 'and says why' ||
    bad "no word about the key: $(tail -n 1 "$dir/out" | cut -c1-300)"
finish
