#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# From a source that knows types and columns: every value exact in its column, a table made with the
# real types and the real key, and deletes that say their row by the row before.
. "$(dirname "$0")/../pg_lib.sh"
export DATAFLOW_PLUGINS=${DF_BUILD_DIR:-build/dev}/lib/typed_rows.so PGTZ=UTC

# typed NAME "option: value lines": rows from $dir/NAME.rows
typed() {
    manifest "$@"
    sed -i "1s|.*|source: {type: typed, config: {path: $dir/$1.rows}}|" "$dir/$1.yaml"
}

# ---- values into columns that are there --------------------------------------------------------
sql "create table exact (id int primary key, by bytea, tz timestamptz, ts timestamp, d date, t time,
  n numeric, big numeric, f float8, g real, txt text, bs bytea[], zs timestamptz[], ns numeric[], js jsonb)"
cat >"$dir/exact.rows" <<'EOF'
{"op":"insert","row":{"id":1,"by":{"$bytes":"00ff5c7800"},"tz":{"$timestamp":"2024-02-29T23:59:59.999999+05:30"},"ts":{"$timestamp":"0001-01-01T00:00:00.000001"},"d":{"$date":"9999-12-31"},"t":{"$time":"23:59:59.999999"},"n":{"$double":"NaN"},"big":123456789012345678901234567890.123456789012345678901234567890,"f":{"$double":"-Infinity"},"g":{"$double":"NaN"},"txt":"x","bs":[{"$bytes":"ff"},null,{"$bytes":""}],"zs":[{"$timestamp":"2024-01-01T00:00:00.000001Z"},{"$timestamp":"1969-12-31T23:59:59.5-01:00"}],"ns":[{"$double":"NaN"},0.10,1e3],"js":{"a":{"$bytes":"ff"},"n":{"$double":"NaN"},"u":{"$unchanged":true}}}}
{"op":"insert","row":{"id":2,"by":{"$bytes":""},"tz":{"$timestamp":"1969-12-31T23:59:59.999999Z"},"n":{"$double":"0.1"},"f":{"$double":"5e-324"},"txt":{"$timestamp":"2024-02-29T10:00:00.5+02:00"}}}
EOF
typed exact
flow exact 0
same 'both rows' '2 0' "$(summary sent) $(summary errored)"
same 'bytes, times' '\x00ff5c7800|2024-02-29 18:29:59.999999+00|0001-01-01 00:00:00.000001|9999-12-31|23:59:59.999999' \
    "$(sql "select by, tz, ts, d, t from exact where id = 1")"
same 'numbers' 'NaN|123456789012345678901234567890.123456789012345678901234567890|-Infinity|NaN' \
    "$(sql "select n, big, f, g from exact where id = 1")"
same 'arrays' '{"\\xff",NULL,"\\x"}|{"2024-01-01 00:00:00.000001+00","1970-01-01 00:59:59.5+00"}|{NaN,0.10,1000}' \
    "$(sql "select bs, zs, ns from exact where id = 1")"
same 'in a document as JSON writes them' '{"a": "/w==", "n": "NaN"}' "$(sql "select js from exact where id = 1")"
same 'edges' '\x|1969-12-31 23:59:59.999999+00|0.1|5e-324|2024-02-29T10:00:00.5+02:00|t' \
    "$(sql "select by, tz, n, f, txt, bs is null from exact where id = 2")"

# ---- a table from the schema --------------------------------------------------------------------
cat >"$dir/made.rows" <<'EOF'
{"schema":[{"name":"place","type":"string","key":true},{"name":"nr","type":"int","key":true},{"name":"id","type":"int"},{"name":"by","type":"bytes"},{"name":"tz","type":"timestamp"},{"name":"ts","type":"timestamp","zone":null},{"name":"d","type":"date"},{"name":"t","type":"time"},{"name":"n","type":"number"},{"name":"m","type":"number","digits":[12,2]},{"name":"f","type":"double"},{"name":"b","type":"bool"},{"name":"s","type":"string"},{"name":"l","type":"array","item":"int"},{"name":"bl","type":"array","item":"bytes"},{"name":"o","type":"object"},{"name":"any","type":"any"}]}
{"op":"insert","row":{"place":"a","nr":1,"id":1,"s":"2024-02-29T10:00:00Z","m":12.50,"any":5}}
{"op":"insert","row":{"place":"a","nr":2,"id":1,"l":[1,2],"bl":[{"$bytes":"ff"}],"by":{"$bytes":"ff"}}}
EOF
typed made 'autoCreateTable: true' 'upsertMode: true'
flow made 0
same 'types of the schema' 'place text, nr bigint, id bigint, by bytea, tz timestamp with time zone, ts timestamp without time zone, d date, t time without time zone, n numeric, m numeric(12,2), f double precision, b boolean, s text, l bigint[], bl bytea[], o jsonb, any bigint' \
    "$(sql "select string_agg(attname || ' ' || format_type(atttypid, atttypmod), ', ' order by attnum) from pg_attribute where attrelid = 'made'::regclass and attnum > 0 and attname not in ('created_at', 'updated_at')")"
same 'its key is the key' 'PRIMARY KEY (place, nr)' \
    "$(sql "select pg_get_constraintdef(oid) from pg_constraint where conrelid = 'made'::regclass and contype = 'p'")"
same 'two rows of one id' 'a1 12.50  / a2  {1,2}' \
    "$(sql "select string_agg(place || nr || ' ' || coalesce(m::text, '') || ' ' || coalesce(l::text, ''), ' / ' order by nr) from made")"

# Behind transforms: the table has the columns that come, under their names.
cat >"$dir/behind.rows" <<'EOF'
{"schema":[{"name":"nr","type":"int","key":true},{"name":"userName","type":"string"},{"name":"by","type":"bytes"},{"name":"gone","type":"date"}]}
{"op":"insert","row":{"nr":1,"userName":null,"by":null,"gone":{"$date":"2024-02-29"}}}
EOF
typed behind 'autoCreateTable: true' 'upsertMode: true'
echo "transformations: [{type: remove, config: {fields: [gone]}}, {type: cast, config: {spec: {nr: string}}}, {type: snakeCase}]" >>"$dir/behind.yaml"
flow behind 0
same 'types behind transforms' 'nr text, user_name text, by bytea' \
    "$(sql "select string_agg(attname || ' ' || format_type(atttypid, atttypmod), ', ' order by attnum) from pg_attribute where attrelid = 'behind'::regclass and attnum > 0 and attname not in ('created_at', 'updated_at')")"
same 'key behind transforms' 'PRIMARY KEY (nr)' \
    "$(sql "select pg_get_constraintdef(oid) from pg_constraint where conrelid = 'behind'::regclass and contype = 'p'")"

# Two schemas that say different things of a column: its values decide; a masked key is no key.
cat >"$dir/mixed.rows" <<'EOF'
{"schema":[{"name":"nr","type":"int","key":true},{"name":"v","type":"int"},{"name":"w","type":"bytes"}]}
{"op":"insert","row":{"nr":1,"v":1,"w":null}}
{"schema":[{"name":"nr","type":"int","key":true},{"name":"v","type":"number"}]}
{"op":"insert","row":{"nr":2,"v":0.5}}
{"schema":[]}
{"op":"insert","row":{"nr":3,"x":true}}
EOF
typed mixed 'autoCreateTable: true'
echo "transformations: [{type: mask, config: {fields: [nr]}}]" >>"$dir/mixed.yaml"
flow mixed 0
same 'several schemas' 'nr text, v numeric, w bytea, x boolean' \
    "$(sql "select string_agg(attname || ' ' || format_type(atttypid, atttypmod), ', ' order by attnum) from pg_attribute where attrelid = 'mixed'::regclass and attnum > 0 and attname not in ('created_at', 'updated_at')")"
same 'no key, every row' '0 3' "$(sql "select count(*) from pg_constraint where conrelid = 'mixed'::regclass and contype = 'p'") $(sql "select count(*) from mixed")"

# ---- what is never null -------------------------------------------------------------------------
# Columns of which the schema says so, as far as the records agree; an update that leaves such a column alone
# finds its row, and makes none: where there is no row nothing is done.
cat >"$dir/must.rows" <<'EOF'
{"schema":[{"name":"nr","type":"int","key":true},{"name":"big","type":"string","must":true},{"name":"n","type":"int","must":true},{"name":"gap","type":"int","must":true},{"name":"free","type":"int"}]}
{"op":"insert","row":{"nr":1,"big":"one","n":1,"gap":1,"free":1}}
{"op":"insert","row":{"nr":2,"big":"two","n":2,"free":2}}
EOF
typed must 'autoCreateTable: true' 'upsertMode: true'
flow must 0
same 'NOT NULL of the schema' 'nr t, big t, n t, gap f, free f' \
    "$(sql "select string_agg(attname || ' ' || left(attnotnull::text, 1), ', ' order by attnum) from pg_attribute where attrelid = 'must'::regclass and attnum > 0 and attname not in ('created_at', 'updated_at')")"
cat >"$dir/must.rows" <<'EOF'
{"op":"update","row":{"nr":1,"big":{"$unchanged":true},"n":11}}
{"op":"update","row":{"nr":2,"big":{"$unchanged":true},"n":21}}
{"op":"update","row":{"nr":2,"big":{"$unchanged":true},"n":22}}
{"op":"update","row":{"nr":3,"big":{"$unchanged":true},"n":33}}
{"op":"update","row":{"nr":1,"big":null,"n":99}}
{"op":"insert","row":{"nr":4,"big":"four","n":4}}
EOF
typed must 'upsertMode: true'
flow must 0
same 'rows that are left alone in part' '1|one|11 2|two|22 4|four|4' \
    "$(sql "select string_agg(nr || '|' || big || '|' || n, ' ' order by nr) from must")"
same 'no row of nothing' '4 1 1' "$(summary sent) $(summary errored) $(summary left_out)"

# ---- updates by the row before ------------------------------------------------------------------
sql "create table matched (nr int primary key, v text); insert into matched values (1, 'a'), (2, 'b'), (3, 'c')"
cat >"$dir/matched.rows" <<'EOF'
{"op":"update","row":{"v":"A"},"before":{"nr":1}}
{"op":"update","row":{"nr":{"$unchanged":true},"v":"B"},"before":{"nr":2,"v":"b"}}
{"op":"update","row":{"nr":9,"v":"C"},"before":{"nr":3,"v":"c"}}
{"op":"update","row":{"nr":null,"v":"X"},"before":{"nr":3}}
EOF
typed matched 'upsertMode: true'
flow matched 0
same 'the key comes from the row before, and the row moves' '1A 2B 9C' "$(sql "select string_agg(nr || v, ' ' order by nr) from matched")"
same 'a key that is null is refused' '3 1' "$(summary sent) $(summary errored)"

# ---- a change event that says its types ---------------------------------------------------------
# The schema block of the JSON converter: real types, what is never null, the key that the record's key names.
change() { # LETTER SIDE ROW
    local fields='[{"type":"int64","optional":false,"field":"nr"},{"type":"string","optional":false,"field":"name"},{"type":"bytes","optional":true,"name":"org.apache.kafka.connect.data.Decimal","version":1,"parameters":{"scale":"2","connect.decimal.precision":"12"},"field":"sum"},{"type":"int64","optional":true,"name":"io.debezium.time.MicroTimestamp","version":1,"field":"at"},{"type":"string","optional":true,"name":"io.debezium.time.ZonedTimestamp","version":1,"field":"z"},{"type":"int32","optional":true,"name":"io.debezium.time.Date","version":1,"field":"d"},{"type":"bytes","optional":true,"field":"raw"},{"type":"array","optional":true,"items":{"type":"int32","optional":true},"field":"l"},{"type":"double","optional":true,"field":"f"}]'
    printf '{"k":{"nr":1},"schema":{"type":"struct","fields":[{"type":"struct","fields":%s,"optional":true,"field":"before"},{"type":"struct","fields":%s,"optional":true,"field":"after"}]},"payload":{"op":"%s","%s":%s,"source":{}}}\n' \
        "$fields" "$fields" "$1" "$2" "$3"
}
{
    change c after '{"nr":1,"name":"one","sum":"BOI=","at":1709200800000001,"z":"2024-02-29T10:00:00.5+02:00","d":19782,"raw":"/wA=","l":[1,null],"f":"NaN"}'
    change c after '{"nr":2,"name":"two","sum":null,"at":null,"z":null,"d":null,"raw":null,"l":null,"f":0.1}'
    change u after '{"nr":2,"name":"zwei","sum":"/zg=","at":null,"z":null,"d":null,"raw":null,"l":null,"f":1}'
    change c after '{"nr":3,"name":5}'
    change d before '{"nr":1,"name":"","sum":null}'
} >"$dir/event.jsonl"
manifest event 'autoCreateTable: true' 'upsertMode: true' 'batchSize: 100'
echo "transformations: [{type: setKey, config: {field: k}}, {type: debeziumUnwrap}]" >>"$dir/event.yaml"
flow event 0
same 'types of the block' 'nr bigint t, name text t, sum numeric(12,2) f, at timestamp without time zone f, z timestamp with time zone f, d date f, raw bytea f, l bigint[] f, f double precision f' \
    "$(sql "select string_agg(attname || ' ' || format_type(atttypid, atttypmod) || ' ' || left(attnotnull::text, 1), ', ' order by attnum) from pg_attribute where attrelid = 'event'::regclass and attnum > 0 and attname not in ('created_at', 'updated_at')")"
same 'its key' 'PRIMARY KEY (nr)' \
    "$(sql "select pg_get_constraintdef(oid) from pg_constraint where conrelid = 'event'::regclass and contype = 'p'")"
same 'its rows' '2|zwei|-2.00|1' "$(sql "select nr, name, sum, f from event")"
same 'a value that the block contradicts, as it came' '4 1 1' \
    "$(summary sent) $(summary errored) $(grep -c '"payload":{"op":"c","after":{"nr":3,"name":5}' "$dir/event.errors")"
same 'values of the block' '12.50|2024-02-29 10:00:00.000001|2024-02-29 08:00:00.5+00|2024-02-29|\xff00|{1,NULL}|NaN' "$(
    head -n 1 "$dir/event.jsonl" >"$dir/event.one" && mv "$dir/event.one" "$dir/event.jsonl" && flow event 0 >/dev/null
    sql "select sum, at, z, d, raw, l, f from event where nr = 1"
)"

# ---- deletes by the row before ------------------------------------------------------------------
sql "create table deleted (a int, b bytea, v text default 'x', primary key (a, b));
  insert into deleted values (1, '\xff', 'one'), (2, '\xff', 'two'), (3, '\x00', 'three'), (4, '\x00', 'four')"
cat >"$dir/deleted.rows" <<'EOF'
{"op":"delete","row":{},"before":{"a":1,"b":{"$bytes":"ff"},"v":"one"}}
{"op":"delete","row":null,"before":{"a":2,"b":{"$bytes":"ff"}}}
{"op":"delete","row":{"a":3,"b":{"$unchanged":true}},"before":{"a":9,"b":{"$bytes":"00"}}}
{"op":"update","row":{"a":4,"b":{"$bytes":"00"},"v":"new"},"before":{"a":4,"b":{"$bytes":"00"},"v":"four"}}
{"op":"delete","row":{},"before":{"a":5}}
{"op":"update","row":{},"before":{"a":4,"b":{"$bytes":"00"}}}
EOF
typed deleted 'upsertMode: true'
flow deleted 0
same 'the rows that were named are gone' '4|\x00|new' "$(sql "select * from deleted order by a")"
same 'counts' '4 2' "$(summary sent) $(summary errored)"
same 'why' 'column "b" is the key of upsertMode, and the record does not have it' \
    "$(grep -o 'column \\"b\\" is the key[^"]*' "$dir/deleted.errors" | sed 's/\\"/"/g' | head -n 1)"

# The key under another name, and soft deletes.
sql "create table soft (nr int primary key, v text, gone timestamptz); insert into soft values (7, 'x'), (8, 'y')"
cat >"$dir/soft.rows" <<'EOF'
{"schema":[{"name":"id","type":"int","key":true},{"name":"v","type":"string"}]}
{"op":"delete","row":{"v":"x"},"before":{"id":7,"v":"x"}}
EOF
typed soft 'upsertMode: true' 'softDeleteColumn: gone'
echo "transformations: [{type: replaceField, config: {renames: ['id:nr']}}]" >>"$dir/soft.yaml"
flow soft 0
same 'renamed key, marked row' '7|t 8|f' "$(sql "select string_agg(nr || '|' || (gone is not null)::text::char, ' ' order by nr) from soft")"
finish
