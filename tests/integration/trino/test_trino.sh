#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# ctest: timeout=600
# ctest: no-servers
# A real Trino: values of every type into a table and out of it again, refused ones by their column,
# polls that go on where they were, whole records, tables that are made, a kill in the middle.
# Skipped where Trino cannot be had.
. "$(dirname "$0")/../../support/script.sh"
bed=${DF_BED:-$(dirname "$0")/../../bed}
"$bed/trino" fetch >&2 || { echo "skipped: Trino cannot be had" && exit 77; }
dir=$(mktemp -d)
leave() { [ "$BASHPID" = $$ ] && { "$bed/trino" stop --dir "$dir/trino"; rm -rf "$dir"; }; }
trap leave EXIT
"$bed/trino" start --dir "$dir/trino" --parent $$ >"$dir/env" || exit 1
. "$dir/env"
export XDG_STATE_HOME=$dir/state NO_COLOR=1 DF_TRINO

# sql STATEMENT: its rows, one a line as JSON
sql() { python3 "$(dirname "$0")/../../support/trino_sql.py" "$DF_TRINO" memory default "$1"; }

# sink NAME LINES…: a manifest from $dir/NAME.jsonl into the table NAME; lines are further options
sink() {
    printf '%s\n' "source: {type: stdio, config: {path: $dir/$1.jsonl}}" "sink:" "  type: trino" "  config:" \
        "    serverURL: \${env:DF_TRINO}" "    catalog: memory" "    schema: default" "    table: $1" "${@/#/    }" |
        sed "/^    $1\$/d" >"$dir/$1.yaml"
    echo "errors: {type: stdio, config: {path: $dir/$1.errors}}" >>"$dir/$1.yaml"
}
# source NAME LINES…: a manifest from the table NAME to $dir/NAME.out
source_of() {
    printf '%s\n' "source:" "  type: trino" "  config:" "    serverURL: \${env:DF_TRINO}" "    catalog: memory" \
        "    schema: default" "    table: $1" "    pollInterval: 200ms" "${@/#/    }" | sed "/^    $1\$/d" >"$dir/$1.yaml"
    echo "sink: {type: stdio, config: {path: $dir/$1.out}}" >>"$dir/$1.yaml"
}
flow() { # NAME
    timeout --foreground -k 5 120 dfproc run --until-exhausted "$dir/$1.yaml" "${@:2}" >"$dir/log" 2>&1 && return
    bad "$1: exit code $?"
    tail -n 5 "$dir/log" | cut -c1-400 | sed 's/^/        /'
}
summary() { tail -n 1 "$dir/log" | grep -o "\"$1\":[^,}]*" | head -n 1 | cut -d: -f2; }
reasons() { python3 -c '
import json, sys
for line in open(sys.argv[1]):
    print(json.loads(line)["error"]["message"])' "$dir/$1.errors"; }

# ---- values --------------------------------------------------------------------------------------
sql "CREATE TABLE exact (id bigint, v varchar, ts timestamp(6) with time zone, t timestamp(6), d decimal(38,10),
  r row(x bigint, y array(varchar)), m map(varchar,double), b varbinary, u uuid, ip ipaddress, c time(3), day date,
  ch char(4), f real, g double, ok boolean, n timestamp(9), small tinyint not null)"
cat >"$dir/exact.jsonl" <<'END'
{"id":-9223372036854775808,"v":"it's \"q\" é😀","ts":"2026-01-02T03:04:05.123456+02:00","t":"2026-01-02T03:04:05+02:00","d":"-1234567890123456789012345678.0123456789","r":{"x":9007199254740993,"y":["p",null,"q'"]},"m":{"k":1.5,"n":"NaN"},"b":"bytes","u":"12151fd2-7586-11e9-8f9e-2a86e4085a59","ip":"fe80::1","c":"03:04:05.123","day":"2026-01-02","ch":"ab","f":0.5,"g":1e300,"ok":true,"n":"2026-01-02T03:04:05.123456789Z","small":-128,"other":1}
{"id":9223372036854775807,"small":127,"r":{},"m":{},"d":0}
{"id":1}
{"id":1.5,"small":1}
{"id":2,"small":128}
{"id":3,"small":1,"d":"0.00000000001"}
{"id":4,"small":1,"v":["a"],"ch":"abcde"}
{"id":5,"small":1,"c":"03:04:05.1234"}
{"id":6,"small":1,"r":{"x":1,"y":1}}
{"nothing":1}
END
sink exact
flow exact
same 'sent and refused' '2 8' "$(summary sent) $(summary errored)"
same 'values' '[-9223372036854775808, "it'"'"'s \"q\" é😀", "2026-01-02 03:04:05.123456 +02:00", "2026-01-02 01:04:05.000000", "-1234567890123456789012345678.0123456789", [9007199254740993, ["p", null, "q'"'"'"]], {"k": 1.5, "n": "NaN"}, "Ynl0ZXM=", "12151fd2-7586-11e9-8f9e-2a86e4085a59", "fe80::1", "03:04:05.123", "2026-01-02", "ab  ", 0.5, 1e+300, true, "2026-01-02 03:04:05.123456789", -128]
[9223372036854775807, null, null, null, "0.0000000000", [null, null], {}, null, null, null, null, null, null, null, null, null, null, 127]' "$(sql 'SELECT * FROM exact ORDER BY id')"
same 'reasons' 'column small (tinyint): is NOT NULL, and the record has no value for it
column id (bigint): not a whole number of 64 bits
column small (tinyint): out of range
column d (decimal(38,10)): more decimals than the column keeps
column ch (char(4)): too long
column c (time(3)): has a finer fraction than the column keeps
column r (row(x bigint, y array(varchar))): not an array
none of its keys is a column of the table' "$(reasons exact)"

# ---- and back ------------------------------------------------------------------------------------
rm -rf "$dir/state"
source_of exact 'orderByColumn: id'
flow exact
same 'read back' '{"id":-9223372036854775808,"v":"it'"'"'s \"q\" é😀","ts":"2026-01-02T01:04:05.123456Z","t":"2026-01-02T01:04:05","d":-1234567890123456789012345678.0123456789,"r":{"x":9007199254740993,"y":["p",null,"q'"'"'"]},"m":{"k":1.5,"n":"NaN"},"b":"Ynl0ZXM=","u":"12151fd2-7586-11e9-8f9e-2a86e4085a59","ip":"fe80::1","c":"03:04:05.123","day":"2026-01-02","ch":"ab  ","f":0.5,"g":1e300,"ok":true,"n":"2026-01-02 03:04:05.123456789","small":-128}
{"id":9223372036854775807,"v":null,"ts":null,"t":null,"d":0.0000000000,"r":{"x":null,"y":null},"m":{},"b":null,"u":null,"ip":null,"c":null,"day":null,"ch":null,"f":null,"g":null,"ok":null,"n":null,"small":127}' "$(cat "$dir/exact.out")"

# ---- polls ---------------------------------------------------------------------------------------
sql "CREATE TABLE polled (id bigint, updated_at timestamp(6), v varchar)"
sql "INSERT INTO polled VALUES (1,TIMESTAMP '2026-01-01 00:00:00.000001','a'),(2,TIMESTAMP '2026-01-01 00:00:00.000001','b'),
  (4,NULL,'n4'),(5,NULL,'n5'),(6,TIMESTAMP '2026-01-02 00:00:00','d'),(6,TIMESTAMP '2026-01-02 00:00:00','d2'),
  (6,TIMESTAMP '2026-01-02 00:00:00','d3'),(7,TIMESTAMP '2026-01-02 00:00:00','e')" >/dev/null
source_of polled 'readBatchSize: 2'
flow polled
sql "INSERT INTO polled VALUES (8,TIMESTAMP '2026-01-03 00:00:00.000001','new'),(9,NULL,'n9'),(1,TIMESTAMP '2026-01-03 00:00:00','upd')" >/dev/null
flow polled
flow polled
same 'each row once, what is new after the last' 'a b d d2 d3 e n4 n5 n9 new upd' \
    "$(grep -o '"v":"[^"]*"' "$dir/polled.out" | cut -d'"' -f4 | sort | tr '\n' ' ' | sed 's/ $//')"
same 'order by time' 'n9 upd new' "$(tail -n 3 "$dir/polled.out" | grep -o '"v":"[^"]*"' | cut -d'"' -f4 | tr '\n' ' ' | sed 's/ $//')"

sql "CREATE TABLE floats (d double, z timestamp(12) with time zone, c time(3) with time zone, id bigint)"
sql "INSERT INTO floats VALUES (-0.0,TIMESTAMP '2026-01-01 02:00:00.000000000001 +02:00',TIME '03:00:00.000+02:00',1),
  (0.0,TIMESTAMP '2026-01-01 00:00:00.000000000001 UTC',TIME '01:00:00.000+00:00',2),
  (0.1,TIMESTAMP '2026-01-01 00:00:00.000000000002 UTC',TIME '02:00:00.000+00:00',3),
  (nan(),TIMESTAMP '2026-01-01 00:00:00.000000000003 UTC',TIME '03:00:00.000+00:00',4)" >/dev/null
ids() { grep -o '"id":[0-9]*' "$dir/floats.out" | cut -d: -f2 | sort | tr '\n' ' ' | sed 's/ $//'; }
for key in d z c; do
    rm -rf "$dir/state" "$dir/floats.out"
    source_of floats 'readBatchSize: 1' "orderByColumn: $key"
    flow floats
    flow floats
    same "key $key: each row once" "$([ $key = d ] && echo '1 2 3' || echo '1 2 3 4')" "$(ids)"
done
sql "INSERT INTO floats VALUES (0.10000000000000002,TIMESTAMP '2026-01-01 02:00:00.000000000004 +01:00',TIME '05:00:00.001+01:00',5)" >/dev/null
rm "$dir/floats.out"
flow floats
same 'what is a tick behind the last key' 5 "$(ids)"

# ---- tables that are made ------------------------------------------------------------------------
printf '%s\n' '{"a":1,"b":"2026-01-01T00:00:00Z","c":1.5,"d":[1],"e":true,"f":null}' '{"a":2,"g":"x","c":2}' >"$dir/made.jsonl"
sink made 'autoCreateTable: true'
flow made
same 'autoCreateTable' '[1, "2026-01-01 00:00:00.000000 UTC", "1.5000000000", "[1]", true, null, null]
[2, null, "2.0000000000", null, null, null, "x"]' "$(sql 'SELECT * FROM made ORDER BY a')"
printf '%s\n' '{"a":1}' '{"value":[1],"_metadata":{"k":"v"}}' >"$dir/whole.jsonl"
sink whole 'autoCreateTable: true' 'rawMode: true'
flow whole
same 'rawMode' '["[1]", "{\"k\":\"v\"}"]
["{\"a\":1}", "offset timestamp"]' "$(sql "SELECT data, IF(strpos(_metadata, 'offset') > 0, 'offset timestamp', _metadata) FROM whole ORDER BY data")"

# ---- many rows in one statement -------------------------------------------------------------------
seq 1 10000 | sed 's/.*/{"id":&}/' >"$dir/many.jsonl"
sql 'CREATE TABLE many (id bigint)'
sink many 'batchSize: 10000'
flow many
same 'all of them' '10000 0' "$(summary sent) $(summary errored)"
same 'once' '[10000, 10000]' "$(sql 'SELECT count(*), count(DISTINCT id) FROM many')"

# ---- a record that is no statement, and its neighbours -------------------------------------------
python3 -c 'for i in range(3): print("{\"id\":%d,\"v\":\"%s\"}" % (i, "x" * (1200000 if i == 1 else 5)))' >"$dir/large.jsonl"
sql 'CREATE TABLE large (id bigint, v varchar)'
sink large
flow large
same 'one over the limit of a statement' '2 1' "$(summary sent) $(summary errored)"
same 'and why' 'the row is more than a statement may hold: a million characters' "$(reasons large)"

# ---- a stop ends what runs at the server ---------------------------------------------------------
source_of endless 'query: SELECT a.orderkey AS id FROM tpch.sf1.lineitem a, tpch.sf1.lineitem b WHERE a.comment < b.comment' 'clientTags: endless'
dfproc run "$dir/endless.yaml" >"$dir/log" 2>&1 &
pid=$!
states() { sql "SELECT state, error_code FROM system.runtime.queries WHERE query LIKE '%a.comment < b.comment%' AND query NOT LIKE '%runtime%' AND query NOT LIKE '%LIMIT 0%'"; }
runs() { states | grep -q RUNNING; }
until_true 60 runs || bad 'the query does not run'
kill -TERM $pid
wait $pid
is_canceled() { states | grep -q USER_CANCELED; }
until_true 20 is_canceled && ok 'canceled with the stop' || { bad 'it is not canceled'; states; }

# ---- a kill in the middle: nothing is lost -------------------------------------------------------
seq 1 4000 | sed 's/.*/{"id":&,"pad":"xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx"}/' >"$dir/killed.jsonl"
sql 'CREATE TABLE killed (id bigint, pad varchar)'
sink killed 'batchSize: 200'
dfproc run --until-exhausted "$dir/killed.yaml" >/dev/null 2>&1 &
pid=$!
for _ in $(seq 600); do
    [ "$(sql 'SELECT count(*) > 0 FROM killed')" = '[true]' ] && break
done
kill -KILL $pid
wait $pid 2>/dev/null
flow killed
same 'after a kill' '[4000, 1, 4000]' "$(sql 'SELECT count(DISTINCT id), min(id), max(id) FROM killed')"

# ---- what is said before a run -------------------------------------------------------------------
look() { sed "$2" "$dir/killed.yaml" >"$dir/look.yaml"; dfproc validate --connect "$dir/look.yaml" 2>&1 | grep sink | sed "s|.*sink (trino): ||; s|$DF_TRINO|URL|g"; }
same 'validate --connect' 'ok: table killed, 2 columns' "$(look killed '')"
same 'no table' 'table memory.default.nowhere does not exist, or the user may not see it (autoCreateTable: true makes it)' "$(look killed 's/table: .*/table: nowhere/')"
exit $failed
