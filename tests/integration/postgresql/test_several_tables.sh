#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# tableFrom and tableAllow: one sink, several tables, one transaction for each batch.
. "$(dirname "$0")/../pg_cdc_lib.sh"
refused() { cat "$dir/$1.errors" 2>/dev/null | wc -l; }
reasons() { jq -r '.reason // .error.reason' "$dir/$1.errors" 2>/dev/null | sort | uniq -c | tr -s ' \n' ' '; }

# ---- which table ---------------------------------------------------------------------------------------
sql "create table rest (id int primary key, kind text, v int, n int); create table a (id int primary key, kind text, v int check (v < 100));
     create table b (id int primary key, kind text, v int check (v < 100)); create table \"Mixed.Case\" (id int primary key, kind text)"
manifest rest 'tableFrom: $.kind' "tableAllow: '[abc]|Mi.*|\"Mi.*|$schema.[ab]'" 'unknownFields: error'
{
    for n in $(seq 1 500); do printf '{"id":%d,"kind":"%s","v":1}\n' "$n" "$([ $((n % 2)) = 0 ] && echo a || echo b)"; done
    printf '{"id":1,"n":5}\n{"id":2,"kind":null,"n":6}\n'
    printf '{"id":1001,"kind":"%s.a","v":1}\n' "$schema"
    printf '{"id":1,"kind":"\\"Mixed.Case\\""}\n'
    printf '{"id":3,"kind":"a; drop table a","v":1}\n{"id":4,"kind":"pg_class","v":1}\n{"id":5,"kind":7,"v":1}\n{"id":6,"kind":"c","v":1}\n{"id":7,"kind":"Mi.x.y","v":1}\n'
    printf '{"id":600,"kind":"a","v":100}\n{"id":601,"kind":"b","v":"x"}\n{"id":602,"kind":"b","v":2}\n{"id":2,"kind":"a","v":3}\n{"id":603,"kind":"a","v":4}\n'
} >"$dir/rest.jsonl"
flow rest 0
same 'rows in each table' '252 251 2 1' "$(sql 'select (select count(*) from a), (select count(*) from b), (select count(*) from rest), (select count(*) from "Mixed.Case")' | tr '|' ' ')"
same 'refused ones, and nothing else' 8 "$(refused rest)"
same '  for a name that is not allowed or no table' 5 "$(grep -c 'tableFrom\|does not exist' "$dir/rest.errors")"
same '  and those after them are there' '602 603' "$(sql 'select max(id) from b union all select max(v * 0 + id) from a where id < 1000' | tr '\n' ' ' | sed 's/ $//')"

manifest only 'tableFrom: $.kind'
timeout 60 dfproc validate "$dir/only.yaml" >"$dir/out" 2>&1
says 'tableFrom needs tableAllow' 'tableAllow.*is required with tableFrom'
manifest only 'tableAllow: x'
timeout 60 dfproc validate "$dir/only.yaml" >"$dir/out" 2>&1
says '  and it tableFrom' 'tableAllow.*no meaning without tableFrom'
manifest only 'tableFrom: $.kind' "tableAllow: 'a('"
timeout 60 dfproc validate "$dir/only.yaml" >"$dir/out" 2>&1
says '  a pattern that is none' 'tableAllow.*is not a regular expression'

# ---- one table under two names; a state of its own for a row that is alone in its table ---------------------
sql "create table same (id int primary key, kind text, v int)"
manifest same 'tableFrom: $.kind' "tableAllow: 'same|$schema.same'" 'upsertMode: true'
printf '{"id":1,"v":1}\n{"id":1,"kind":"%s.same","v":2}\n{"id":1,"v":3}\n' "$schema" >"$dir/same.jsonl"
flow same 0
same 'in the order of the records under both names' 3 "$(sql 'select v from same')"

sql "create table plain (id int primary key, kind text, v int); create table veto (like plain including all);
     create function no() returns trigger language plpgsql as \$\$ begin if new.v < 0 then raise exception 'no' using errcode = 'AB123'; end if; return new; end \$\$;
     create trigger no before insert on veto for each row execute function no()"
manifest veto 'tableFrom: $.kind' "tableAllow: 'plain|veto'" 'batchSize: 100'
{
    for n in $(seq 1 10); do printf '{"id":%d,"kind":"veto","v":%d}\n' "$n" $((n % 2 - 1)); done
    for n in $(seq 11 199); do printf '{"id":%d,"kind":"plain","v":1}\n' "$n"; done
    printf '{"id":200,"kind":"veto","v":-1}\n'
} >"$dir/veto.jsonl"
flow veto 0
same 'a row that is refused alone takes none with it' '189 5' "$(sql 'select (select count(*) from plain), (select count(*) from veto)' | tr '|' ' ')"
same '  and is an error' 6 "$(refused veto)"

# ---- names without a table give their places back ----------------------------------------------------------
manifest idle 'tableFrom: $.kind' "tableAllow: 'no_[0-9]*|idle_[0-9]'"
sql "create table idle (id int primary key, kind text); create table idle_1 (like idle including all); create table idle_2 (like idle including all)"
{
    echo '{"id":1,"kind":"idle_1"}'
    for n in $(seq 1 1300); do printf '{"id":%d,"kind":"no_%d"}\n' "$n" "$n"; done
    printf '{"id":2,"kind":"idle_1"}\n{"id":2,"kind":"idle_2"}\n{"id":3,"kind":"no_1"}\n'
} >"$dir/idle.jsonl"
flow idle 0
same '1,300 names without a table take no place' '2 1' "$(sql 'select (select count(*) from idle_1), (select count(*) from idle_2)' | tr '|' ' ')"
same '  and each is told' 1301 "$(grep -c 'does not exist' "$dir/idle.errors")"

# ---- a row of one table is a row of another, too -----------------------------------------------------------
sql "create table kp (id int primary key, kind text, v int); create table kc (primary key (id)) inherits (kp)"
manifest kp 'tableFrom: $.kind' 'tableAllow: kc' 'upsertMode: true'
sed -i '1a transformations: [{type: debeziumUnwrap}]' "$dir/kp.yaml"
printf '{"payload":{"op":"%s","before":%s,"after":%s}}\n' c null '{"id":1,"kind":"kc","v":1}' d '{"id":1}' null c null '{"id":1,"kind":"kc","v":2}' >"$dir/kp.jsonl"
flow kp 0
same 'INHERITS: in the order of the records' 2 "$(sql 'select v from kc')"

# ---- a constraint that looks at the end of the transaction --------------------------------------------------
sql "create sequence tries; create table dp (id int primary key); insert into dp values (1);
     create table dc (id int primary key, kind text, p int references dp deferrable initially deferred);
     create table last (id int primary key, kind text, n int default nextval('tries'))"
manifest last 'tableFrom: $.kind' 'tableAllow: dc' 'batchSize: 100'
{
    for n in $(seq 1 50); do printf '{"id":%d,"kind":"dc","p":%d}\n' "$n" $((n == 20 ? 2 : 1)); done
    for n in $(seq 1 50); do printf '{"id":%d}\n' "$n"; done
} >"$dir/last.jsonl"
flow last 0
same 'a deferred constraint: all but one' '49 50 1' "$(sql 'select (select count(*) from dc), (select count(*) from last)' | tr '|' ' ') $(refused last)"
same '  found in its own table, in one more try' 100 "$(sql 'select last_value from tries')"

# ---- tables that are made; more columns; upsert in tables of one shape -------------------------------------
manifest made 'tableFrom: metadata.none' 'tableAllow: made_.*' 'autoCreateTable: true' 'autoAddColumns: true' 'upsertMode: true' 'conflictKey: id'
sed -i 's/metadata.none/$.t/' "$dir/made.yaml"
{
    for n in $(seq 1 300); do printf '{"id":%d,"t":"made_%d","v":%d}\n' $((n % 50)) $((n % 3)) "$n"; done
    printf '{"id":1,"t":"made_0","extra":"x"}\n{"id":1,"t":"made_1","v":"no number"}\n{"id":9999,"t":"made_2","v":1}\n'
} >"$dir/made.jsonl"
flow made 0
same 'three tables, made from their records' '50 50 51' "$(sql 'select (select count(*) from made_0), (select count(*) from made_1), (select count(*) from made_2)' | tr '|' ' ')"
same '  each keeps the last' '300|298|299' "$(sql "select (select max(v::int) from made_0), (select max(v::text) from made_1 where v::text ~ '^[0-9]*$'), (select max(v::int) from made_2)")"
same '  a new column' x "$(sql 'select extra from made_0 where id = 1')"

# ---- foreign keys: in the order of the records, whole batches or none ---------------------------------------
other=${schema}_db
admin "create database $other"
trap '[ "$BASHPID" = $$ ] && { tidy; admin "drop database if exists $other with (force)"; }; leave' EXIT
PG_OTHER_URL=$(sed "s|/postgres?|/$other?|" <<<"$PG_TEST_URL")
export PG_OTHER_URL
theirs() { psql "$PG_OTHER_URL" -XqAt -v ON_ERROR_STOP=1 -c "$1"; }
for side in sql theirs; do
    [ $side = sql ] || theirs "create schema $schema" >/dev/null
    $side "create table parent (id int primary key, v int, doc text); create table child (id int primary key, parent int not null references parent, v int);
         create table alone (id int primary key, v int)"
done
all_of() { # NAME "option"...
    source_of "$1" "$schema.parent, $schema.child, $schema.alone" 'heartbeatIntervalSeconds: 1'
    printf '%s\n' 'sink:' '  type: postgresql' '  config:' '    connectionString: ${env:PG_OTHER_URL}' '    table: parent' \
        '    tableFrom: metadata.table' "    tableAllow: '$schema[.](parent|child|alone)'" '    upsertMode: true' "${@:2}"
}
{ echo 'deliveryGuarantee: exactlyOnce' && all_of fk; } >"$dir/fk.yaml"
sql "insert into parent select g, 0, 'p' from generate_series(1, 200) g; insert into child select g, g % 200 + 1, 0 from generate_series(1, 600) g; insert into alone select g, 0 from generate_series(1, 100) g"
equal() {
    local t
    for t in parent child alone; do
        same "$1: $t" "$(sql "select md5(coalesce(string_agg(x::text, ',' order by id), '')) from $t x")" \
            "$(theirs "set search_path to $schema; select md5(coalesce(string_agg(x::text, ',' order by id), '')) from $t x")"
    done
}
until_end fk 0
equal 'the copy'
sql "begin; insert into parent values (1000, 1, 'x'); insert into child values (1000, 1000, 1); update alone set v = 1 where id < 50; delete from child where id = 1000; delete from parent where id = 1000;
     insert into parent values (1001, 1, 'y'); insert into child values (1001, 1001, 1); update parent set v = 2; update child set v = 3 where id % 2 = 0; commit"
sql "delete from child where parent = 7; delete from parent where id = 7; update parent set v = 9 where id = 8; insert into alone values (500, 5)"
until_end fk 0
equal 'parents before children, children gone before parents'
same 'one position for all of them' 1 "$(theirs "select count(*) from $schema.dataflow_positions where partition = 'stream'")"

# ---- killed again and again, each row once -------------------------------------------------------------------
start fk
rounds=0
while [ $rounds -lt 6 ]; do
    sql "insert into parent select $rounds * 10000 + 10000 + g, 0, 'k' from generate_series(1, 2000) g; insert into child select $rounds * 10000 + 10000 + g, $rounds * 10000 + 10000 + g, 0 from generate_series(1, 2000) g;
         update alone set v = v + 1"
    sleep 0.1$((rounds * 2))
    kill -9 "$flow" && wait "$flow" 2>/dev/null
    start fk
    rounds=$((rounds + 1))
done
stop
until_end fk 0
equal 'killed six times'

# ---- many refused rows in two tables of one batch ----------------------------------------------------------------
theirs "alter table $schema.parent add check (v < 1000); alter table $schema.alone add check (v < 1000)" >/dev/null
{ all_of fk && echo "errors: {type: stdio, config: {path: $dir/fk.errors}}"; } >"$dir/fk2.yaml"
mv "$dir/fk2.yaml" "$dir/fk.yaml"
sed -i '1i deliveryGuarantee: exactlyOnce' "$dir/fk.yaml"
sql "begin; insert into parent select 900000 + g, 990 + g, 'r' from generate_series(1, 20) g; insert into alone select 900000 + g, 990 + g from generate_series(1, 20) g; commit"
until_end fk 0
same 'those that fit are there' '9 9' "$(theirs "select (select count(*) from $schema.parent where id > 900000), (select count(*) from $schema.alone where id > 900000)" | tr '|' ' ')"
same '  the others are errors' 22 "$(refused fk)"
finish
