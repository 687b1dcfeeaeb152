#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Random transactions of two writers on three tables, columns that come and go among them, while the flow is killed
# again and again: the copies are equal whenever it has caught up. Even seeds: at least once; odd ones: transactions
# whole, exactly once. The long run:
#   DF_SHADOW_SEED=7 DF_SHADOW_CHANGES=1000000 tests/bed/with-servers bash tests/integration/postgresql/test_cdc_shadow.sh
. "$(dirname "$0")/../pg_cdc_lib.sh"
here=$(dirname "$0")
seed=${DF_SHADOW_SEED:-1} changes=${DF_SHADOW_CHANGES:-12000}
echo "seed    $seed"

copy=${schema}_copy
psql "$DF_PG" -Xqc "create database $copy" || exit 1
export PG_COPY_URL=$(sed -E "s#(//[^/]*/)[^?]*#\1$copy#" <<<"$DF_PG")
trap '[ "$BASHPID" = $$ ] && tidy && psql "$DF_PG" -Xqc "drop database $copy with (force)"; leave' EXIT
at_copy() { psql "$PG_COPY_URL" -XqAt -v ON_ERROR_STOP=1 -c "$1"; }
at_copy "create schema $schema"
for where in sql at_copy; do
    $where "set search_path to $schema; create table a (id int primary key, n int, doc text); alter table a alter doc set storage external;
        create table b (k text, m int, t text, n int, primary key (k, m));
        create table c (u bigint not null unique, v numeric, j jsonb, at timestamptz, l int[]); alter table c replica identity using index c_u_key"
done
sql "insert into a select g, g, repeat('d', 2500) from generate_series(1, 3000, 2) g"
{
    [ $((seed % 2)) = 0 ] || echo 'deliveryGuarantee: exactlyOnce'
    source_of shadow "$schema.a, $schema.b, $schema.c" 'heartbeatIntervalSeconds: 1' "applyTransactions: $([ $((seed % 2)) = 0 ] && echo false || echo true)"
    echo "sink: {type: postgresql, config: {connectionString: \"\${env:PG_COPY_URL}\", table: $schema.a, upsertMode: true,"
    echo "  autoAddColumns: true, autoWidenColumns: true, tableFrom: metadata.table, tableAllow: '$schema[.][abc]'}}"
} >"$dir/shadow.yaml"

# Columns of the source alone: those that were dropped there stay in the copy. One that no row came with yet is not
# in the copy, and has no value in the source.
columns_of() { "$1" "set search_path to $schema; select attname from pg_attribute where attrelid = '$2'::regclass and attnum > 0 and not attisdropped order by attnum"; }
contents() { # COMMAND TABLE COLUMNS-OF-THE-SOURCE
    local has row=
    has=" $(columns_of "$1" "$2" | tr '\n' ' ')"
    for column in $3; do [[ $has == *" $column "* ]] && row+=", $column::text" || row+=", null"; done
    "$1" "set search_path to $schema; select md5(string_agg(r, '|' order by r collate \"C\")) || ' ' || count(*) from (select row(${row#, })::text as r from $2) rows"
}
compare() {
    local table columns
    for table in a b c; do
        columns=$(columns_of sql $table)
        same "seed $seed, part $1: $table" "$(contents sql $table "$columns")" "$(contents at_copy $table "$columns")"
    done
}
part=$((changes < 24000 ? changes / 4 : 6000)) parts=$(((changes + part - 1) / part))
for ((p = 1; p <= parts && !failed; p++)); do
    start shadow
    for w in 1 2; do
        python3 "$here/shadow.py" "$seed.$p" $((part / 2)) "$w" | psql "$PG_TEST_URL" -Xq >"$dir/writer$w" 2>&1 &
        writers[w]=$!
    done
    wait "${writers[@]}"
    kill -9 "$flow" && wait "$flow" 2>/dev/null # wherever it is
    [ $((p % 4)) = 0 ] || [ $p = $parts ] || continue
    until_end shadow 0
    compare $p
done
echo "changes $(sql "select sum(n_tup_ins + n_tup_upd + n_tup_del) from pg_stat_user_tables where schemaname = '$schema'")"
finish
