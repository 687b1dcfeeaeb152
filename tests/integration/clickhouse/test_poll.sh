#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Tables and queries as a source: values of every type, from one table into another without a change; pages, keys of
# several columns, positions over restarts, rows that come while it runs, mistakes told.
. "$(dirname "$0")/../ch_lib.sh"

# source NAME "option: value lines": from the table NAME into $dir/NAME.out
source_of() {
    {
        echo "source:"
        echo "  type: clickhouse"
        echo "  config:"
        echo "    connectionString: \${env:CH_TEST_URL}"
        printf '    %s\n' "${@:2}"
        echo "sink: {type: stdio, config: {path: $dir/$1.out}}"
    } >"$dir/$1.yaml"
}
# flow_on NAME: as flow, with the positions of the run before
flow_on() {
    timeout --foreground -k 5 120 dfproc run "$dir/$1.yaml" --until-exhausted >"$dir/out" 2>&1 && return
    bad "$1: exit code $?"
    tail -n 5 "$dir/out" | sed 's/^/        /'
}

columns="id UInt32, i8 Int8, u64 UInt64, i64 Int64, f32 Float32, f64 Float64, d9 Decimal(9,2), d38 Decimal(38,10), s String,
  fs FixedString(4), dt Date, t DateTime('Europe/Berlin'), n Nullable(Int32), e Enum8('a' = -1, 'b''c' = 2), u UUID,
  a Array(Nullable(Int16)), tp Tuple(Int8, String), nn Nested(k String, v UInt8), lc LowCardinality(String),
  x Array(Array(String)), ns Nullable(String)"
sql "create table here ($columns) engine = MergeTree order by id"
sql "create table copy ($columns) engine = MergeTree order by id"
sql "insert into here values (1, -128, 18446744073709551615, -9223372036854775808, 0.1, 1e300, -9999999.99,
  -1234567890123456789012345678.0123456789, 'caf\\xC3\\xA9\\0\\t', 'ab', '2105-12-31', toDateTime(1729989000), null, 'b\\'c',
  '61f0c404-5cb3-11e7-907b-a6006ad3dba0', [1, null, -3], (7, 'x'), ['p', 'q'], [1, 2], 'low', [['a'], [], ['b', 'c']], ''),
  (2, 127, 0, 9223372036854775807, -0.5, -0.1, 0, 0.0000000001, '', '', '1970-01-02', toDateTime(1729992600), 5, 'a',
  '00000000-0000-0000-0000-000000000001', [], (-7, ''), [], [], '', [], null),
  (3, 0, 9223372036854775808, 0, inf, nan, 0.01, 1, unhex('FF00FE'), unhex('FF'), '2024-02-29', toDateTime(1), -1, 'a',
  '00000000-0000-0000-0000-000000000000', [], (0, unhex('FF')), [], [], '', [], unhex('FF'))"
source_of here 'table: here'
flow here 0
same 'as records' '{"id":1,"i8":-128,"u64":18446744073709551615,"i64":-9223372036854775808,"f32":0.10000000149011612,"f64":1e300,"d9":-9999999.99,"d38":-1234567890123456789012345678.0123456789,"s":"café\u0000\t","fs":"ab","dt":"2105-12-31","t":"2024-10-27T00:30:00Z","n":null,"e":"b'"'"'c","u":"61f0c404-5cb3-11e7-907b-a6006ad3dba0","a":[1,null,-3],"tp":[7,"x"],"nn.k":["p","q"],"nn.v":[1,2],"lc":"low","x":[["a"],[],["b","c"]],"ns":""}' \
    "$(head -n 1 "$dir/here.out" | sed 's/1e+300/1e300/')"
same 'bytes that are no text' '"/wD+" "/w==" "/w=="' \
    "$(sed -n 3p "$dir/here.out" | grep -o '"s":[^,]*\|"fs":[^,]*\|"ns":[^}]*' | cut -d: -f2 | paste -sd' ')"
source_of copy 'table: here'
sed -i "s|^sink:.*|sink: {type: clickhouse, config: {connectionString: '\${env:CH_TEST_URL}', table: copy}}|" "$dir/copy.yaml"
flow copy 0
same 'from table to table without a change' "$(sql 'select * from here order by id')" "$(sql 'select * from copy order by id')"

# ---- positions -------------------------------------------------------------------------------------
sql 'create table page (id Int64, part String, created_at DateTime) engine = MergeTree order by id'
sql "insert into page select number, toString(number % 3), toDateTime(1700000000 + intDiv(number, 7)) from system.numbers limit 1000"
source_of page 'table: page' 'readBatchSize: 64' 'orderByColumn: [part, id]'
flow page 0
same 'each row once, in pages' '1000 1000' "$(wc -l <"$dir/page.out") $(sort -u "$dir/page.out" | wc -l)"
flow_on page
same 'nothing comes again' 1000 "$(wc -l <"$dir/page.out")"
sql "insert into page values (5000, 'x', toDateTime(1700000000)), (5001, 'a', toDateTime(1800000000)), (5002, 'b', toDateTime(1800000000))"
flow_on page
same 'what is behind the last row' '5001 5002' "$(tail -n +1001 "$dir/page.out" | grep -o '"id":[0-9]*' | cut -d: -f2 | paste -sd' ')"
sql 'create table big (k UInt64, v String) engine = MergeTree order by k'
sql "insert into big select 18446744073709551000 + number, if(number = 3, toString(range(600000)), 'v') from system.numbers limit 10"
source_of big 'table: big' 'orderByColumn: k' 'readBatchSize: 3'
flow big 0
same 'keys beyond 2^63, a row of 4 MB' '10 18446744073709551009' "$(wc -l <"$dir/big.out") $(tail -n 1 "$dir/big.out" | grep -o '[0-9]\{20\}')"
sql "create table text (id String, n UInt8) engine = MergeTree order by id"
sql "insert into text values ('a''b\\\\c', 1), ('b\\n', 2), ('c', 3)"
source_of text 'table: text' 'readBatchSize: 1'
flow text 0
same 'keys that are texts' '1 2 3' "$(grep -o '"n":[0-9]' "$dir/text.out" | cut -d: -f2 | paste -sd' ')"
sql 'create table ties (id Int64, part String, n UInt32) engine = MergeTree order by id'
sql "insert into ties select intDiv(number, 10), 'p', number from system.numbers limit 1000"
source_of ties 'table: ties' 'orderByColumn: [id, part]' 'readBatchSize: 7'
flow ties 0
same 'rows of equal keys at the end of a page, each once' '1000 1000' "$(wc -l <"$dir/ties.out") $(sort -u "$dir/ties.out" | wc -l)"
sql "insert into ties select 1000, 'p', number from system.numbers limit 300000"
source_of tied 'table: ties' 'orderByColumn: id'
sed -i "s|^sink:.*|&\nmemoryLimit: 8Mi|" "$dir/tied.yaml"
flow tied 0
same 'more rows of equal keys than a batch holds' '301000 301000' "$(wc -l <"$dir/tied.out") $(sort -u "$dir/tied.out" | wc -l)"
if grep -qs DF_CRASH_AT "$DF_BUILD_DIR"/lib/libdataflow.so; then
    rm -rf "$dir/state" "$dir/tied.out"
    DF_CRASH_AT=save.done:1 timeout 60 dfproc run "$dir/tied.yaml" --until-exhausted >"$dir/out" 2>&1
    same 'it died' 137 $?
    flow_on tied
    same 'nothing is lost where a batch ended between rows of equal keys' 301000 "$(sort -u "$dir/tied.out" | wc -l)"
fi
sql 'create table rep (id Int64, v String, ver UInt64) engine = ReplacingMergeTree(ver) order by id'
sql "insert into rep values (1, 'old', 1)"
sql "insert into rep values (1, 'new', 2)"
source_of rep 'table: rep' 'final: true'
flow rep 0
same 'FINAL' '{"id":1,"v":"new","ver":2}' "$(cat "$dir/rep.out")"
source_of query 'query: "select id * 2 as twice, part from '"$database"'.page where id < 5"' 'changeTrackingColumn: twice' 'orderByColumn: twice'
flow query 0
same 'a query' '0 2 4 6 8' "$(grep -o '"twice":[0-9]*' "$dir/query.out" | cut -d: -f2 | paste -sd' ')"
source_of plain 'query: select 1 as one, toDate(3) as d'
flow plain 0
same 'a query as it is' '{"one":1,"d":"1970-01-04"}' "$(cat "$dir/plain.out")"

source_of nothing 'query: select id, NULL as n, toUInt8(7) as k from '"$database"'.page where id < 2' 'changeTrackingColumn: id' 'orderByColumn: id'
flow nothing 0
same 'NULL of a type that is none of ours' '{"id":0,"n":null,"k":7}
{"id":1,"n":null,"k":7}' "$(cat "$dir/nothing.out")"

# An error that comes when the first rows are out already: no row of it, and no position behind it.
source_of late "query: select number as id, throwIf(number = 900000) as t from system.numbers limit 1000000"
sed -i "s|CH_TEST_URL}|&?max_block_size=1000|" "$dir/late.yaml"
rm -rf "$dir/state"
timeout --foreground -k 5 60 dfproc run "$dir/late.yaml" --until-exhausted >"$dir/out" 2>&1
same 'an error in the middle of an answer ends the run' 1 $?
same 'with no row of it' 0 "$(wc -l <"$dir/late.out")"
has 'it is told' 'code 395' "$(cat "$dir/out")"

# ---- positions of others, and of other columns -----------------------------------------------------
sql "create table spots (id Int64, at DateTime('UTC')) engine = MergeTree order by id"
sql "insert into spots select number, toDateTime('2026-01-02 00:00:00') + number * 3600 from system.numbers limit 6"
source_of spots 'table: spots' 'changeTrackingColumn: at' 'orderByColumn: id'
flow spots 0
rm "$dir/spots.out"
python3 "$(dirname "$0")/../../support/place.py" "$dir/state" '{"lastReadChangeTime":"2026-01-02T05:00:00+02:00","lastReadOrderByValue":3}'
flow_on spots
same 'a position that names an offset' '4 5' "$(grep -o '"id":[0-9]*' "$dir/spots.out" | cut -d: -f2 | paste -sd' ')"

# ---- while it runs ---------------------------------------------------------------------------------
sql 'create table live (id Int64, created_at DateTime default now()) engine = MergeTree order by id'
source_of live 'table: live' 'pollInterval: 100ms' 'orderByColumn: id' 'changeTrackingColumn: id'
rm -rf "$dir/state"
timeout 120 dfproc run "$dir/live.yaml" >"$dir/out" 2>&1 & run=$!
arrived() { # LINES
    for _ in $(seq 600); do [ -e "$dir/live.out" ] && [ "$(wc -l <"$dir/live.out")" = "$1" ] && return; sleep 0.1; done
    bad "$1 rows did not come"
    tail -n 3 "$dir/out"
}
sql 'insert into live (id) values (1), (2)'
arrived 2
sql 'alter table live add column w String'
sql "insert into live (id, w) values (3, 'new')"
arrived 3
kill -TERM "$run"
wait "$run"
has 'a column that came' '"w":"new"' "$(tail -n 1 "$dir/live.out")"

# A change time that a table gets is none of the positions that there are.
sql 'create table gets (id Int64) engine = MergeTree order by id'
source_of gets 'table: gets' 'pollInterval: 100ms'
sed 's/live/gets/g' <<<"$(declare -f arrived)" >"$dir/fn"; . "$dir/fn"
rm -rf "$dir/state"
timeout 120 dfproc run "$dir/gets.yaml" >"$dir/out" 2>&1 & run=$!
sql 'insert into gets values (1), (2)'
arrived 2
sql 'alter table gets add column created_at DateTime default now()'
sql 'insert into gets (id) values (3)'
arrived 3
kill -TERM "$run"
wait "$run" || bad "a table that got created_at: the run ended with $?"
sql 'insert into gets (id) values (4)'
flow_on gets
same 'created_at comes while it runs, and is there after a restart' '1 2 3 4' "$(grep -o '"id":[0-9]*' "$dir/gets.out" | cut -d: -f2 | paste -sd' ')"

# ---- mistakes --------------------------------------------------------------------------------------
# wrong NAME TEXT "option: value lines"
wrong() {
    source_of wrong "${@:3}"
    has "$1" "$2" "$(dfproc validate --connect "$dir/wrong.yaml" 2>&1)"
}
wrong 'no such table' 'nowhere' 'table: nowhere'
wrong 'no such column' 'orderByColumn: nosuch is no column of the table' 'table: page' 'orderByColumn: nosuch'
wrong 'a key that cannot be one' 'is of a type that rows cannot be resumed by' 'table: here' 'orderByColumn: f64'
wrong 'a query that is none' 'SYNTAX_ERROR' 'query: nonsense'
wrong 'all is well' 'table page, 3 columns' 'table: page'
finish
