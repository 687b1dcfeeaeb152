#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Records that are no row (an empty object, a truncation) and keys that can be no column: refused,
# and the others written, in every shape of table and every mode.
. "$(dirname "$0")/../pg_lib.sh"

# what NAME OPTIONS...: sent, errored, reasons in order, and the rows of the table as text
what() {
    manifest "$@"
    flow "$1" 0
    echo "$(summary sent) $(summary errored) $(python3 -c '
import json, sys
print(" ".join(json.loads(l)["error"]["reason"] for l in open(sys.argv[1])))' "$dir/$1.errors")" \
        "$(sql "select coalesce(string_agg(t::text, ' ' order by t::text), 'none') from $1 t")"
}

# ---- {} between two rows --------------------------------------------------------------------------
while IFS='|' read -r name columns options want; do
    sql "create table $name ($columns)"
    printf '%s\n' '{"a":"1"}' '{}' '{"a":"2"}' >"$dir/$name.jsonl"
    IFS=';' read -ra each <<<"$options"
    same "{} and $columns $options" "$want" "$(what "$name" "${each[@]}")"
done <<'END'
serial_default|id bigserial primary key, a text default 'x'||2 1 no_field (1,1) (2,2)
serial_skip|id bigserial primary key, a text default 'x'|onConflict: skip|2 1 no_field (1,1) (2,2)
serial_error|id bigserial primary key, a text default 'x'|onConflict: error|2 1 no_field (1,1) (2,2)
defaults_only|a text default 'x', b int default 7||2 1 no_field (1,7) (2,7)
identity_key|id int generated always as identity, a text||2 1 no_field (1,1) (2,2)
nullable|a text, b int||2 1 no_field (1,) (2,)
not_null|a text not null||2 1 no_field (1) (2)
all_wanted|a text, b int|missingColumns: default|2 1 no_field (1,) (2,)
generated|a text, g text generated always as (upper(a)) stored||2 1 no_field (1,1) (2,2)
upsert_key|a text primary key, b int default 3|upsertMode: true|2 1 no_field (1,3) (2,3)
upsert_soft|a text primary key, gone timestamptz|upsertMode: true;softDeleteColumn: gone|2 1 no_field (1,) (2,)
END

sql "create table ignored (a text, g text generated always as (a || '!') stored)"
printf '%s\n' '{"a":"1"}' '{"other":1}' '{"g":"x"}' '{"a":null}' >"$dir/ignored.jsonl"
same 'nothing left of a record' '2 2 no_field no_field (,) (1,1!)' "$(what ignored 'unknownFields: ignore')"

sql "create table whole (id bigserial primary key, data jsonb, _metadata jsonb)"
printf '%s\n' '{"a":"1"}' '{}' '{"a":"2"}' >"$dir/whole.jsonl"
manifest whole 'rawMode: true'
flow whole 0
same 'rawMode keeps {} as what it is' '3 0 {"a": "1"} {} {"a": "2"}' \
    "$(summary sent) $(summary errored) $(sql "select string_agg(data::text, ' ' order by id) from whole")"

# {} first, alone, and in a table that is yet to be made: the key stays a key
printf '%s\n' '{}' '{"id":1,"a":"x"}' '{}' '{"id":2,"a":"y"}' >"$dir/made.jsonl"
manifest made 'autoCreateTable: true'
flow made 0
same '{} and autoCreateTable' '2 2 made_pkey' \
    "$(summary sent) $(summary errored) $(sql "select conname from pg_constraint where conrelid = 'made'::regclass")"
printf '%s\n' '{}' '{}' >"$dir/alone.jsonl"
manifest alone 'autoCreateTable: true'
flow alone 0
same 'nothing but {}' '0 2 0' "$(summary sent) $(summary errored) $(sql "select count(*) from pg_class where relname = 'alone' and relnamespace = '$schema'::regnamespace")"

# ---- a truncation ------------------------------------------------------------------------------------
event() { echo "{\"op\":\"$1\",\"source\":{\"table\":\"t\"},\"before\":$2,\"after\":$3}"; }
for mode in append upsert; do
    sql "create table cut_$mode (id bigserial primary key, a text, b int)"
    { event c null '{"id":1,"a":"x","b":1}'; event t null null; event c null '{"id":2,"a":"y","b":2}'; } >"$dir/cut_$mode.jsonl"
    options=() expected='2 1 "truncate" (1,x,1) (2,y,2)'
    [ $mode = upsert ] && options=('upsertMode: true') expected='3 0  (2,y,2)'
    manifest cut_$mode "${options[@]}"
    echo 'transformations: [{type: debeziumUnwrap}]' >>"$dir/cut_$mode.yaml"
    flow cut_$mode 0
    same "a truncation, $mode" "$expected" \
        "$(summary sent) $(summary errored) $(grep -o '"reason":"[a-z_]*"' "$dir/cut_$mode.errors" 2>/dev/null | cut -d: -f2) $(sql "select string_agg(t::text, ' ' order by id) from cut_$mode t")"
done

# ---- keys that no column can have --------------------------------------------------------------------
{
    echo '{"id":1}'
    for key in ctid xmin xmax cmin cmax tableoid '' 'a\u0000b' "$(printf 'x%.0s' {1..64})"; do
        echo "{\"id\":2,\"$key\":\"y\"}"
    done
    echo '{"id":3,"oid":4,"CTID":5}'
} >"$dir/named.jsonl"
manifest named 'autoCreateTable: true'
flow named 0
same 'keys that no column can have' '2 9 1 3' "$(summary sent) $(summary errored) $(sql "select string_agg(id::text, ' ' order by id) from named")"
printf '%s\n' '{"id":1,"ctid":"y"}' >"$dir/late.jsonl"
seq 2 9 | sed 's/.*/{"id":&}/' >>"$dir/late.jsonl"
manifest late 'autoCreateTable: true' 'batchSize: 1'
flow late 0
same 'the first parcel is only such a record' '8 1 8' "$(summary sent) $(summary errored) $(sql 'select count(*) from late')"

mkfifo "$dir/pipe"
manifest held 'autoCreateTable: true'
sed -i "s#path: $dir/held.jsonl#path: $dir/pipe#" "$dir/held.yaml"
rm -rf "$dir/state"
PG_TEST_URL="$PG_TEST_URL&application_name=$schema" timeout --foreground -k 5 60 dfproc run "$dir/held.yaml" --until-exhausted >"$dir/out" 2>&1 &
runner=$!
exec 3>"$dir/pipe"
echo '{"id":1,"ctid":"y"}' >&3
for _ in $(seq 100); do
    [ -s "$dir/held.errors" ] && break
    sleep 0.1
done
same 'no transaction stays open for it' idle \
    "$(sql "select state from pg_stat_activity where application_name = '$schema'")"
echo '{"id":2}' >&3
exec 3>&-
wait $runner || bad "the run: $(tail -n 1 "$dir/out")"
same 'and the table is made later' 2 "$(sql 'select id from held')"
finish
