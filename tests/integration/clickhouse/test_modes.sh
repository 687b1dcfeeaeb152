#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Tables that the sink makes, whole records (rawMode), and rows that replace each other (upsertMode).
. "$(dirname "$0")/../ch_lib.sh"
export DATAFLOW_PLUGINS=${DF_BUILD_DIR:-build/dev}/lib/typed_rows.so
columns() { sql "describe table $1" | cut -f 1,2 | sed 's/\t/ /' | paste -sd, | sed 's/,\([a-z_]* [A-Z]\)/, \1/g'; }
# typed NAME "option: value lines": rows from $dir/NAME.rows
typed() {
    manifest "$@"
    sed -i "1s|.*|source: {type: typed, config: {path: $dir/$1.rows}}|" "$dir/$1.yaml"
}

# ---- a table from all records of the first batch --------------------------------------------------
cat >"$dir/made.jsonl" <<'END'
{"id":1,"price":10,"n":1,"at":"2024-02-29T10:00:00.5Z","b":true,"o":{"a":1},"mix":1,"few":null}
{"id":70000,"price":19.99,"n":5000000000,"at":"2024-02-29T12:00:00+02:00","b":false,"o":[1],"mix":"x"}
END
manifest made 'autoCreateTable: true'
flow made 0
same 'types of all values' 'id Int64, price Nullable(Decimal(38, 10)), n Nullable(Int64), at Nullable(DateTime(\'"'UTC\\'"')), b Nullable(UInt8), o Nullable(String), mix Nullable(String), few Nullable(String), created_at DateTime' "$(columns made)"
same 'rows of it' '1 10.0000000000 1 2024-02-29 10:00:00 1 {"a":1} 1 \N
70000 19.9900000000 5000000000 2024-02-29 10:00:00 0 [1] x \N' \
    "$(sql 'select * from made order by id' | cut -f 1-8 | tr '\t' ' ')"
same 'its order' 'id' "$(sql "select sorting_key from system.tables where database = currentDatabase() and name = 'made'")"
cat >"$dir/schema.rows" <<'END'
{"schema":[{"name":"place","type":"string","key":true},{"name":"nr","type":"int","key":true},{"name":"by","type":"bytes"},{"name":"m","type":"number","digits":[12,2]},{"name":"f","type":"double"},{"name":"d","type":"date"},{"name":"l","type":"array","item":"int"},{"name":"t","type":"time"}]}
{"op":"insert","row":{"place":"a","nr":1,"by":{"$bytes":"00ff"},"m":12.50,"f":{"$double":"NaN"},"d":{"$date":"2024-02-29"},"l":[1,null],"t":{"$time":"23:59:59.5"}}}
END
typed schema 'autoCreateTable: true' 'tableEngine: ReplacingMergeTree'
flow schema 0
same 'types of the schema' 'place String, nr Int64, by Nullable(String), m Nullable(Decimal(12, 2)), f Nullable(Float64), d Nullable(Date), l Array(Nullable(Int64)), t Nullable(String), created_at DateTime' "$(columns schema)"
same 'values of the schema' 'a 1 00FF 12.50 nan 2024-02-29 [1,NULL] 23:59:59.5' \
    "$(sql 'select place, nr, hex(by), m, f, d, l, t from schema' | tr '\t' ' ')"

# ---- whole records ---------------------------------------------------------------------------------
printf '%s\n' '{"a": 1}' 'no json' '{"value":{"x":1},"_metadata":{"k":"v"}}' >"$dir/raw.jsonl"
manifest raw 'autoCreateTable: true' 'rawMode: true'
sed -i '1s|config: {|config: {invalid: pass, |' "$dir/raw.yaml"
flow raw 0
same 'payloads as they came' 'no json
{"a": 1}
{"x":1}' "$(sql 'select data from raw format TabSeparatedRaw' | LC_ALL=C sort)"
has 'metadata of the body' '{"k":"v"}' "$(sql "select _metadata from raw where data = '{\"x\":1}'")"
manifest flat 'autoCreateTable: true' 'rawMode: true' 'flattenMetadataColumns: true' 'flattenMetadataColumnsPrefix: m_'
cat >"$dir/flat.jsonl" <<'END'
{"value":{"x":1},"_metadata":{"topic":"t","partition":3}}
{"value":{"x":2},"_metadata":{"topic":"u","partition":4}}
END
flow flat 0
same 'metadata as columns' '{"x":1} t 3,{"x":2} u 4' "$(sql 'select data, m_topic, m_partition from flat order by m_partition' | tr '\t' ' ' | paste -sd,)"

# ---- rows that replace each other ------------------------------------------------------------------
# Without a version the row that is inserted last stays; records that have not the same columns go in several inserts.
sql 'create table unversioned (id Int64, v String, d UInt8 default 7) engine = ReplacingMergeTree order by id'
printf '%s\n' '{"id":1,"v":"a","d":1}' '{"id":1,"v":"b"}' '{"id":1,"v":"c","d":1}' '{"id":2,"v":"x"}' '{"id":2,"v":"y","d":1}' '{"id":2,"v":"z"}' >"$dir/unversioned.jsonl"
manifest unversioned 'upsertMode: true'
flow unversioned 0
same 'no version: the last record of a key stays' '1 c 1,2 z 7' "$(sql 'select * from unversioned final order by id' | tr '\t' ' ' | paste -sd,)"
sql 'create table ups (id Int64, v String, ver UInt64) engine = ReplacingMergeTree(ver) order by id'
cat >"$dir/ups.rows" <<'END'
{"op":"insert","row":{"id":1,"v":"a"}}
{"op":"insert","row":{"id":2,"v":"b"}}
{"op":"update","row":{"id":1,"v":"c"}}
{"op":"update","row":{"id":2,"v":{"$unchanged":true}}}
{"op":"update","row":{"v":"nokey"}}
{"op":"update","row":{"id":3,"v":"x","ver":null}}
{"op":"delete","row":{"id":2}}
END
typed ups 'upsertMode: true' 'conflictKey: id'
flow ups 0
flow ups 0
same 'the newest of each key, also after it came again' '1 c,2 b' "$(sql 'select id, v from ups final order by id' | tr '\t' ' ' | paste -sd,)"
same 'what has no place' 'delete_not_supported
no_key
no_version
unchanged' "$(reasons ups | cut -d: -f1 | sort -u)"
# Offsets of files say nothing of what is newer: each file begins at 0.
sql 'create table files (id Int64, v String, ver UInt64) engine = ReplacingMergeTree(ver) order by id'
manifest files 'upsertMode: true'
python3 -c 'for i in range(50): print("{\"id\":%d,\"v\":\"old\"}" % i)' >"$dir/files.jsonl"
flow files 0
echo '{"id":49,"v":"new"}' >"$dir/files.jsonl"
flow files 0
same 'a second file is newer than the first' new "$(sql 'select v from files final where id = 49')"
sql 'create table plain (id Int64) engine = MergeTree order by id'
echo '{"id":1}' >"$dir/plain.jsonl"
manifest plain 'upsertMode: true'
flow plain 1
has 'an engine that keeps every row' 'has the engine MergeTree, which keeps every row' "$(cat "$dir/out")"
cat >"$dir/upmade.jsonl" <<'END'
{"id":1,"v":"a","rev":1}
{"id":1,"v":"b","rev":3}
{"id":1,"v":"c","rev":2}
END
manifest upmade 'upsertMode: true' 'autoCreateTable: true' 'replacingVersionColumn: rev'
flow upmade 0
same 'a table made for it' '1 b 3' "$(sql 'select id, v, rev from upmade final' | tr '\t' ' ')"
manifest nokey 'upsertMode: true' 'autoCreateTable: true' 'conflictKey: nosuch'
cp "$dir/upmade.jsonl" "$dir/nokey.jsonl"
flow nokey 1
has 'no key to make it by' 'not every record has the key (nosuch)' "$(cat "$dir/out")"
finish
