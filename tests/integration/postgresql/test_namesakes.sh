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
finish
