#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# The binary format gives the rows that the text format gives: the same records go into two tables,
# one of which has a column of a type (inet) that is only ever written as text.
. "$(dirname "$0")/../pg_lib.sh"
export PGTZ=UTC

columns='k int, b bool, i2 int2, i4 int4, i8 int8, f4 float4, f8 float8, n numeric, np numeric(12,3),
  t text, vc varchar(5), ch char(5), u uuid, by bytea, d date, tm time, tm3 time(3), ts timestamp,
  ts2 timestamp(2), tz timestamptz, tz0 timestamptz(0), j json, jb jsonb, m mood, dp positive,
  dv short, ia int[], na numeric(6,2)[], ta text[], va varchar(3)[], tza timestamptz[], ja jsonb[],
  ma mood[], ba bool[], bya bytea[], da date[], fa float8[]'
list='k, b, i2, i4, i8, f4, f8, n, np, t, vc, ch, u, by, d, tm, tm3, ts, ts2, tz, tz0, j, jb, m, dp,
  dv, ia, na, ta, va, tza, ja, ma, ba, bya, da, fa'
sql "create type mood as enum ('sad', 'happy', 'so so', 'höchst \"froh\"');
create domain positive as int check (value > 0);
create domain short as varchar(5) check (value <> 'bad');
create table said (relation text, query text);
create function note() returns trigger language plpgsql as
  \$\$ begin insert into said values (tg_relname, current_query()); return null; end \$\$"

# lines COLUMN...: each line of the input, a JSON value, becomes a member of a record for each column.
lines() { awk -v list="$*" '{ n = split(list, c, " "); for (i = 1; i <= n; i++) printf "\"%s\":%s\n", c[i], $0 }'; }
# both NAME OPTIONS...: the lines "column":value of the input into NAME_b and NAME_t, compared.
both() {
    local name=$1 rows
    sql "create table ${name}_b ($columns); create table ${name}_t ($columns, ip inet);
      create trigger note before insert on ${name}_b execute function note();
      create trigger note before insert on ${name}_t execute function note()"
    awk '{ printf "{\"k\":%d,%s}\n", NR, $0 }' >"$dir/${name}_b.jsonl"
    ln -f "$dir/${name}_b.jsonl" "$dir/${name}_t.jsonl"
    for twin in "${name}_b" "${name}_t"; do
        manifest "$twin" 'roundNumbers: true' "${@:2}"
        flow "$twin" 0
        sql "select row($list)::text from $twin order by k" >"$dir/$twin.rows"
        touch "$dir/$twin.errors"
        sed -E 's/"timestamp":"[^"]*"//g; s/"trace[^,]*,//g' "$dir/$twin.errors" |
            sed "s/$twin/$name/g" | sort >"$dir/$twin.refused"
    done
    rows=$(wc -l <"$dir/${name}_b.rows")
    if [ "$rows" -gt 0 ] && cmp -s "$dir/${name}_b.rows" "$dir/${name}_t.rows"; then
        ok "$name: $rows rows the same"
    else
        bad "$name: rows differ"
        diff "$dir/${name}_b.rows" "$dir/${name}_t.rows" | head -n 10
    fi
    same "$name: the same are refused, with the same words" '' \
        "$(diff "$dir/${name}_b.refused" "$dir/${name}_t.refused" | head -n 6)"
}
formats() { # TABLE: the formats that were used, in the order of the alphabet
    sql "select string_agg(distinct case when query ~ 'FORMAT binary' then 'binary' else 'text' end,
      ' ') from said where relation = '$1'"
}

# A type of an extension whose receive function is that of text.
citext=
if sql 'create extension if not exists citext schema public' 2>"$dir/out"; then
    columns="$columns, ci public.citext, cia public.citext[]" list="$list, ci, cia"
    citext=$(printf '%s\n' '"ci":"Aa\\\t"' '"cia":["B",null]')
fi

# ---- values that are certain -------------------------------------------------------------------
digits=$(printf '123456789%.0s' {1..112})
{
    printf '%s\n' true false 0 1 '"yes"' '"F"' null | lines b
    printf '%s\n' 0 -1 32767 -32768 '"12"' '"+7"' 1e2 10.0 -0 | lines i2
    printf '%s\n' 2147483647 -2147483648 '"0012"' 1.0e9 | lines i4
    printf '%s\n' 9223372036854775807 -9223372036854775808 9007199254740993 '"-1"' | lines i8
    printf '%s\n' 0 -0 -0.0 1 -1.5 3.4028234e38 1.1754944e-38 0.1 16777217 1e10 123456.789 '"NaN"' \
        '"-Infinity"' '"inf"' '"1.5"' 0.0e5 | lines f4
    printf '%s\n' 0 -0 -0.0 0.1 1e308 1.7976931348623157e308 2.2250738585072014e-308 5e-324 1e-310 \
        -4.9406564584124654e-324 9007199254740993 0.30000000000000004 123456789012345678901234567890 \
        2.225073858507201136057409796709131975934819546351645648023426109724822222021076945516529523908135087914149158913039621106870086438694594645527657207407820621743379988141063267329253552286881372149012981122451451889849057222307285255133155755015914397476397983411801999323962548289017107081850690630666655994938275772572015763062690663332647565300009245888316433037779791869612049497390378297049e-308 \
        '"NaN"' '"Infinity"' '"-inf"' '"2.5"' '"1e5"' | lines f8
    printf '%s\n' 0 -0 0.00 0.1000 1.5 12345.678 9999 10000 100000000 0.0001 0.00001 1e3 1.5e-7 \
        -1.50e1 1E+5 12e-1 0.1e1 1e-16383 1e400 123456789012345678901234567890.123456789012345678 \
        "$digits" "-$digits.$digits" "0.000000$digits" '"00012.50"' '".5"' '"5."' '"+3"' '"NaN"' \
        '"nan"' 0e0 9999.9999 -0.00005 10000.0001 120000000.0000000012 | lines n
    printf '%s\n' 1.0005 1.0015 -1.0005 999999999.9994 0.0004999 12 1e8 '"NaN"' 0.00 | lines np
    printf '%s\n' '""' '"a\tb\nc\\d\r\\N \\. \u0001"' '"h\u00e9 \ud83d\ude00"' 1.50 true '{"a":[1,0.10]}' '[]' \
        '" sp "' '"NULL"' null 12345678901234567890 | lines t
    printf '%s\n' '"abcde"' '"abc      "' '"\u00e4\u00f6\u00fc\u00df\u20ac"' '""' 12345 '"  "' | lines vc
    printf '%s\n' '"ab"' '"abcde"' '"abcde   "' '""' | lines ch
    printf '%s\n' '"A0EEBC99-9C0B-4EF8-BB6D-6BB9BD380A11"' '"{a0eebc999c0b4ef8bb6d6bb9bd380a11}"' \
        '"a0ee-bc99-9c0b-4ef8-bb6d-6bb9-bd38-0a11"' '"00000000000000000000000000000000"' | lines u
    printf '%s\n' '""' '"h\u00e9"' '"nul\u0000\\x"' | lines by
    printf '%s\n' '"0001-01-01"' '"9999-12-31"' '"2000-02-29"' '"1999-12-31"' '"infinity"' '"-infinity"' \
        '"2024-01-02T00:00:00Z"' '"2024-01-02 00:00:00"' | lines d
    printf '%s\n' '"00:00:00"' '"24:00:00"' '"23:59:59.999999"' '"23:59:59.9999999"' '"12:34:56.1234565"' \
        '"12:34:56.1234575"' '"12:34:56.123456789"' '"01:02:03.4"' | lines tm tm3
    printf '%s\n' '"2024-01-02T03:04:05"' '"2024-01-02 03:04:05.123456"' '"2024-01-02T03:04:05Z"' \
        '"2024-02-28T23:30:00-01:00"' '"2024-01-01T01:04:05.5+02:00"' '"2024-01-01T01:04:05.9999995+05:30"' \
        '"0001-01-01T00:00:00"' '"9999-12-31T23:59:59.999999"' '"9999-12-31T23:59:59.9999999"' \
        '"1999-12-31T23:59:59.9999995"' '"2024-01-02T24:00:00"' '"infinity"' '"-infinity"' '"2024-02-29"' \
        '"2024-01-02T03:04:05.1234565"' '"2024-01-02T03:04:05.00000050000001"' \
        '"2024-01-02T03:04:05.000000500000000000000"' |
        lines ts ts2 tz tz0
    printf '%s\n' '"2024-01-02T03:04:05+15:59"' '"2024-01-02T03:04:05-12"' '"2024-01-02T03:04:05+0530"' \
        '"2024-01-02T03:04:05.25+01:02:03"' '"0001-01-01T00:00:00+10:00"' '"2024-03-31T02:30:00+01:00"' | lines tz
    printf '%s\n' '{"b":1,"a":0.10,"a":2}' '"\u0000"' '[1e5,null]' '"s"' 5 true | lines j
    printf '%s\n' '{"b":1,"a":0.10,"a":2}' '"a\"b\\u0000"' '[1e5,null]' '"\\\\u0000"' 5 '{}' | lines jb
    printf '%s\n' '"sad"' '"so so"' '"h\u00f6chst \"froh\""' | lines m
    printf '%s\n' 5 '"6"' | lines dp
    printf '%s\n' '"abc"' '"abcde  "' | lines dv
    printf '%s\n' '[]' '[1,null,-3]' '["7"]' '[null]' null | lines ia
    printf '%s\n' '[1.5,1.005,null]' '[1234,"NaN",-0.00]' | lines na
    printf '%s\n' '["a b","q\"\\\\",null,"","NULL","{x}","t\tn\n"]' '[1,true,{"a":1}]' | lines ta
    printf '%s\n' '["abc","a    "]' | lines va
    printf '%s\n' '["2024-01-02T03:04:05+02:00",null,"infinity"]' | lines tza
    printf '%s\n' '[{"a":1},[1,2],null,"x"]' | lines ja
    printf '%s\n' '["sad",null,"happy"]' | lines ma
    printf '%s\n' '[true,0,"no"]' | lines ba
    printf '%s\n' '["a","\u0000"]' | lines bya
    printf '%s\n' '["2024-01-02","infinity"]' | lines da
    printf '%s\n' '[1.5,"NaN",-0.0]' | lines fa
    printf '%s' "${citext:+$citext$'\n'}"
} | both sure
same 'all were binary' binary "$(formats sure_b)"
same 'the others were not' text "$(formats sure_t)"
same 'nothing was refused' '' "$(cat "$dir/sure_b.errors")"

# ---- many of them ------------------------------------------------------------------------------
awk -v seed="${DF_SEED:-7}" -v count="${DF_ROWS:-6000}" '
function digits(n,  s) { s = ""; while (n-- > 0) s = s int(rand() * 10); return s }
function whole(n,  s) { s = digits(1 + int(rand() * n)); sub(/^0+/, "", s); return s == "" ? "0" : s }
function sign() { return rand() < 0.3 ? "-" : "" }
function part() { return rand() < 0.5 ? "." digits(1 + int(rand() * 18)) : "" }
function power(n) { return rand() < 0.4 ? "e" (int(rand() * 2 * n) - n) : "" }
function two(n, from) { return sprintf("%02d", from + int(rand() * n)) }
function moment(  s) {
    s = sprintf("%04d-", 1 + int(rand() * 9999)) two(12, 1) "-" two(28, 1) (rand() < 0.5 ? "T" : " ")
    s = s two(24, 0) ":" two(60, 0) ":" two(60, 0) (rand() < 0.7 ? "." digits(1 + int(rand() * 12)) : "")
    return s (rand() < 0.5 ? "" : rand() < 0.3 ? "Z" : (rand() < 0.5 ? "+" : "-") two(15, 0) ":" two(60, 0))
}
BEGIN {
    srand(seed)
    while (count-- > 0) {
        r = rand()
        if (r < 0.3) print "\"n\":" sign() whole(40) part() power(60)
        else if (r < 0.4) print "\"np\":" sign() whole(8) part()
        else if (r < 0.6) print "\"f8\":" sign() whole(25) part() power(270)
        else if (r < 0.7) print "\"f4\":" sign() whole(9) part() power(20)
        else if (r < 0.8) print "\"ts\":\"" moment() "\""
        else if (r < 0.9) print "\"tz\":\"" moment() "\""
        else if (r < 0.95) print "\"ts2\":\"" moment() "\""
        else print "\"tm\":\"" two(24, 0) ":" two(60, 0) ":" two(60, 0) "." digits(1 + int(rand() * 12)) "\""
    }
}' | both many
same 'many: binary only' binary "$(formats many_b)"

# ---- what only the server can say ------------------------------------------------------------
{
    printf '%s\n' 1.8e308 1e-400 1e400 '"+1.5"' '".5"' 1 | lines f8
    printf '%s\n' 3.4028236e38 1e-45 1e-50 1e39 16777217.0000000001 1.000000059604644775390625 | lines f4
    printf '%s\n' '"Infinity"' '"-inf"' 0e20000 0e-20000 1e131071 1e131072 1e-16384 | lines n
    printf '%s\n' '"Infinity"' 999999999.9996 1e9 | lines np
    printf '%s\n' '"2024-01-02t03:04:05z"' '"2024-01-02T03:04:60Z"' '"2024-01-02T23:59:60.5Z"' '"2024-01-02T03:04"' \
        '"2024-01-02T03:04:05 +02"' '"12024-01-02T03:04:05"' '"2024-01-02T03:04:05.1234567890123456"' '"inf"' \
        '"+infinity"' '"2024-01-02T03:04:05+02:"' '"yesterday"' '"Jan 5 2026"' '"2024-01-02T24:00:01"' |
        lines ts tz
    printf '%s\n' '"12024-01-02"' '"inf"' '"294275-12-31"' '"today"' '"2023-02-29"' '"0000-01-01"' | lines d
    printf '%s\n' '"12:34"' '"23:59:60.5"' '"12:34:60"' '"24:00:01"' '"12:00+02"' | lines tm
    printf '%s\n' '"{1,2,NULL}"' '"{1,x}"' '[[1,2],[3,4]]' '[[1],[2,3]]' '[1,[2]]' 7 | lines ia
    printf '%s\n' '"{\"a b\",c}"' '["nul\u0000"]' | lines ta
    printf '%s\n' '["abcd"]' | lines va
    printf '%s\n' '"nul\u0000"' | lines t
    printf '%s\n' '"abcdef"' | lines vc ch
    printf '%s\n' '"\u0000"' '{"a":"\ud800"}' | lines jb
    printf '%s\n' 0 -1 | lines dp
    printf '%s\n' '"bad"' '"too long"' | lines dv
    printf '%s\n' '"angry"' '""' | lines m
    printf '%s\n' 32768 '"x"' 1.5 | lines i2
} >"$dir/unsure"
both unsure <"$dir/unsure"
same 'unsure: as text' text "$(formats unsure_b)"

# Each in a parcel of its own, with enough between them that each is tried in binary first.
sql "create table one_b ($columns); create table one_t ($columns, ip inet)"
awk '{ printf "{\"k\":%d,%s}\n", NR, $0; for (i = 0; i < 18; i++) print "{\"b\":true}" }' \
    "$dir/unsure" >"$dir/one_b.jsonl"
ln -f "$dir/one_b.jsonl" "$dir/one_t.jsonl"
for twin in one_b one_t; do
    manifest "$twin" 'roundNumbers: true' 'batchSize: 1'
    flow "$twin" 0
    sql "select row($list)::text from $twin where k is not null order by k" >"$dir/$twin.rows"
done
same 'one by one: the same rows' '' "$(diff "$dir/one_b.rows" "$dir/one_t.rows" | head -n 6)"
same 'as together' '' "$(diff "$dir/one_b.rows" "$dir/unsure_b.rows" | head -n 6)"

# ---- rows that the server refuses are named, with one list of columns and with several -------------
sql "create table named (id int primary key, c int check (c > 0), e timestamptz default '2000-01-01');
create trigger note before insert on named execute function note();
insert into named values (4, 4)"
printf '%s\n' '{"id":1,"c":1}' '{"id":2,"c":-1}' '{"id":3,"c":3}' '{"id":4,"c":5}' '{"id":5,"c":5}' >"$dir/named.jsonl"
manifest named
flow named 0
same 'named: one list' '1 3 4 5' "$(sql "select string_agg(id::text, ' ' order by id) from named")"
sql 'truncate named; insert into named values (4, 4)'
printf '%s\n' '{"id":1,"c":1}' '{"id":2,"c":-1,"e":null}' '{"id":3,"c":3,"e":"2024-01-02"}' '{"id":4,"c":5}' \
    '{"id":5,"c":5,"e":"2024-01-02T03:04:05Z"}' '{"id":6,"c":0}' >"$dir/named.jsonl"
flow named 0
same 'named: several lists' '1 2000|3 2024|4 2000|5 2024' \
    "$(sql "select string_agg(id || ' ' || to_char(e, 'YYYY'), '|' order by id) from named")"
same 'named: both refusals are kept' '3 2' \
    "$(grep -c check "$dir/named.errors") $(grep -c 'duplicate key' "$dir/named.errors")"

# ---- a column gets another type while rows are on their way ---------------------------------------
sql "create table moving (k int, a int8, b int4, c json, d float8, e text, f int8)"
mkfifo "$dir/pipe"
manifest moving
sed -i "s#path: $dir/moving.jsonl#path: $dir/pipe#" "$dir/moving.yaml"
rm -rf "$dir/state"
timeout --foreground -k 5 60 dfproc run "$dir/moving.yaml" --until-exhausted >"$dir/out" 2>&1 &
runner=$!
until_sql() { # WHAT SQL
    for _ in $(seq 400); do [ "$(sql "$2")" = t ] && return; sleep 0.05; done
    bad "waited for $1"
}
record() { # K E
    printf '{"k":%d,"a":7,"b":8,"c":{"x":[1]},"d":9,"e":%s,"f":10}\n' "$1" "$2"
    until_sql "row $1" "select count(*) = 1 from moving where k = $1"
}
{
    record 1 '"t"'
    sql 'alter table moving alter a type float8' # as many bytes, other meaning
    record 2 '"t"'
    sql 'alter table moving alter b type int8'   # other bytes
    record 3 '"t"'
    sql 'alter table moving alter c type jsonb'  # one byte more
    record 4 '"t"'
    sql 'alter table moving alter d type int8, drop e, add e json'
    record 5 '{"y":"z"}'
    # The rows wait for the lock of the change.
    sql "begin; alter table moving alter f type float8; do \$\$ begin
        while not exists (select from pg_locks where relation = to_regclass('moving') and not granted) loop
            perform pg_sleep(0.02); end loop; end \$\$; commit" &
    until_sql 'the lock' "select exists (select from pg_locks where relation = to_regclass('moving')
        and mode = 'AccessExclusiveLock' and granted)"
    record 6 '{"y":"z"}'
} >"$dir/pipe"
wait $runner || bad "the run with columns that change: $(tail -n 1 "$dir/out")"
same 'columns that change' '6 7 8 9 10 t t' "$(sql "select count(*) || ' ' || string_agg(distinct a::text, ' ') || ' ' ||
    string_agg(distinct b::text, ' ') || ' ' || string_agg(distinct d::text, ' ') || ' ' || string_agg(distinct f::text, ' ')
    || case when bool_and(c = '{\"x\":[1]}') then ' t' else ' f' end || case when count(e) = 2 then ' t' else ' f' end
    from moving")"
same 'columns that change: none refused' 0 "$(summary errored)"
finish
