#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# autoAddColumns and autoWidenColumns: a table that follows its records.
. "$(dirname "$0")/../pg_cdc_lib.sh"
shape() { sql "select string_agg(attname || ' ' || format_type(atttypid, atttypmod), ', ' order by attnum) from pg_attribute where attrelid = '$1'::regclass and attnum > 0 and not attisdropped"; }
rows() { sql "select count(*) from $1"; }
refused() { wc -l <"$dir/$1.errors" 2>/dev/null || echo 0; }

# ---- columns that are added --------------------------------------------------------------------------
for mode in append upsert exact; do
    t=add_$mode
    sql "create table $t (id int primary key, twice int generated always as (id * 2) stored)"
    case $mode in
    append) manifest $t 'autoAddColumns: true' ;;
    upsert) manifest $t 'autoAddColumns: true' 'upsertMode: true' ;;
    exact) manifest $t 'autoAddColumns: true' && sed -i '1i deliveryGuarantee: exactlyOnce' "$dir/$t.yaml" ;;
    esac
    cat >"$dir/$t.jsonl" <<-END
	{"id":1}
	{"id":2,"n":7,"nothing":null}
	{"id":3,"n":1.5,"Some Name":"x","at":"2026-01-02T03:04:05Z","list":[1,2],"flag":true}
	{"id":4,"twice":9}
	{"id":5,"$(printf 'x%.0s' $(seq 64))":1}
	END
    flow $t 0
    same "$mode: the columns" 'id integer, twice integer, n numeric, Some Name text, at timestamp with time zone, list jsonb, flag boolean' "$(shape $t)"
    same '  the rows' '1|||||,2|7||||,3|1.5|x|2026-01-02 03:04:05+00|[1, 2]|t' \
        "$(sql "set timezone = utc; select string_agg(concat_ws('|', id, coalesce(n::text, ''), coalesce(\"Some Name\", ''), coalesce(at::text, ''), coalesce(list::text, ''), coalesce(flag::text::char, '')), ',' order by id) from $t")"
    same '  a generated column and a name that is too long are refused' 2 "$(refused $t)"
done
printf '{"id":10,"more":1}\n' >"$dir/add_append.jsonl"
sql "drop table add_append"
sed -i 's/autoAddColumns: true/&\n    autoCreateTable: true/' "$dir/add_append.yaml"
flow add_append 0
same 'beside a table that is made' 1 "$(rows add_append)"

# ---- while rows are on their way, in both kinds of batches ---------------------------------------------
sql "create table flowing (id int primary key)"
manifest flowing 'autoAddColumns: true'
seq 1 30000 | awk '{ printf "{\"id\":%d%s}\n", $1, $1 % 10000 == 0 ? ",\"c" $1 "\":" $1 : "" }' >"$dir/flowing.jsonl"
flow flowing 0
same 'rows before and after a new column' '30000 10000 20000 30000' "$(sql 'select concat_ws($$ $$, count(*), max(c10000), max(c20000), max(c30000)) from flowing')"

# ---- types that the source knows -------------------------------------------------------------------------
sql "create table src (id int primary key, v text); insert into src values (1, 'a'); create table dst (like src including all)"
{ source_of s "$schema.src" && printf '%s\n' 'sink:' '  type: postgresql' '  config:' "    connectionString: \${env:PG_TEST_URL}" '    table: dst' '    upsertMode: true' '    autoAddColumns: true' '    autoWidenColumns: true'; } >"$dir/s.yaml"
until_end s 0
sql "alter table src add column price numeric(10,2) default 1.5, add column day date; insert into src values (2, 'b', 2.25, '2026-01-02'); update src set v = 'c' where id = 1"
until_end s 0
same 'columns of the source, by its types' 'id integer, v text, price numeric(10,2), day date' "$(shape dst)"
same '  with their values' '1 c 1.50,2 b 2.25' "$(sql "select string_agg(concat_ws(' ', id, v, price), ',' order by id) from dst")"
sql "alter table src alter column id type bigint, alter column price type numeric(20,6); insert into src values (5000000000, 'big', 1.123456)"
until_end s 0
same 'types that became wider there' 'id bigint, v text, price numeric, day date' "$(shape dst)"
same '  with their values' '5000000000 1.123456' "$(sql "select id || ' ' || price from dst where v = 'big'")"
forget s

# ---- columns that are widened ----------------------------------------------------------------------------
sql "create domain small as int; create table wide (id int primary key, a smallint, b int, c bigint, d real, e varchar(3), f numeric(5,2), g char(3), h small)"
manifest wide 'autoWidenColumns: true'
cat >"$dir/wide.jsonl" <<-END
	{"id":1,"a":1,"b":2,"c":3,"d":4.5,"e":"abc","f":1.25,"g":"abc","h":1}
	{"id":2,"a":40000,"b":3000000000,"c":99999999999999999999,"d":1e300,"e":"abcd","f":123456.789}
	{"id":3,"a":5000000000,"b":1.5}
	{"id":4,"g":"abcd"}
	{"id":5,"h":5000000000}
	{"id":6,"b":"no number"}
	END
flow wide 0
same 'each to the narrowest that holds all' 'id integer, a bigint, b numeric, c numeric, d double precision, e text, f numeric, g character(3), h small' "$(shape wide)"
same '  and nothing else' '1 2 3' "$(sql "select string_agg(id::text, ' ' order by id) from wide")"
same '  is refused' 3 "$(refused wide)"

sql "create table seen (id int primary key, v int); create view shows as select v from seen"
manifest seen 'autoWidenColumns: true' 'autoAddColumns: true'
printf '{"id":1,"v":1}\n{"id":2,"v":5000000000}\n{"id":3,"w":3}\n' >"$dir/seen.jsonl"
flow seen 0
same 'a column that a view shows stays' 'id integer, v integer, w bigint' "$(shape seen)"
says '  and it is told' 'autoWidenColumns: table seen stays as it is.*used by a view'
same '  its value is refused, the others are there' '1 3 1' "$(sql "select string_agg(id::text, ' ' order by id) from seen") $(refused seen)"

# ---- who may, and what goes together -------------------------------------------------------------------------
user=${schema}_a
sql "create role $user login password 'u'; grant usage on schema $schema to $user; grant select, insert on seen to $user"
export PG_USER_URL="postgres://$user:u@${PG_TEST_URL#*@}"
sed "s|env:PG_TEST_URL|env:PG_USER_URL|" "$dir/seen.yaml" >"$dir/own.yaml"
flow own 1
says 'only the owner' 'autoAddColumns: only the owner of table seen may change it'
timeout 60 dfproc validate --connect "$dir/own.yaml" >"$dir/out" 2>&1
same '  as a look before says' 1 $?
sql "drop owned by $user; drop role $user"
manifest both 'autoAddColumns: true' 'unknownFields: ignore'
timeout 60 dfproc validate "$dir/both.yaml" >"$dir/out" 2>&1
says 'leaving out what is to be a column' 'autoAddColumns.*unknownFields: ignore'

# ---- a table that is locked ------------------------------------------------------------------------------------
sql "create table locked (id int primary key)"
manifest locked 'autoAddColumns: true'
printf '{"id":1,"v":1}\n' >"$dir/locked.jsonl"
mkfifo "$dir/hold"
psql "$PG_TEST_URL" -Xq <"$dir/hold" >/dev/null &
holder=$!
exec 9>"$dir/hold"
echo "begin; select * from locked;" >&9
wait_for 'somebody reads the table' 1 admin "select count(*) from pg_locks where relation = '$schema.locked'::regclass and granted"
start locked
waits() { admin "select count(*) from pg_locks where relation = '$schema.locked'::regclass and not granted"; }
wait_for 'the column waits for it' 1 waits
echo 'rollback;' >&9
exec 9>&-
wait $holder
wait_for 'and is added' 1 sql 'select count(*) from locked'
wait "$flow"
finish
