#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# The user's search_path names pg_catalog behind a schema in which somebody else may create: there is an
# operator for the very types of each of the server's own that a statement of ours might use, and functions of
# their names. None of them runs, whatever is read or written.
. "$(dirname "$0")/../pg_lib.sh"
sql "create table called (what text);
create function note(what text) returns void language plpgsql as 'begin insert into called values (what); end'"
sql "$(cat <<'SQL'
do $do$ declare o record; body text; begin
for o in select oprname as name, oprleft::regtype as l, oprright::regtype as r, oprresult::regtype as res, p.oid
    from pg_operator p where oprnamespace = 'pg_catalog'::regnamespace and oprleft <> 0
    and oprname in ('=', '<>', '<', '>', '<=', '>=', '||', '&', '->>', '+')
    and not exists (select from pg_type t where t.oid in (oprleft, oprright, oprresult) and typtype = 'p')
loop
    body := format('begin perform %I.note(%L); return null; end', current_schema, o.oid::regoperator);
    execute format('create function own_%s(%s, %s) returns %s language plpgsql as %L', o.oid, o.l, o.r, o.res, body);
    execute format('create operator %I.%s (leftarg = %s, rightarg = %s, function = own_%s)',
        current_schema, o.name, o.l, o.r, o.oid);
end loop;
for o in select distinct proname as name, pg_get_function_identity_arguments(oid) as args, prorettype::regtype as res
    from pg_proc where pronamespace = 'pg_catalog'::regnamespace and prokind = 'f' and proname in ('now', 'quote_ident',
    'to_jsonb', 'format_type', 'left', 'current_setting', 'set_config', 'int4eq', 'lower') and not proretset
    and not exists (select from pg_type t where t.oid = any (proargtypes) and typtype = 'p')
loop
    body := format('begin perform %I.note(%L); return null; end', current_schema, o.name);
    execute format('create function %I(%s) returns %s language plpgsql as %L', o.name, o.args, o.res, body);
end loop; end $do$
SQL
)"
export PG_TEST_URL="$PG_TEST_URL,pg_catalog"
called() { sql 'select count(*) from called'; }
count() { sql "select count(*) from $1"; }

# ---- reading the table; CHECKs in COPY; the rows one by one; repetitions ------------------------------
sql "create table plain (k varchar(9) primary key, a varchar[], r int4range, n int check (n > 0), w text default 'x')"
line='"a":["x"],"r":"[1,5)","n":1'
printf '%s\n' "{\"k\":\"1\",$line}" "{\"k\":\"2\",$line}" >"$dir/plain.jsonl"
manifest plain
flow plain 0
printf '%s\n' "{\"k\":\"1\",$line}" '{"k":"2","a":["y"],"n":2}' "{\"k\":\"3\",$line}" '{"k":"4","n":-1}' '{"k":"5","n":-2}' \
    >"$dir/plain.jsonl"
flow plain 0
same 'a repetition, another row of a key, refused rows' '2 3 3 0' \
    "$(summary sent) $(summary errored) $(count plain) $(called)"
sql "create table sound (k int primary key check (k <> 3), v text)"
seq 1 99 | sed 's/.*/{"k":&,"v":"a"}/' >"$dir/sound.jsonl"
manifest sound
flow sound 0
same 'a refused row among many' '98 1 98 0' "$(summary sent) $(summary errored) $(count sound) $(called)"

# ---- upsert: several rows of a key, versions, deletes ---------------------------------------------------
sql "create table versions (k varchar(9) primary key, v int check (v <> 77), gone timestamptz)"
manifest versions 'upsertMode: true' 'upsertStrategy: ifNewer' 'upsertVersionColumn: v' 'softDeleteColumn: gone'
printf '%s\n' '{"k":"a","v":1}' '{"k":"a","v":3}' '{"k":"b","v":77}' '{"k":"a","v":2}' '{"k":"c","v":5}' >"$dir/versions.jsonl"
flow versions 0
same 'upsert: rows, refused ones' '4 1 (a,3,)(c,5,) 0' "$(summary sent) $(summary errored) $(psql "$DF_PG" -XqAt -c \
    "select string_agg(t::text, '' order by k collate \"C\") from $schema.versions t") $(called)"

# ---- tables that are made ------------------------------------------------------------------------------------
printf '%s\n' '{"a":1,"b":"x"}' '{"a":2,"b":"y"}' | tee "$dir/made.jsonl" >"$dir/raw.jsonl"
manifest made 'autoCreateTable: true'
flow made 0
manifest raw 'autoCreateTable: true' 'rawMode: true'
flow raw 0
same 'tables that were made' '2 2 0' "$(count made) $(count raw) $(called)"
finish
