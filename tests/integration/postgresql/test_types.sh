#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Every type as it comes out of the server; what the catalog refuses; new tables.
. "$(dirname "$0")/../pg_lib.sh"

# ---- exact values -----------------------------------------------------------------------------
sql "create type mood as enum ('sad', 'happy');
create domain positive as int check (value > 0);
create table all_types (id int primary key, i8 bigint, n numeric, n102 numeric(10,2), t text,
  v varchar(5), u uuid, d date, tm time, ts timestamp, tz timestamptz, j json, jb jsonb, by bytea,
  m mood, p positive, ia int[], ta text[], ja jsonb[], ip inet, b boolean, f8 float8,
  g int generated always as (id * 2) stored, s serial)"
cat >"$dir/all_types.jsonl" <<'EOF'
{"id":1,"i8":9007199254740993,"n":0.1000,"n102":12345678.90,"t":"tab\there \\ nl\n cr\r \u0001 \\N h\u00e9 \ud83d\ude00","v":"h\u00e9llo","u":"A0EEBC99-9C0B-4EF8-BB6D-6BB9BD380A11","d":"2024-02-29","tm":"23:59:59.5","ts":"2024-01-02T03:04:05+02:00","tz":"2024-01-02T03:04:05.123456+02:00","j":{"a": [1, 0.10]},"jb":{"k":"v\n\"\\","z":null},"by":"h\u00e9","m":"happy","p":3,"ia":[[1,2],[null,4]],"ta":["a b","q\"\\",null,"","NULL","{x}","t\tn\n"],"ja":[{"a":1},[1,2],null],"ip":"10.0.0.1/8","b":true,"f8":1e300,"s":77}
{"id":2,"i8":null,"t":"","ta":[],"tz":"infinity","f8":"NaN","b":"no","n":1e30}
EOF
manifest all_types
flow all_types 0
same 'counts' '2 2 0' "$(summary received) $(summary sent) $(summary errored)"
expected=$(cat <<'EOF'
9007199254740993|0.1000|12345678.90|héllo|a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11
2024-02-29|23:59:59.5|2024-01-02 01:04:05|2024-01-02 01:04:05.123456+00
{"a":[1,0.10]}|{"k": "v\n\"\\", "z": null}|\x68c3a9|happy|3
{{1,2},{NULL,4}}|{"{\"a\": 1}","[1, 2]",NULL}|10.0.0.1/8|t|1e+300|2|77
EOF
)
export PGTZ=UTC
same 'exact values' "$expected" "$(sql "select i8, n, n102, v, u from all_types where id = 1")
$(sql "select d, tm, ts, tz from all_types where id = 1")
$(sql "select j, jb, by, m, p from all_types where id = 1")
$(sql "select ia, ja, ip, b, f8, g, s from all_types where id = 1")"
same 'text with every escape' t "$(sql "select t = E'tab\\there \\\\ nl\\n cr\\r \\001 \\\\N hé 😀' from all_types where id = 1")"
same 'text array' t "$(sql "select ta = array['a b', E'q\"\\\\', null, '', 'NULL', '{x}', E't\\tn\\n'] from all_types where id = 1")"
same 'nulls, empty text, default' '|0||{}|infinity|NaN|f|1000000000000000000000000000000|1|t' \
    "$(sql "select i8, length(t), n102, ta, tz, f8, b, n, s, jb is null from all_types where id = 2")"

# ---- what the catalog refuses, in one pass, the others written ---------------------------------
sql "create table refused (id int, n numeric(5,2), v varchar(3), d date, j jsonb, m mood, must text not null)"
cat >"$dir/refused.jsonl" <<'EOF'
{"id":1,"must":"x"}
{"id":2147483648,"must":"x"}
{"id":"abc","must":"x"}
{"id":4,"n":1000,"must":"x"}
{"id":5,"n":1.005,"must":"x"}
{"id":6,"v":"abcd","must":"x"}
{"id":7,"d":"2023-02-29","must":"x"}
{"id":8,"j":"\u0000","must":"x"}
{"id":9,"m":"angry","must":"x"}
{"id":10}
{"id":11,"must":null}
{"id":12,"must":"nul\u0000"}
{"id":13,"must":"x","nosuch":1}
[1]
not json
{"id":16,"must":"y"}
EOF
manifest refused
flow refused 0
same 'good rows are written' '1 16' "$(sql "select string_agg(id::text, ' ' order by id) from refused")"
same 'the others are counted' '16 2 14' "$(summary received) $(summary sent) $(summary errored)"
same 'and kept' 14 "$(wc -l <"$dir/refused.errors")"
for text in 'out of range' 'not a whole number' 'more digits before the point' 'more decimals' \
    'too long' 'not a date' 'jsonb cannot store' 'none of the values' 'does not have it' \
    'null, and the column is NOT NULL' 'NUL byte' 'no column for \"nosuch\"' \
    'not a JSON object' 'not JSON'; do
    if grep -qF -- "$text" "$dir/refused.errors"; then ok "  $text"; else bad "no reason: $text"; fi
done

# ---- options ----------------------------------------------------------------------------------
sql "create table options_t (id int, by bytea, n numeric(4,1))"
printf '%s\n' '{"id":1,"by":"aGk=","n":1.25,"extra":1}' >"$dir/options_t.jsonl"
manifest options_t 'unknownFields: ignore' 'bytea: base64' 'roundNumbers: true'
flow options_t 0
same 'unknownFields, bytea, roundNumbers' '1|\x6869|1.3' "$(sql 'select * from options_t')"
printf '%s\n' '{"id":2}' '{"id":3,"by":null,"n":0}' >"$dir/options_t.jsonl"
manifest options_t 'missingColumns: error'
flow options_t 0
same 'missingColumns: error' '1 3' "$(sql "select string_agg(id::text, ' ' order by id) from options_t")"

# ---- names ------------------------------------------------------------------------------------
sql 'create table "Odd ""name"" $t$" ("a""b" int, "select" text, "日本" int)'
printf '%s\n' '{"a\"b":1,"select":"x","日本":2}' >"$dir/names.jsonl"
manifest names
sed -i 's/table: names/table: '"'"'"Odd ""name"" $t$"'"'"'/' "$dir/names.yaml"
flow names 0
same 'quoted names' '1|x|2' "$(sql 'select * from "Odd ""name"" $t$"')"

# ---- autoCreateTable ----------------------------------------------------------------------------
cat >"$dir/auto.jsonl" <<'EOF'
{"id":1,"name":"a","amount":1,"at":"2024-01-02T03:04:05Z","ok":true,"tags":["x"],"mixed":1,"gone":null,"big":12345678901234567890}
{"id":2,"name":"b","amount":1.50,"at":"2024-01-02T03:04:05+02:00","ok":null,"tags":{"a":1},"mixed":"s","Extra Key":"\"q\""}
EOF
manifest auto 'autoCreateTable: true'
flow auto 0
same 'types of a new table' 'id bigint,name text,amount numeric,at timestamp with time zone,ok boolean,tags jsonb,mixed text,gone text,big numeric,Extra Key text,created_at timestamp with time zone,updated_at timestamp with time zone' \
    "$(sql "select string_agg(attname || ' ' || format_type(atttypid, atttypmod), ',' order by attnum) from pg_attribute where attrelid = 'auto'::regclass and attnum > 0")"
same 'its key' id "$(sql "select attname from pg_index i join pg_attribute a on a.attrelid = i.indrelid and a.attnum = any(i.indkey) where i.indrelid = 'auto'::regclass and i.indisprimary")"
same 'its rows' '1|1|12345678901234567890|t
2|1.50||t' "$(sql 'select id, amount, big, created_at is not null from auto order by id')"
# The same rows again are a repetition; another row with that key is refused.
printf '%s\n' '{"id":2,"name":"other"}' '{"id":3,"name":"c"}' >>"$dir/auto.jsonl"
flow auto 0
same 'repeated rows count as written' '4 3 1' "$(summary received) $(summary sent) $(summary errored)"
same 'and are there once' '1 a,2 b,3 c' "$(sql "select string_agg(id || ' ' || name, ',' order by id) from auto")"

printf '%s\n' '{"id":1}' >"$dir/missing_t.jsonl"
manifest missing_t
flow missing_t 1
grep -qF 'table missing_t does not exist' "$dir/out" && ok 'a missing table stops the flow' ||
    bad 'a missing table must stop the flow'
finish
