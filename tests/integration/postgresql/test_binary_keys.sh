#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Keys that hold a NUL (a number of Java has one nearly always): PostgreSQL has no text and no
# jsonb with it. Good records are written, refused ones come into an error sink, and no run ends.
. "$(dirname "$0")/../pg_lib.sh"

printf '%s\n' '{"k":"\u0000\u0007","n":1}' '{"k":"text","n":2}' '{"k":"\u0000","n":3}' >"$dir/whole.jsonl"
key='transformations: [{type: setKey, config: {field: $.k}}, {type: remove, config: {fields: [$.k]}}]'

manifest whole 'rawMode: true' 'autoCreateTable: true'
echo "$key" >>"$dir/whole.yaml"
flow whole 0
same 'rawMode: a key that is no text is base64' '3 0 AAc= text AA==' \
    "$(summary sent) $(summary errored) $(sql "select string_agg(_metadata ->> 'key', ' ' order by id) from whole")"

# Each is refused (the table wants another type), and the error sink is PostgreSQL as well.
sql 'create table strict (n date); create table columns (error jsonb, original_message jsonb, key_base64 text)'
cp "$dir/whole.jsonl" "$dir/strict.jsonl"
for into in rows columns; do
    manifest strict
    options="table: $into"
    [ $into = rows ] && options="$options, rawMode: true, autoCreateTable: true"
    sed -i "s#^errors:.*#errors: {type: postgresql, config: {connectionString: \"\${env:PG_TEST_URL}\", $options}}#" "$dir/strict.yaml"
    echo "$key" >>"$dir/strict.yaml"
    flow strict 0
    same "error sink, $into" '0 3' "$(summary sent) $(summary errored)"
done
same 'error records as rows' 'AAc= AAc=,text text,AA== AA==' \
    "$(sql "select string_agg(concat_ws(' ', data #>> '{error,metadata,key}', _metadata ->> 'key'), ',' order by (data #>> '{error,offset}')::int) from rows")"
same 'error records in columns' 'AAc= AAc=,text dGV4dA==,AA== AA==' \
    "$(sql "select string_agg(concat_ws(' ', error #>> '{metadata,key}', key_base64), ',' order by (error ->> 'offset')::int) from columns")"
finish
