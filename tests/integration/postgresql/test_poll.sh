#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# The polling source: every value as it is, each row once, pages that end between equal times, rows
# without a time, queries, and what a table may become while it is read.
. "$(dirname "$0")/../pg_lib.sh"
. "$(dirname "$0")/poll_lib.sh"

# ---- values in both forms -------------------------------------------------------------------------
if tests/unit/postgresql/test_forms >"$dir/forms" 2>&1 && ! grep -q SKIPPED "$dir/forms"; then ok 'text and binary form are the same values'; else
    bad 'text and binary form'
    tail -n 5 "$dir/forms"
fi

# ---- every type, there and back -------------------------------------------------------------------
sql "create type mood as enum ('sad', 'happy', 'it''s \"so\"'); create domain positive as int check (value > 0);
create domain tags as text[]; create type pair as (a int, b text);
create table every (id int primary key, i2 int2, i8 int8, f4 float4, f8 float8, n numeric, n2 numeric(40,10),
  t text, v varchar(9), c char(5), ch \"char\", na name, b boolean, u uuid, d date, tm time, tmz timetz,
  ts timestamp, tz timestamptz, ts0 timestamp(0), j json, jb jsonb, by bytea, m mood, p positive, iv interval,
  ip inet, ci cidr, mac macaddr, bi bit(3), vb varbit, mo money, ir int4range, tr tstzrange, nm nummultirange,
  pt point, bx box, po polygon, pr pair, xm xml, ts_ tsvector, l pg_lsn, o oid,
  ia int[], i2a int[], ta text[], na_ numeric[], da date[], tza timestamptz[], bya bytea[], jba jsonb[],
  ma mood[], iva interval[], bxa box[], ua uuid[], tg tags, ra int4range[], pra pair[], ga int[])"
for form in 1 2 3; do
    case $form in
    1) values="1, -32768, 9007199254740993, 0.1, 'NaN', 'NaN', 123456789012345678901234567890.0123456789,
  E'tab\\t nl\\n \\\\ \\001 \\\\N hé 😀', 'a b ', 'ab', 'x', 'na me', true, 'A0EEBC99-9C0B-4EF8-BB6D-6BB9BD380A11',
  'infinity', '24:00:00', '24:00:00+15:59', '-infinity', 'infinity', '0044-03-15 12:00:00 BC', ' {\"a\":[1, 1e400]}',
  '{\"k\":\"v\\n\\\"\\\\\", \"z\":null, \"n\":1.10}', '\\x00ff5c0a', 'it''s \"so\"', 3,
  '1 year -2 mons 3 days 04:05:06.789', '10.0.0.1/8', '10.0.0.0/8', '08:00:2b:01:02:03', '101', '1', '-12.34',
  '[1,5)', '[2024-01-01 00:00:00+00,)', '{[1.1,2.2),(5,)}', '(1.5,-2)', '(2,2),(1,1)', '((0,0),(1,1),(2,0))',
  row(1, 'a,\"b\"'), '<a>x</a>', 'a:1 b:2', '16/B374D848', 4294967295,
  '{1,NULL,-3}', '{{1,2},{NULL,4}}', array['a b', E'q\"\\\\', null, '', 'NULL', '{x}', E't\\tn\\n'], '{1.10,NaN,Infinity}',
  '{infinity,2024-02-29}', array['2024-01-02 03:04:05.000006+00'::timestamptz, '-infinity'], array['\\x00ff'::bytea],
  array['{\"a\":[1]}'::jsonb, '[1,2]', '\"x\"'], '{sad,\"it''s \\\"so\\\"\"}', array['1 day'::interval], '{(2,2),(1,1);(3,3),(0,0)}',
  array['a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11'::uuid], '{a,b}', array['[1,2)'::int4range, 'empty'], array[row(1,'x')::pair],
  '[0:2]={1,2,3}'" ;;
    2) values="2, 32767, -9223372036854775808, 1e-45, 5e-324, 'Infinity', 0, '', '', '', '', '', false,
  '00000000-0000-0000-0000-000000000000', '4713-01-01 BC', '00:00:00.000001', '00:00:00-15:59',
  '2024-02-29 23:59:59.999999', '4713-01-02 00:00:00+00 BC', '15000-01-01', '7', '1', '', 'sad', 1, '0', '::1', '::/0',
  '00:00:00:00:00:00', '000', '', '0', 'empty', '(,)', '{}', '(NaN,Infinity)', '(0,0),(0,0)', '((0,0))', row(null, null),
  'x', '', '0/0', 0, '{}', '{}', '{}', '{}', '{}', '{}', '{}', '{}', '{}', '{}', '{}', '{}', '{}', '{}', '{}', '{}'" ;;
    3) values="3, null, null, 3.4028235e38, -0.0, '-Infinity', null, null, null, null, null, null, null, null, '5874897-12-31',
  null, null, '0001-01-01', '1880-01-01 00:00:00+00', null, '[]', '\"x\"', null, null, null, null, null, null, null, null, null, null,
  null, null, null, null, null, null, null, null, null, null, null, null, null, null, null, null, null, null, null, null, null, null,
  null, null, null, null, null" ;;
    esac
    sql "insert into every values ($values)" || bad "insert of form $form"
done
sql "create table copy (like every)"
sink="{type: postgresql, config: {connectionString: \"\${env:PG_TEST_URL}\", table: copy}}"
polled every "$sink" 'table: every' 'pollInterval: 100ms'
once every
same 'three rows of every type' '3 3 0' "$(summary received) $(summary sent) $(summary errored)"
[ -s "$dir/every.errors" ] && jq -r .error "$dir/every.errors" | head -5
columns=$(sql "select string_agg(format(\$\$(a.%1\$I::text is distinct from b.%1\$I::text)::int\$\$, attname), '+')
  from pg_attribute where attrelid = 'every'::regclass and attnum > 0 and atttypid <> 'json'::regtype")
same 'read and written again they are equal' '0 0 0' "$(sql "select string_agg(($columns)::text, ' ') from every a left join copy b using (id)")"
same 'json too, but for its spaces' '3' "$(sql "select count(*) from every a join copy b using (id) where a.j::jsonb = b.j::jsonb")"
sql "select attname from pg_attribute where attrelid = 'every'::regclass and attnum > 0 and atttypid <> 'json'::regtype" | while read -r c; do
    n=$(sql "select count(*) from every a left join copy b using (id) where a.\"$c\"::text is distinct from b.\"$c\"::text")
    [ "$n" = 0 ] || echo "        column $c: $(sql "select a.\"$c\"::text, b.\"$c\"::text from every a left join copy b using (id) where a.\"$c\"::text is distinct from b.\"$c\"::text" | head -2)"
done

# ---- pages, equal times, microseconds -------------------------------------------------------------
sql "create table pages (id int primary key, updated_at timestamptz);
insert into pages select g, '2026-01-01 00:00:00.001'::timestamptz + g * interval '1 microsecond' from generate_series(1, 60) g;
insert into pages select g, '2026-01-02 00:00:00.000007' from generate_series(61, 120) g;
insert into pages select g, null from generate_series(121, 150) g"
polled pages "$(to_file pages)" 'table: pages' 'readBatchSize: 25' 'pollInterval: 100ms'
once pages
same 'each row once, in order, over page borders' "$(seq 1 150 | tr '\n' ' ')" "$(ids pages)"
once pages
same 'a run that finds nothing reads nothing' 150 "$(wc -l <"$dir/pages.out")"
sql "insert into pages values (0, '2026-01-02 00:00:00.000008'), (151, null); update pages set updated_at = '2026-01-03' where id = 5"
once pages
same 'what is new since: by time, and by key without one' '0 5 151 ' "$(tail -n 3 "$dir/pages.out" | jq -r .id | tr '\n' ' ')"

# ---- keys of other types --------------------------------------------------------------------------
sql "create table texts (id text collate \"und-x-icu\" primary key, at timestamp not null default '2026-01-01', \"Order\" uuid unique default gen_random_uuid());
insert into texts select x from unnest(array['a', 'B', 'ä', 'z', 'Z', '', 'é''\"\\', 'aa', '10', '9']) x"
polled texts "$(to_file texts)" 'table: texts' 'changeTrackingColumn: at' 'readBatchSize: 3'
once texts
same 'text by its collation' "$(sql 'select string_agg(id, $$|$$ order by id) from texts')" "$(jq -r .id "$dir/texts.out" | paste -sd'|')"
polled uuids "$(to_file uuids)" 'table: texts' 'changeTrackingColumn: at' 'orderByColumn: Order' 'readBatchSize: 4'
once uuids
same 'uuids' "$(sql 'select string_agg(id, $$|$$ order by "Order") from texts')" "$(jq -r .id "$dir/uuids.out" | paste -sd'|')"
sql "create table pairs (a int, b text, v int, primary key (a, b)); insert into pairs select x % 5, 'k' || x, x from generate_series(1, 40) x"
polled pairs "$(to_file pairs)" 'table: pairs' 'orderByColumn: [a, b]' 'readBatchSize: 7'
once pairs
same 'two columns as a key, without a time' "$(sql 'select string_agg(v::text, $$ $$ order by a, b) from pairs')" "$(jq -r .v "$dir/pairs.out" | paste -sd' ')"
sql "create table alone (t timestamptz not null); insert into alone select '2026-01-01'::timestamptz + (g / 7) * interval '1 s' from generate_series(1, 50) g"
polled alone "$(to_file alone)" 'table: alone' 'changeTrackingColumn: t' 'orderByColumn: t' 'readBatchSize: 3'
once alone
same 'a time alone: pages end between different ones' 50 "$(wc -l <"$dir/alone.out")"
sql "create table \"Mixed Case\" (id int primary key, \"Value\" text); insert into \"Mixed Case\" values (1, 'x')"
polled mixed "$(to_file mixed)" "table: '\"Mixed Case\"'"
once mixed
same 'a name in quotes' '{"id":1,"Value":"x"}' "$(cat "$dir/mixed.out")"

# ---- queries --------------------------------------------------------------------------------------
polled query "$(to_file query)" 'query: "select id, updated_at, id * 2 as twice from pages where id < 10; -- some"' \
    'changeTrackingColumn: updated_at' 'readBatchSize: 4'
once query
once query
same 'a query with a change column is read like a table' '1 2 3 4 6 7 8 9 0 5 ' "$(ids query)"
polled verbatim "$(to_file verbatim)" 'query: "select id from pages where id < 4 order by id desc"'
once verbatim
once verbatim
same 'one without runs as it is, each time' '3 2 1 0 3 2 1 0 ' "$(ids verbatim)"

# ---- nothing there, and what is told --------------------------------------------------------------
sql "create table nothing (id int primary key, updated_at timestamptz)"
polled nothing "$(to_file nothing)" 'table: nothing'
once nothing
same 'an empty table' 0 "$(wc -l <"$dir/nothing.out" 2>/dev/null || echo 0)"
polled made "$(to_file made)" 'table: made' 'autoCreateTable: true'
once made
same 'autoCreateTable' 'id created_at updated_at' "$(sql "select string_agg(attname, ' ' order by attnum) from pg_attribute where attrelid = 'made'::regclass and attnum > 0")"
told() { # NAME TEXT: what validate --connect says of the source
    dfproc validate --connect "$dir/$1.yaml" >"$dir/told" 2>&1
    if grep -qF -- "$2" "$dir/told"; then ok "  $2"; else
        bad "not told: $2"
        sed 's/^/        /' "$dir/told"
    fi
}
told nothing 'table nothing, 2 columns'
polled gone "$(to_file gone)" 'table: gone'
told gone 'table gone does not exist'
polled wrong "$(to_file wrong)" 'table: nothing' 'changeTrackingColumn: nosuch'
told wrong 'changeTrackingColumn: there is no column nosuch'
sql "create role ${schema}_r login password 'secret-word'; grant usage on schema $schema to ${schema}_r"
polled rights "$(to_file rights)" 'table: nothing'
export PG_RIGHTS_URL="postgres://${schema}_r:secret-word@${PG_TEST_URL#*@}"
sed -i 's|PG_TEST_URL|PG_RIGHTS_URL|' "$dir/rights.yaml"
told rights 'permission denied for table nothing'
grep -q 'secret-word' "$dir/told" && bad 'the password is told'
sql "drop owned by ${schema}_r; drop role ${schema}_r"

finish
