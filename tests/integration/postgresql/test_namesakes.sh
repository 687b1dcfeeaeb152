#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Functions and operators that somebody made in a schema of the search path, with arguments that fit
# better than the server's own: none of them runs when the table is read.
. "$(dirname "$0")/../pg_lib.sh"
sql "create table called (what text);
create function note(what text) returns void language plpgsql as 'begin insert into called values (what); end'"
# fake NAME ARGUMENTS RESULT VALUE
fake() { sql "create function $1($2) returns $3 language plpgsql as 'begin perform note(''$1''); return $4; end'"; }
fake to_jsonb pg_catalog.pg_constraint jsonb "''{}''"
fake to_regclass varchar regclass null
fake unnest 'int2[]' int2 1
fake format_type 'oid, int2' text "''''"
fake string_agg_is 'name, text' text "''''"
fake same_schema 'oid, regnamespace' boolean true
fake same_function 'oid, regproc' boolean true
fake bits 'int2, int4' int4 7
fake same_table 'oid, regclass' boolean true
sql "create operator = (leftarg = oid, rightarg = regnamespace, function = same_schema);
create operator = (leftarg = oid, rightarg = regproc, function = same_function);
create operator = (leftarg = oid, rightarg = regclass, function = same_table);
create operator & (leftarg = int2, rightarg = int4, function = bits);
create operator || (leftarg = name, rightarg = text, function = string_agg_is)"
sql "create table sound (k int primary key check (k <> 3), v text, w varchar(9) default 'x')"
seq 1 9 | sed 's/.*/{"k":&,"v":"a"}/' >"$dir/sound.jsonl"
manifest sound
flow sound 0
same 'rows, refused, and nobody was called' '8 1 0' \
    "$(summary sent) $(summary errored) $(sql 'select count(*) from called')"

# ---- the statements that write rows ------------------------------------------------------------------
# hostile TYPE: comparisons of two values of this type, which fit better than what the server casts to
hostile() {
    for name in = '<' '>' '>=' '<='; do
        n=$((${n:-0} + 1))
        fake "compare_$n" "$1, $1" boolean true
        sql "create operator $name (leftarg = $1, rightarg = $1, function = compare_$n)"
    done
}
sql "create type mood as enum ('low', 'high'); create domain code as varchar(9)"
for type in varchar mood 'varchar[]' int4range; do hostile "$type"; done

upsert() { # NAME: hot keys, a delete, an older version; twice
    manifest "$1" 'upsertMode: true' 'upsertStrategy: ifNewer' 'upsertVersionColumn: v' 'softDeleteColumn: gone'
    printf '%s\n' '{"k":"low","v":"1"}' '{"k":"low","v":"3"}' '{"k":"high","v":"5"}' '{"k":"low","v":"2"}' >"$dir/$1.jsonl"
    flow "$1" 0
    printf '%s\n' '{"k":"low","v":"2"}' '{"k":"high","v":"6"}' >"$dir/$1.jsonl"
    flow "$1" 0
    same "$1: rows, and nobody was called" '(high,6,) (low,3,) 0' \
        "$(sql "select string_agg(t::text, ' ' order by k::text collate \"C\") from $1 t") $(sql 'select count(*) from called')"
}
sql "create table by_varchar (k varchar(9) primary key, v varchar(9), gone timestamptz)"
sql "create table by_mood (k mood primary key, v varchar(9), gone timestamptz)"
sql "create table by_code (k code primary key, v code, gone timestamptz)"
sql "create table by_two (k mood, v varchar(9), gone timestamptz, unique (k))"
for name in by_varchar by_mood by_code by_two; do upsert $name; done

sql "create table kept (k varchar(9) primary key, a varchar[], m mood, r int4range)"
line='"a":["x"],"m":"low","r":"[1,5)"'
printf '%s\n' "{\"k\":\"1\",$line}" "{\"k\":\"2\",$line}" >"$dir/kept.jsonl"
manifest kept
flow kept 0
printf '%s\n' "{\"k\":\"1\",$line}" '{"k":"2","a":["y"],"m":"high"}' "{\"k\":\"3\",$line}" >"$dir/kept.jsonl"
flow kept 0
same 'a repetition and another row of its key' '2 1 3 0' \
    "$(summary sent) $(summary errored) $(sql 'select count(*) from kept') $(sql 'select count(*) from called')"
finish
