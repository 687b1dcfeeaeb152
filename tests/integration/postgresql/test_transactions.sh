#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# applyTransactions: money moves between accounts of two tables, in small and large transactions, while
# the flow is killed and stopped again and again. Who reads the copies never sees money that is not there yet or
# is there twice. Then what is in the way of a whole transaction: too little memory, a filter, a refused row.
. "$(dirname "$0")/../pg_cdc_lib.sh"

copy=${schema}_copy # a database of its own: the tables keep their names
psql "$DF_PG" -Xqc "create database $copy" || exit 1
export PG_COPY_URL=$(sed -E "s#(//[^/]*/)[^?]*#\1$copy#" <<<"$DF_PG")
trap '[ "$BASHPID" = $$ ] && tidy && psql "$DF_PG" -Xqc "drop database $copy with (force)"; leave' EXIT
at_copy() { psql "$PG_COPY_URL" -XqAt -v ON_ERROR_STOP=1 -c "$1"; }

bank() { # NAME "spec lines" "option: value lines of the source"
    {
        echo "deliveryGuarantee: exactlyOnce"
        [ -z "$2" ] || printf '%s\n' "$2"
        source_of "$1" "$schema.here, $schema.there" 'applyTransactions: true' "${@:3}"
        echo "sink: {type: postgresql, config: {connectionString: \"\${env:PG_COPY_URL}\", table: $schema.here, upsertMode: true,"
        echo "  tableFrom: metadata.table, tableAllow: '$schema[.](here|there)'}}"
    } >"$dir/$1.yaml"
}
at_copy "create schema $schema"
for where in sql at_copy; do
    $where "create table $schema.here (id int primary key, balance bigint not null); create table $schema.there (like $schema.here including all)"
done
sql "insert into here select g, 1000 from generate_series(1, 6000) g; insert into there select * from here"
copied="select (select sum(balance) from $schema.here) + (select sum(balance) from $schema.there)"
contents() { "$1" "select md5(string_agg(t::text, ',' order by t, id)) from (select 1 as t, * from $schema.here union all select 2, * from $schema.there) t"; }
equal() { same "$1" "$(contents sql)" "$(contents at_copy)"; }

# ---- nobody sees a half -------------------------------------------------------------------------------
bank bank '' 'heartbeatIntervalSeconds: 1'
until_end bank 0
equal 'the tables are copied'
yes "$copied;" | psql "$PG_COPY_URL" -XqAt >"$dir/seen" 2>"$dir/seen.err" &
reader=$!
{
    for i in $(seq 120); do # one of 16 moves something of every account, above what a batch and a part hold
        [ $((i % 16)) = 0 ] && every=1 || every=300
        echo "begin; update here set balance = balance - $i where id % $every = 0; update there set balance = balance + $i where id % $every = 0; commit;"
    done
} | psql "$PG_TEST_URL" -Xq &
writer=$!
moved() { [ "$(at_copy "select max(seq) from $schema.dataflow_positions")" != "$before" ]; }
for i in 1 2 3 4; do
    [ "$i" = 3 ] && { # from here on large transactions come in parts
        sed -i -e 's/^\( *\)slotName:/\1streaming: on\n&/' -e 's/PG_TEST_URL/PG_PART_URL/' "$dir/bank.yaml"
        export PG_PART_URL="${PG_TEST_URL/search_path/logical_decoding_work_mem%3D64kB%20-csearch_path}"
    }
    before=$(at_copy "select max(seq) from $schema.dataflow_positions")
    start bank
    until_true 60 moved || bad "run $i delivers nothing: $(tail -n 2 "$dir/bank.out")"
    if [ $((i % 2)) = 0 ]; then stop || bad "run $i: stopped with exit code $?"; else kill -9 "$flow" && wait "$flow" 2>/dev/null; fi
    sql "begin; update here set balance = balance + $i; update there set balance = balance - $i; commit"
done
wait "$writer" || bad 'the writer failed'
until_end bank 0
kill "$reader" && wait "$reader" 2>/dev/null
equal 'the copies are equal at the end'
same 'every sum that was read' 12000000 "$(sort -u "$dir/seen")"
[ "$(wc -l <"$dir/seen")" -gt 100 ] && ok "and there were many: $(wc -l <"$dir/seen")" || bad "only $(wc -l <"$dir/seen") sums: $(cat "$dir/seen.err")"

# ---- too large ------------------------------------------------------------------------------------------
bank bank 'memoryLimit: 4Mi'
sql 'begin; update here set balance = balance - 1; update there set balance = balance + 1; commit'
had=$(contents at_copy)
until_end bank 1
says 'a transaction without memory ends the run' 'applyTransactions: transaction [0-9]* does not fit'
same '  nothing of it is there' "$had" "$(contents at_copy)"
bank bank ''
until_end bank 0
equal '  with more memory it comes whole'

# ---- filtered and refused -----------------------------------------------------------------------------------
at_copy "alter table $schema.here add check (balance < 1000000)"
sql 'begin; insert into there values (9001, 4); insert into here values (9001, 1), (9002, 2000000), (9003, 3); commit'
had=$(contents at_copy)
until_end bank 1
same 'without an error sink nothing of a transaction with a refused row is written' "$had" "$(contents at_copy)"
{ cat "$dir/bank.yaml" && echo "errors: {type: stdio, config: {path: $dir/errors}}"; } >"$dir/new" && mv "$dir/new" "$dir/bank.yaml"
until_end bank 0
same '  with one the others come together' '9001 9003 1 1' \
    "$(at_copy "select string_agg(id::text, ' ' order by id) from $schema.here where id > 9000") $(at_copy "select count(*) from $schema.there where id > 9000") $(wc -l <"$dir/errors")"
{ cat "$dir/bank.yaml" && echo 'transformations: [{type: filter, config: {condition: "$.id < 9100"}}]'; } >"$dir/new" && mv "$dir/new" "$dir/bank.yaml"
sql 'begin; insert into here values (9101, 1); insert into there values (9004, 1), (9102, 1); commit; insert into here values (9103, 1)'
until_end bank 0
same 'so is a filtered one' '9004 0' \
    "$(at_copy "select string_agg(id::text, ' ') from $schema.there where id > 9001") $(at_copy "select count(*) from $schema.here where id > 9100")"
until_end bank 0
same '  and is not read again' 0 "$(summary received)"

sed -i '/^deliveryGuarantee/d' "$dir/bank.yaml"
dfproc validate "$dir/bank.yaml" >"$dir/out" 2>&1 && bad 'valid without exactlyOnce'
says 'it needs exactlyOnce' 'applyTransactions.*needs deliveryGuarantee: exactlyOnce'
finish
