#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# No value of a record stands in what the sink tells (log, reason of an error record, result of the
# run), unless --show-values asks for it; names, types and states do. ctest: timeout=180
. "$(dirname "$0")/../pg_lib.sh"
card=4111111111111111

# told NAME OPTIONS: runs the flow, without and with an error sink; what both told
told() {
    rm -rf "$dir/state" "$dir/$1.errors"
    timeout --foreground -k 5 60 dfproc run "$dir/$1.yaml" --until-exhausted "${@:2}" >"$dir/out" 2>&1
    sed '/^errors:/d' "$dir/$1.yaml" >"$dir/bare.yaml"
    rm -rf "$dir/state"
    timeout --foreground -k 5 60 dfproc run "$dir/bare.yaml" --until-exhausted "${@:2}" >>"$dir/out" 2>&1
    python3 - "$dir/$1.errors" >>"$dir/out" <<'END'
import json, os, sys
if os.path.exists(sys.argv[1]):
    for line in open(sys.argv[1]):
        print("error record:", json.loads(line)["error"]["message"])
END
}

# hides NAME TABLE RECORD WORDS OPTIONS...: WORDS stay; the card number comes with --show-values only.
# The bad record is one of two, so that the table and the run are in order.
hides() {
    sql "$2"
    printf '%s\n' "$3" '{"k":2}' >"$dir/$1.jsonl"
    manifest "$1" "${@:5}"
    told "$1"
    if grep -q "$card" "$dir/out"; then bad "$1: $(grep -m 1 "$card" "$dir/out" | cut -c1-400)"; else ok "$1"; fi
    grep -qF -e "$4" "$dir/out" && ok "$1: says $4" || bad "$1: says no $4: $(tail -n 1 "$dir/out")"
    told "$1" --show-values
    grep -q "$card" "$dir/out" && ok "$1: shown" || bad "$1: not shown: $(tail -n 1 "$dir/out")"
}
# raises NAME STATEMENT: a trigger that does it for the bad record
raises() {
    sql "create table $1 (k int primary key, v text);
create function $1_f() returns trigger language plpgsql as \$\$declare n int; begin if new.v is not null then $2; end if; return new; end\$\$;
create trigger g before insert on $1 for each row execute function $1_f()"
}
bad_name="{\"k\":1,\"v\":\"x$card\"}"
bad="{\"k\":1,\"v\":\"$card\"}"

hides encoded 'create table encoded (k int, v int)' "{\"k\":1,\"v\":\"x $card\"}" 'column "v" (integer)'
hides read 'create table read (k int, v inet)' "$bad" 'invalid input syntax for type inet: "..."'
hides quoted 'create table quoted (k int, v inet)' "{\"k\":1,\"v\":\"a\\\" $card \\\"b\"}" 'type inet: "..." (SQLSTATE 22P02)'
hides checked "create table checked (k int, v text check (v <> '$card'), constraint other check (v is null))" \
    "{\"k\":1,\"v\":\"$card.\"}" 'check constraint "other"' 'onConflict: error'
hides part 'create table part (k int, v text) partition by list (v); create table part_x partition of part for values in (null)' \
    "$bad" 'SQLSTATE 23514'
hides twice "create table twice (k int, v text unique); insert into twice values (9, '$card')" "$bad" 'constraint "twice_v_key"'
hides twice_copy "create table twice_copy (k int, v text unique); insert into twice_copy values (9, '$card')" "$bad" \
    'constraint "twice_copy_v_key"' 'onConflict: error'
hides foreign_key 'create table there (v text primary key); create table foreign_key (k int, v text references there)' "$bad" \
    'constraint "foreign_key_v_fkey"'
hides upserted 'create table upserted (k int primary key, v inet)' "$bad" 'type inet' 'upsertMode: true'
hides named 'create table named (k int, v regclass)' "$bad_name" 'SQLSTATE 42P01'
hides upsert_named 'create table upsert_named (k int primary key, v regclass)' "$bad_name" 'SQLSTATE 42P01' 'upsertMode: true'
hides whole 'create table whole (id bigserial primary key, data jsonb check (data->>'"'k'"' = '"'2'"'), _metadata jsonb)' "$bad" \
    'whole_data_check' 'rawMode: true'
raises raised "raise 'card %', new.v"
hides raised 'select' "$bad" 'SQLSTATE P0001'
raises stated "raise 'card %', new.v using errcode = '23514', detail = new.v, column = new.v"
hides stated 'select' "$bad" 'SQLSTATE 23514'
raises upsert_raised "raise exception using message = new.v, errcode = '42501'"
hides upsert_raised 'select' "$bad" 'SQLSTATE 42501' 'upsertMode: true'
raises cast_fails 'n := new.v'
hides cast_fails 'select' "$bad" 'SQLSTATE 22003'
raises looked_up "execute format('select %I', new.v)"
hides looked_up 'select' "$bad" 'SQLSTATE 42703'
raises asserted 'assert false, new.v'
hides asserted 'select' "$bad" 'SQLSTATE P0004'

# While it runs: neither the page, nor the status, nor the metrics, nor what a signal has written show
# a value; the page is on the loopback address; the error file is its owner's.
raises served "raise 'card %', new.v"
printf '%s\n' "$bad" '{"k":2}' >"$dir/served.jsonl"
manifest served
sed -i 's/{path: \(.*served.jsonl\)}/{path: \1, follow: true}/' "$dir/served.yaml"
rm -rf "$dir/state"
(umask 0; exec dfproc run "$dir/served.yaml" --metrics-port 0) >"$dir/out" 2>&1 &
served=$!
refused() { [ -s "$dir/served.errors" ] && grep -q 'serving metrics' "$dir/out"; }
until_true 30 refused || bad 'served: nothing was refused'
address=$(grep -o 'http://[^/ "]*' "$dir/out" | head -n 1)
settled() { curl -s -m 5 "$address/status" | grep -q '"errored":1,'; }
until_true 30 settled || bad 'served: not in the status'
for page in / /status /metrics; do curl -s -m 5 "$address$page"; done >"$dir/pages"
kill -USR1 "$served"
written() { grep -q '"stage":{"name":"errors"' "$dir/out"; }
until_true 10 written || bad 'served: no status by signal'
grep -q 'SQLSTATE P0001' "$dir/pages" && ok 'served: says SQLSTATE P0001' || bad 'served: the page says nothing of it'
grep -q "$card" "$dir/pages" "$dir/out" && bad "served: $(grep -h -m 1 "$card" "$dir/pages" "$dir/out" | cut -c1-300)" || ok 'served: no value'
grep -q "$card" "$dir/served.errors" && ok 'served: the error file has the record' || bad 'served: the error file'
[ "$(stat -c %a "$dir/served.errors")" = 600 ] && ok 'served: the error file is 0600' || bad "served: $(stat -c %a "$dir/served.errors")"
curl -s -m 5 -o "$dir/other" "http://127.0.0.2:${address##*:}/status" && bad 'served: on other addresses' || ok 'served: on the loopback address only'
kill -TERM "$served"
wait "$served" || bad "served: exit code $?"
finish
