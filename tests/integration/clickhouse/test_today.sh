#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# ctest: timeout=600
# ctest: no-servers
# The engine of today (embedded, behind a scripted HTTP server): types, engines and settings that the server of the test
# bed does not know. Skipped where it cannot be had.
. "$(dirname "$0")/../ch_today_lib.sh"
export DATAFLOW_PLUGINS=${DF_BUILD_DIR:-build/dev}/lib/typed_rows.so
# source_of NAME "option: value lines": from the table NAME into the table copy_NAME, or $dir/NAME.out
source_of() {
    {
        printf '%s\n' "source:" "  type: clickhouse" "  config:" "    connectionString: \${env:CH_TEST_URL}"
        printf '    %s\n' "${@:2}"
        echo "sink: {type: stdio, config: {path: $dir/$1.out}}"
    } >"$dir/$1.yaml"
}

# ---- values of every type --------------------------------------------------------------------------
columns="id UInt32, i128 Int128, i256 Int256, u128 UInt128, u256 UInt256, d76 Decimal(76,20), b Bool, d32 Date32,
  t0 DateTime64(0,'UTC'), t3 DateTime64(3,'Europe/Berlin'), t6 DateTime64(6), t9 DateTime64(9,'UTC'), v4 IPv4, v6 IPv6,
  m Map(String, Array(Int64)), mi Map(UInt8, String), tp Tuple(a Int8, b Nullable(String)), ln LowCardinality(Nullable(String)),
  e16 Enum16('x' = 1000, 'y' = -1000), am Array(Map(String, UInt8)), fs FixedString(3), sa SimpleAggregateFunction(sum, UInt64),
  n Nested(k String, v UInt8), nd Nullable(Decimal(10,2)), c Time, c6 Time64(6)"
sql "create table every ($columns) engine = MergeTree order by id settings enable_time_time64_type = 1" >/dev/null 2>&1 ||
    sql "create table every ($columns) engine = MergeTree order by id"
sql "create table copy as every"
cat >"$dir/every.jsonl" <<'END'
{"id":1,"i128":"-170141183460469231731687303715884105728","i256":"57896044618658097711785492504343953926634992332820282019728792003956564819967","u128":340282366920938463463374607431768211455,"u256":"115792089237316195423570985008687907853269984665640564039457584007913129639935","d76":"-12345678901234567890123456789012345678901234567890123456.01234567890123456789","b":true,"d32":"1900-01-01","t0":"2299-12-31T23:59:59Z","t3":"2024-10-27T02:30:00.123+01:00","t6":"1999-12-31T23:59:59.999999Z","t9":"2262-04-11T23:47:16.854775807Z","v4":"255.0.0.1","v6":"fe80::1","m":{"a":[1,-9223372036854775808],"":[]},"mi":{"7":"x"},"tp":{"a":-1,"b":null},"ln":null,"e16":"y","am":[{"k":255},{}],"fs":"abc","sa":18446744073709551615,"n":[{"k":"p","v":1}],"nd":"-99999999.99","c":"23:59:59","c6":"00:00:00.000001"}
{"id":2,"i128":0,"i256":-1,"u128":"1","u256":0,"d76":0,"b":0,"d32":"2299-12-31","t0":-1,"t3":"1900-01-01T00:00:00Z","t6":0.5,"t9":"1970-01-01T00:00:00.000000001Z","v4":"0.0.0.0","v6":"::ffff:1.2.3.4","m":{},"mi":{},"tp":[5,"é"],"ln":"low","e16":1000,"am":[],"fs":"","sa":0,"n":[],"nd":null,"c":"00:00:00","c6":"12:00:00"}
END
manifest every
flow every 0
same 'all sent' '2 0' "$(summary sent) $(summary errored)"
same 'big numbers' "-170141183460469231731687303715884105728|57896044618658097711785492504343953926634992332820282019728792003956564819967|340282366920938463463374607431768211455|115792089237316195423570985008687907853269984665640564039457584007913129639935|-12345678901234567890123456789012345678901234567890123456.01234567890123456789
0|-1|1|0|0" "$(sql 'select i128, i256, u128, u256, d76 from every order by id' | tr '\t' '|')"
same 'times' "1900-01-01|2299-12-31 23:59:59|2024-10-27 02:30:00.123|1729992600|1999-12-31 23:59:59.999999|2262-04-11 23:47:16.854775807|23:59:59|00:00:00.000001
2299-12-31|1969-12-31 23:59:59|1900-01-01 01:00:00.000|-2208988800|1970-01-01 00:00:00.500000|1970-01-01 00:00:00.000000001|00:00:00|12:00:00.000000" \
    "$(sql "select d32, t0, t3, toInt64(floor(toFloat64(t3))), toTimeZone(t6, 'UTC'), t9, c, c6 from every order by id" | tr '\t' '|')"
same 'the rest' "true|255.0.0.1|fe80::1|{'a':[1,-9223372036854775808],'':[]}|{7:'x'}|(-1,NULL)|\\N|y|[{'k':255},{}]|abc|18446744073709551615|['p']|[1]|-99999999.99
false|0.0.0.0|::ffff:1.2.3.4|{}|{}|(5,'é')|low|x|[]|\\0\\0\\0|0|[]|[]|\\N" \
    "$(sql 'select b, v4, v6, m, mi, tp, ln, e16, am, fs, sa, n.k, n.v, nd from every order by id' | tr '\t' '|')"
source_of every 'table: every'
sed -i "s|^sink:.*|sink: {type: clickhouse, config: {connectionString: '\${env:CH_TEST_URL}', table: copy}}|" "$dir/every.yaml"
flow every 0
same 'from table to table without a change' "$(sql 'select * from every order by id')" "$(sql 'select * from copy order by id')"

# ---- JSON, and what has no form of its own -------------------------------------------------------
sql 'create table free (id UInt32, j JSON, nj Nullable(String)) engine = MergeTree order by id'
printf '%s\n' '{"id":1,"j":{"a":{"b":9007199254740993},"l":["x",null]}}' '{"id":2,"j":"{\"t\":1}"}' >"$dir/free.jsonl"
manifest free
flow free 0
same 'JSON' '{"a":{"b":9007199254740993},"l":["x",null]}|{"t":1}' "$(sql 'select toString(j) from free order by id' | tr -d '\\' | sed 's/"9007199254740993"/9007199254740993/' | paste -sd'|')"
sql "create table loose (id UInt32, va Variant(UInt8, String), dy Dynamic, j JSON, x String) engine = MergeTree order by id"
sql "insert into loose select 1, 7::UInt8, 'text', '{\"a\":1}', 'end'"
sql "insert into loose select 2, NULL, NULL, '{}', 'end'"
source_of loose 'table: loose'
flow loose 0
same 'read as text' '{"id":1,"va":"7","dy":"text","j":{"a":1},"x":"end"}
{"id":2,"va":null,"dy":null,"j":{},"x":"end"}' "$(cat "$dir/loose.out")"
echo '{"id":3,"va":1}' >"$dir/loose.jsonl"
manifest loose
flow loose 0
same 'not written' 'type_mismatch: column va: of a type that cannot be written' "$(reasons loose)"

cat >"$dir/made.jsonl" <<'END'
{"id":1,"price":10,"at":"2024-02-29T10:00:00.5Z","b":true}
{"id":70000,"price":19.99,"at":"2024-02-29T12:00:00+02:00","b":false}
END
manifest made 'autoCreateTable: true'
flow made 0
same 'a table that is made' "id Int64,price Nullable(Decimal(38, 10)),at Nullable(DateTime64(6, \\'UTC\\')),b Nullable(Bool),created_at DateTime" \
    "$(sql 'describe table made' | cut -f 1,2 | tr '\t' ' ' | paste -sd,)"
same 'its rows' '1 10 2024-02-29 10:00:00.500000 true,70000 19.99 2024-02-29 10:00:00.000000 false' \
    "$(sql 'select id, price, at, b from made order by id' | tr '\t' ' ' | paste -sd,)"

# ---- one bad row among many ------------------------------------------------------------------------
sql 'create table checked (id UInt32, constraint c check id != 777) engine = MergeTree order by id'
seq 1 2000 | sed 's/.*/{"id":&}/' >"$dir/checked.jsonl"
manifest checked
flow checked 0
same 'a constraint refuses one row of 2000' '1999 1999 1' "$(sql 'select count(), uniqExact(id) from checked' | tr '\t' ' ') $(reasons checked | grep -c 'code 469 VIOLATED_CONSTRAINT')"

# ---- pages and keys --------------------------------------------------------------------------------
sql 'create table ties (id UInt32, n UInt32, at DateTime64(9)) engine = MergeTree order by id'
sql "insert into ties select intDiv(number, 10), number, toDateTime64('2026-01-01 00:00:00', 9) + toIntervalNanosecond(intDiv(number, 10)) from numbers(1000)"
source_of ties 'table: ties' 'orderByColumn: id' 'changeTrackingColumn: at' 'readBatchSize: 7'
flow ties 0
same 'rows of equal keys, times to the nanosecond' '1000 1000' "$(wc -l <"$dir/ties.out") $(sort -u "$dir/ties.out" | wc -l)"

# ---- rows that replace each other, with a mark for deletes ---------------------------------------
cat >"$dir/ups.rows" <<'END'
{"op":"insert","row":{"id":1,"v":"a"}}
{"op":"insert","row":{"id":2,"v":"b"}}
{"op":"insert","row":{"id":3,"v":"c"}}
{"op":"delete","row":{"id":2}}
{"op":"update","row":{"id":4,"v":"c"},"before":{"id":3,"v":"c"}}
{"op":"delete","row":{"id":1}}
{"op":"insert","row":{"id":1,"v":"again"}}
END
manifest ups 'upsertMode: true' 'autoCreateTable: true' 'conflictKey: id'
sed -i "1s|.*|source: {type: typed, config: {path: $dir/ups.rows}}|" "$dir/ups.yaml"
flow ups 0
flow ups 0
same 'FINAL is what the source has, also after it came again' '1 again,4 c' "$(sql 'select id, v from ups final order by id' | tr '\t' ' ' | paste -sd,)"

# ---- repeats and twins -----------------------------------------------------------------------------
sql 'create table once (id UInt32) engine = MergeTree order by id settings non_replicated_deduplication_window = 100'
yes '{"id":1}' | head -n 6 >"$dir/once.jsonl"
manifest once 'batchSize: 2'
flow once 0
same 'batches that are the same are all kept' 6 "$(sql 'select count() from once')"

# ---- a view whose table is gone ------------------------------------------------------------------
sql 'create table seen (id UInt32) engine = MergeTree order by id'
sql 'create table sums (n UInt64) engine = MergeTree order by n'
sql 'create materialized view adds to sums as select count() as n from seen'
sql 'drop table sums'
echo '{"id":1}' >"$dir/seen.jsonl"
manifest seen
rm -rf "$dir/state"
timeout 100 dfproc run "$dir/seen.yaml" --until-exhausted >"$dir/out" 2>&1 & run=$!
until_true 60 grep -q 'table seen is there, so a view of it' "$dir/out" || bad 'it is not said what is missing'
sql 'create table sums (n UInt64) engine = MergeTree order by n'
wait "$run" || bad "the run ended with $?"
same 'it goes on when it is mended' '1 1' "$(sql 'select count() from seen') $(sql 'select sum(n) from sums')"
finish
