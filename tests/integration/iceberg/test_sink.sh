#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# ctest: timeout=600
# ctest: no-servers
# Rows into tables of Nessie and of a REST catalog, read back by PyIceberg and DuckDB: values of every type, refused
# ones by their column, tables that are made, whole records, columns that come while a flow runs, many parts.
. "$(dirname "$0")/../ice_lib.sh"

# ---- values --------------------------------------------------------------------------------------
types='id long!, b boolean, i int, f float, d double, e decimal38, c decimal9, day date, t time, ts timestamp, tz timestamptz,
 v string, u uuid, x binary, k fixed4, l list, m map, s struct'
cat >"$dir/exact.jsonl" <<'END'
{"id":-9223372036854775808,"b":true,"i":-2147483648,"f":0.5,"d":1e300,"e":"-1234567890123456789012345678.0123456789","c":1234567.89,"day":"2026-01-02","t":"03:04:05.123456","ts":"2026-01-02T03:04:05.123456","tz":"2026-01-02T03:04:05.123456+02:00","v":"it's \"q\" é😀","u":"12151fd2-7586-11e9-8f9e-2a86e4085a59","x":"bytes","k":"abcd","l":[1,null,9007199254740993],"m":{"k":1.5,"n":null},"s":{"x":7,"y":["p",null,""]}}
{"id":9223372036854775807,"b":"false","i":"12","f":"NaN","d":"-Infinity","e":0,"day":"0001-01-01","ts":1767323045,"tz":1767323045123,"v":{"a":[1]},"l":[],"m":{},"s":{}}
{"id":1}
{"id":1.5}
{"id":2,"i":2147483648}
{"id":3,"e":"0.00000000001"}
{"id":4,"c":12345678}
{"id":5,"t":"03:04:05.1234567"}
{"id":6,"k":"abc"}
{"id":7,"l":["x"]}
{"id":8,"tz":"infinity"}
{"id":9,"u":"12151fd2"}
{"b":true}
{"id":10,"nothing":1}
{"nothing":1}
[1]
END
for kind in rest nessie; do
    rm -f "$dir"/exact.errors
    readers make "$kind" shop.exact "$(tr -d '\n' <<<"$types")" || bad "$kind: a table"
    sink "$kind" exact
    flow exact
    same "$kind: sent and refused" '3 13' "$(summary sent) $(summary errored)"
    same "$kind: values, by PyIceberg" \
'{"id": -9223372036854775808, "b": true, "i": -2147483648, "f": 0.5, "d": 1e+300, "e": "-1234567890123456789012345678.0123456789", "c": "1234567.89", "day": "2026-01-02", "t": "03:04:05.123456", "ts": "2026-01-02T03:04:05.123456", "tz": "2026-01-02T01:04:05.123456+00:00", "v": "it'"'"'s \"q\" é😀", "u": "12151fd2-7586-11e9-8f9e-2a86e4085a59", "x": "6279746573", "k": "61626364", "l": [1, null, 9007199254740993], "m": [["k", 1.5], ["n", null]], "s": {"x": 7, "y": ["p", null, ""]}}
{"id": 9223372036854775807, "b": false, "i": 12, "f": NaN, "d": -Infinity, "e": "0E-10", "c": null, "day": "0001-01-01", "t": null, "ts": "2026-01-02T03:04:05", "tz": "2026-01-02T03:04:05.123000+00:00", "v": "{\"a\":[1]}", "u": null, "x": null, "k": null, "l": [], "m": [], "s": {"x": null, "y": null}}
{"id": 1, "b": null, "i": null, "f": null, "d": null, "e": null, "c": null, "day": null, "t": null, "ts": null, "tz": null, "v": null, "u": null, "x": null, "k": null, "l": null, "m": null, "s": null}' \
        "$(readers rows "$kind" shop.exact)"
    same "$kind: values, by DuckDB" '1	0	None
1	1	-1234567890123456789012345678.0123456789' "$(readers duck "$kind" shop.exact "select count(*), count(e), max(e) from t
 where id = 1 union all select count(*), count(l[3]), max(e) from t where s.x = 7 and m['k'] = 1.5 and tz = '2026-01-02 01:04:05.123456+00' order by 2")"
    same "$kind: reasons" \
'column id (long): not a whole number of 64 bits
column i (int): out of range
column e (decimal(38,10)): has more decimals
column c (decimal(9,2)): has more digits
column t (time): has a finer fraction than microseconds, or is 24:00
column k (fixed[4]): is not as long as the column
column tz (timestamptz): not a time like 2026-01-31T23:59:59.5Z
column u (uuid): not a UUID like 12151fd2-7586-11e9-8f9e-2a86e4085a59
column id (long): is required, and the record has no value for it' "$(reasons exact | grep -v 'column l\.\|no column\|object')"
    same "$kind: the others" 4 "$(reasons exact | grep -c 'column l\.\|no column\|object')"
done

# ---- tables that are made, whole records ---------------------------------------------------------
printf '%s\n' '{"id":1,"n":2.5,"at":"2026-01-02T03:04:05Z","ok":true,"o":{"a":1}}' '{"id":2,"n":3.5,"more":"x"}' >"$dir/made.jsonl"
for kind in rest nessie; do
    sink "$kind" made "autoCreateTable: true"
    flow made
    same "$kind: a table that is made" \
        '{"id": 1, "n": "2.5000000000", "at": "2026-01-02T03:04:05+00:00", "ok": true, "o": "{\"a\":1}", "more": null}
{"id": 2, "n": "3.5000000000", "at": null, "ok": null, "o": null, "more": "x"}' "$(readers rows "$kind" shop.made)"
    cp "$dir/made.jsonl" "$dir/raw.jsonl"
    sink "$kind" raw "autoCreateTable: true" "rawMode: true"
    flow raw
    same "$kind: whole records" '{"id":2,"n":3.5,"more":"x"}' \
        "$(readers rows "$kind" shop.raw | python3 -c 'import json, sys; print(json.loads(list(sys.stdin)[1])["data"])')"
done
sink rest made "rawMode: true"
same 'rawMode needs its columns' 1 "$(refused_flow made | grep -c 'rawMode: the table has no column data of type string')"
echo '{"id":1}' >"$dir/none.jsonl"
sink rest none
same 'a table that is not there' 1 "$(refused_flow none | grep -c 'table shop.none does not exist, or may not be seen')"
sink nessie exact "branch: other"
same 'a branch that is not there' 1 "$(refused_flow exact | grep -c 'branch: Nessie has no branch other')"
sink nessie exact
sed -i '/accessKey\|secretAccessKey/d' "$dir/exact.yaml"
same 'no keys' 1 "$(refused_flow exact | grep -c 'accessKey')"
sink nessie exact
sed -i 's/secretAccessKey: .*/secretAccessKey: wrong/' "$dir/exact.yaml"
printf '%s\n' '{"id":1}' >"$dir/exact.jsonl"
same 'a wrong key' 1 "$(refused_flow exact | grep -c 'the storage refuses .* check accessKey, secretAccessKey and s3Region')"

# ---- several parts, several files ----------------------------------------------------------------
cat >"$dir/large.yaml" <<END
source: {type: generate, config: {count: 60000, template: '{"id":\${seq},"v":"\${string:400}"}'}}
$(to_table nessie large "rowGroupSize: 1MiB" "fileSize: 12MiB" "compression: none")
deliveryGuarantee: exactlyOnce
END
readers make nessie shop.large 'id long, v string'
flow large
same 'many parts: every row once' '60000 60000 1799970000 1' "$(readers count nessie shop.large)"
same 'many parts: files' 1 "$([ "$(find "$dir/s3/data" -path '*large*' -name '*.parquet' | wc -l)" -ge 2 ] && echo 1)"

# ---- a column that comes -------------------------------------------------------------------------
readers make rest shop.grows 'id long, v string'
printf '%s\n' '{"id":1,"v":"a"}' >"$dir/grows.jsonl"
sink rest grows
flow grows
readers add rest shop.grows w long
printf '%s\n' '{"id":2,"v":"b","w":7}' >>"$dir/grows.jsonl"
flow grows
same 'a column that comes' '{"id": 1, "v": "a", "w": null}
{"id": 2, "v": "b", "w": 7}' "$(readers rows rest shop.grows id)"
readers append rest shop.grows '[{"id":3,"v":"c","w":8}]'
printf '%s\n' '{"id":4}' >>"$dir/grows.jsonl"
flow grows
same 'beside another writer' '1 2 3 4' "$(readers rows rest shop.grows id | grep -o '"id": [0-9]*' | cut -d' ' -f2 | paste -sd' ')"
finish
