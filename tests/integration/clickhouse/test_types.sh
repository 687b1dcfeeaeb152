#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Values of every type that the server has, exact in their columns, and those that a column cannot
# keep refused with its name while the others go on.
. "$(dirname "$0")/../ch_lib.sh"

sql "create table exact (id UInt32, i8 Int8, u64 UInt64, i64 Int64, f32 Float32, f64 Float64, d9 Decimal(9,2),
  d18 Decimal(18,6), d38 Decimal(38,10), s String, fs FixedString(4), dt Date, t DateTime('Europe/Berlin'), tu DateTime,
  n Nullable(Int32), e Enum8('a' = -1, 'b''c' = 2), u UUID, a Array(Nullable(Int16)), tp Tuple(Int8, String),
  nn Nested(k String, v UInt8), lc LowCardinality(String), defs String default concat('d', toString(id)),
  mat UInt32 materialized id * 2) engine = MergeTree order by id"
cat >"$dir/exact.jsonl" <<'END'
{"id":1,"i8":-128,"u64":18446744073709551615,"i64":-9223372036854775808,"f32":0.5,"f64":1e300,"d9":"-9999999.99","d18":999999999999.999999,"d38":-1234567890123456789012345678.0123456789,"s":"caf\u00e9 \"q\"\ttab","fs":"ab","dt":"2105-12-31","t":"2024-10-27T02:30:00+02:00","tu":"2105-12-31T23:59:59Z","n":null,"e":"b'c","u":"61f0c404-5cb3-11e7-907b-a6006ad3dba0","a":[1,null,-3],"tp":[7,"x"],"nn":[{"k":"p","v":1},{"k":"q","v":2}],"lc":"low"}
{"id":2,"i8":127,"u64":"9223372036854775808","i64":9223372036854775807,"f32":-1.5,"f64":-0.1,"d9":0,"d18":"-0.000001","d38":1e20,"s":{"a":[1,2]},"fs":"abcd","dt":"1970-01-02","t":"2024-07-01T12:00:00","tu":1700000000,"n":5,"e":-1,"u":"61f0c4045cb311e7907ba6006ad3dba0","a":[],"tp":[-7,""],"nn":{"k":[],"v":[]},"lc":"low","defs":"given"}
{"id":3,"s":"few"}
END
manifest exact 'unknownFields: error'
flow exact 0
same 'all sent' '3 0' "$(summary sent) $(summary errored)"
same 'numbers' "1 -128 18446744073709551615 -9223372036854775808 0.5 1e300 -9999999.99 999999999999.999999 -1234567890123456789012345678.0123456789
2 127 9223372036854775808 9223372036854775807 -1.5 -0.1 0.00 -0.000001 100000000000000000000.0000000000
3 0 0 0 0 0 0.00 0.000000 0.0000000000" "$(sql 'select id, i8, u64, i64, f32, f64, d9, d18, d38 from exact order by id' | tr '\t' ' ')"
same 'texts and times' 'café "q"\ttab|ab\0\0|2105-12-31|2024-10-27 02:30:00|2105-12-31 23:59:59
{"a":[1,2]}|abcd|1970-01-02|2024-07-01 12:00:00|2023-11-14 22:13:20
few|\0\0\0\0|0000-00-00|0000-00-00 00:00:00|0000-00-00 00:00:00' \
    "$(sql 'select s, fs, dt, t, tu from exact order by id' | tr '\t' '|')"
same 'the moment in its zone' '1729989000 1719828000' "$(sql 'select toUInt32(t) from exact where id < 3 order by id' | tr '\n' ' ' | sed 's/ $//')"
same 'the rest' "\N|b\\'c|61f0c404-5cb3-11e7-907b-a6006ad3dba0|[1,NULL,-3]|(7,'x')|['p','q']|[1,2]|low|d1|2
5|a|61f0c404-5cb3-11e7-907b-a6006ad3dba0|[]|(-7,'')|[]|[]|low|given|4
\N|a|00000000-0000-0000-0000-000000000000|[]|(0,'')|[]|[]||d3|6" \
    "$(sql 'select n, e, u, a, tp, nn.k, nn.v, lc, defs, mat from exact order by id' | tr '\t' '|')"

# ---- hours that come twice or never, names that are long ----------------------------------------
sql "create table hours (id UInt8, t DateTime('Europe/Berlin')) engine = MergeTree order by id"
cat >"$dir/hours.jsonl" <<'END'
{"id":1,"t":"2024-10-27T02:30:00"}
{"id":2,"t":"2024-10-27T02:30:00+02:00"}
{"id":3,"t":"2024-10-27T02:30:00+01:00"}
{"id":4,"t":"2024-03-31T02:30:00"}
{"id":5,"t":"2024-03-31T03:30:00"}
END
manifest hours
TZ=America/New_York flow hours 0
same 'of an hour that comes twice the first, of one that never comes what follows, whatever zone this machine has' \
    '1729989000 1729989000 1729992600 1711848600 1711848600' "$(sql 'select toUInt32(t) from hours order by id' | paste -sd' ')"
long=$(printf 'c%.0s' $(seq 60))
sql "create table wide (id UInt8$(for i in $(seq 600); do echo ", ${long}_$i UInt8"; done)) engine = Log"
echo "{\"id\":1,\"${long}_600\":7}" >"$dir/wide.jsonl"
manifest wide
flow wide 0
same '600 columns with long names' '1 7' "$(sql "select id, ${long}_600 from wide" | tr '\t' ' ')"

# ---- refused, each for its column, the others written -------------------------------------------
sql "create table narrow (id UInt8, i Int16, d Decimal(9,2), dt Date, t DateTime, fs FixedString(2), e Enum8('a' = 1),
  u UUID, b UInt8, a Array(UInt8), m UInt8 materialized id) engine = MergeTree order by id"
cat >"$dir/narrow.jsonl" <<'END'
{"id":1}
{"id":256}
{"id":2,"i":-32769}
{"id":3,"d":0.001}
{"id":4,"d":10000000}
{"id":5,"dt":"0001-01-01"}
{"id":6,"dt":"2024-02-30"}
{"id":7,"dt":"2024-02-28T10:00:00Z"}
{"id":8,"t":"2201-04-15T00:00:00Z"}
{"id":9,"t":1700000000000}
{"id":10,"fs":"abc"}
{"id":11,"e":"z"}
{"id":12,"u":"61f0c404"}
{"id":13,"i":null}
{"id":14,"a":[1,300]}
{"id":15,"i":1.5}
{"id":16,"i":"x"}
{"id":17,"nosuch":1,"m":3}
[1]
not json
{}
{"id":18,"i":5}
END
manifest narrow
flow narrow 0
same 'good ones written, bad ones not' '[1,18]' "$(sql 'select arraySort(groupArray(id)) from narrow')"
same 'each for its reason' "type_mismatch: column id: out of range, the column is UInt8
type_mismatch: column i: out of range, the column is Int16
type_mismatch: column d: has more decimals, the column is Decimal(9, 2)
type_mismatch: column d: has more digits, the column is Decimal(9, 2)
type_mismatch: column dt: out of the range of Date, 1970-01-01 to 2105-12-31 on this server
type_mismatch: column dt: not a date like 2026-01-31
type_mismatch: column dt: has a time of day, which a date cannot keep
type_mismatch: column t: out of the range of DateTime, 1970-01-01 to 2105-12-31 on this server
type_mismatch: column t: out of the range of DateTime, 1970-01-01 to 2105-12-31 on this server (epochUnit says what a number counts)
type_mismatch: column fs: longer than the column, the column is FixedString(2)
type_mismatch: column e: none of the names of the column's Enum
type_mismatch: column u: not a UUID, the column is UUID
type_mismatch: column i: null, which it cannot keep, the column is Int16
type_mismatch: column a: out of range, the column is UInt8
type_mismatch: column i: has decimals, the column is Int16
type_mismatch: column i: not a number, the column is Int16
unknown_field: the table has no column for \"nosuch\", \"m\", which it computes (add it, or set unknownFields: ignore)" \
    "$(reasons narrow | grep -E '^(type_mismatch|unknown_field)')"
same 'what is no row' 3 "$(reasons narrow | grep -c -E '^(not_an_object|no_field|invalid_data)')"
manifest narrow 'missingColumns: error'
echo '{"id":20}' >"$dir/narrow.jsonl"
rm -f "$dir/narrow.errors"
flow narrow 0
has 'missing columns refused' 'column i: the record does not have it' "$(reasons narrow)"
finish
