#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# rawMode: whole records in one column, metadata beside them in one column or flattened.
. "$(dirname "$0")/../pg_lib.sh"

# ---- one column ------------------------------------------------------------------------------------------
cat >"$dir/raw.jsonl" <<'END'
{"a":1,"b":[1,{"c":null}],"n":12345678901234567890.123456789}
[1,2,3]
"text"
42
true
{"value":{"k":"v"},"_metadata":{"topic":"t","n":7}}
{"value":{"k":"v"},"_metadata":{"topic":"t"},"more":1}
{"value":1,"_metadata":2}
{"value":"\u00e4\"\\\n","_metadata":{"ä\"\\":"\n"}}
not json
{"a":"\u0000"}
{"value":null,"_metadata":{}}
END
manifest raw 'rawMode: true' 'autoCreateTable: true' 'missingColumns: error'
sed -i "s#raw.jsonl}#raw.jsonl, invalid: pass}#" "$dir/raw.yaml" # so that the sink sees what is no JSON
flow raw 0
same 'sent and refused' '10 2' "$(summary sent) $(summary errored)"
same 'the table' 'id:bigint data:jsonb _metadata:jsonb created_at:timestamp with time zone updated_at:timestamp with time zone deleted_at:timestamp with time zone' \
    "$(sql "select string_agg(attname || ':' || format_type(atttypid, atttypmod), ' ' order by attnum) from pg_attribute where attrelid = 'raw'::regclass and attnum > 0")"
same 'an index on data' 1 "$(sql "select count(*) from pg_indexes where schemaname = '$schema' and tablename = 'raw' and indexdef like '%gin (data)%'")"
same 'data' '{"a": 1, "b": [1, {"c": null}], "n": 12345678901234567890.123456789}
[1, 2, 3]
"text"
42
true
{"k": "v"}
{"more": 1, "value": {"k": "v"}, "_metadata": {"topic": "t"}}
{"value": 1, "_metadata": 2}
"ä\"\\\n"
null' "$(sql "select coalesce(data::text, 'null') from raw order by id")"
same 'metadata of a body' '{"n": 7, "topic": "t"}
{"ä\"\\": "\n"}
{}' "$(sql "select _metadata from raw where id in (6, 9, 10) order by id")"
same 'metadata of the record' "raw.jsonl 0 true" \
    "$(sql "select regexp_replace(_metadata ->> 'file', '.*/', '') || ' ' || (_metadata ->> 'offset') || ' ' || (_metadata ->> 'timestamp' > '2026') from raw where id = 1")"
grep -q '"reason":"not_json"' "$dir/raw.errors" && ok 'a payload that is no JSON' || bad 'a payload that is no JSON'
flow raw 0
same 'again into the same table' 20 "$(sql 'select count(*) from raw')"

# ---- a column for each metadata key ------------------------------------------------------------------------
cat >"$dir/flat.jsonl" <<'END'
{"value":{"a":1},"_metadata":{"topic":"t","small":1,"large":3000000000,"flag":true,"real":1.5,"timestamp":"2026-01-02T03:04:05Z","data":"own"}}
{"value":{"a":2},"_metadata":{"topic":"u","small":null,"late":"x"}}
{"value":{"a":3},"_metadata":{}}
END
manifest flat 'rawMode: true' 'autoCreateTable: true' 'flattenMetadataColumns: true' 'flattenMetadataColumnsPrefix: m_'
flow flat 0
same 'columns of the first batch' 'm_data:text m_flag:boolean m_large:bigint m_late:text m_real:numeric m_small:bigint m_timestamp:timestamp with time zone m_topic:text' \
    "$(sql "select string_agg(attname || ':' || format_type(atttypid, atttypmod), ' ' order by attname) from pg_attribute where attrelid = 'flat'::regclass and attnum > 0 and attname like 'm\\_%'")"
same 'no _metadata' 0 "$(sql "select count(*) from pg_attribute where attrelid = 'flat'::regclass and attname = '_metadata'")"
same 'flattened rows' '{"a": 1}|t|1|3000000000|t|1.5|2026-01-02 03:04:05|own|
{"a": 2}|u||||||| x
{"a": 3}|||||||| ' "$(sql "select data, m_topic, m_small, m_large, m_flag, m_real, m_timestamp at time zone 'UTC', m_data, nullif(' ' || m_late, '') from flat order by id" | sed 's/| x$/| x/; s/^\({"a": 3}.*\)$/\1 /')"
echo '{"value":{"a":4},"_metadata":{"topic":"v","new":1}}' >"$dir/flat.jsonl"
flow flat 0
grep -q 'no column for some metadata keys' "$dir/out" && ok 'a later key is told' || bad 'a later key is told'
same 'the record is there without it' 'v' "$(sql "select m_topic from flat where data ->> 'a' = '4'")"

# ---- a body does not write the table's own columns -------------------------------------------------------------
own='"id":7,"created_at":"1999-01-01T00:00:00Z","updated_at":"1999-01-01T00:00:00Z","deleted_at":"1999-01-01T00:00:00Z","data":"x","_metadata":"y"'
long=$(printf 'k%.0s' {1..70})
for prefix in '' d; do
    # with the prefix d: the keys eleted_at and ata would make deleted_at and data
    {
        for i in 1 2 3; do echo "{\"value\":{\"n\":$i},\"_metadata\":{$own,\"eleted_at\":\"1999-01-01T00:00:00Z\",\"ata\":\"x\",\"topic\":\"t$i\",\"$long\":1}}"; done
        for i in $(seq 4 12); do echo "{\"n\":$i}"; done
    } >"$dir/owned.jsonl"
    sql 'drop table if exists owned'
    manifest owned 'rawMode: true' 'autoCreateTable: true' 'flattenMetadataColumns: true' 'onConflict: skip' ${prefix:+"flattenMetadataColumnsPrefix: $prefix"}
    flow owned 0
    same "no key of a body reaches the table's own columns, prefix '$prefix'" '12 1 2 3 4 5 6 7 8 9 10 11 12 0 0' \
        "$(sql "select concat_ws(' ', count(*), string_agg(data ->> 'n', ' ' order by id), count(*) filter (where created_at < '2000-01-01' or updated_at < '2000-01-01' or created_at is null), count(deleted_at)) from owned where id = (data ->> 'n')::int")"
    same "other keys do, prefix '$prefix'" 't1 t2 t3 0' \
        "$(sql "select string_agg(${prefix}topic, ' ' order by id) from owned") $(sql "select count(*) from pg_attribute where attrelid = 'owned'::regclass and attname like '%kkk%'")"
    grep -q 'one of its own' "$dir/out" && ok 'and that is told' || bad 'and that is told'
    flow owned 0
    same "again into the same table, prefix '$prefix'" '24 24' "$(sql "select count(*) || ' ' || max(id) from owned")"
done

# ---- tables that do not fit, options that do not go together ------------------------------------------------
sql 'create table plain (id int, data text, _metadata jsonb); create table bare (id int)'
for case in 'plain|rawMode: true|must be jsonb' 'bare|rawMode: true|no column data' \
    'raw|rawMode: true, flattenMetadataColumns: true|has a column _metadata' \
    'raw|flattenMetadataColumns: true|needs rawMode' 'raw|rawMode: true, upsertMode: true|adds a row for each record' \
    'raw|rawMode: true, flattenMetadataColumns: true, flattenMetadataColumnsPrefix: 1x|no digit first'; do
    IFS='|' read -r table options text <<<"$case"
    manifest raw
    sed -i -e "s/table: raw/table: $table/" -e "s/^    table:.*/&\n    ${options//, /\\n    }/" "$dir/raw.yaml"
    rm -rf "$dir/state"
    timeout --foreground -k 1 20 dfproc run "$dir/raw.yaml" --until-exhausted >"$dir/out" 2>&1
    [ $? != 0 ] && grep -qF "$text" "$dir/out" && ok "$text" || { bad "$text"; tail -n 2 "$dir/out"; }
done

# ---- names of many bytes: what is made of them ends at a whole character ---------------------------------------
long="a$(printf 'é%.0s' {1..31})"
manifest long 'autoCreateTable: true' 'rawMode: true'
sed -i "s/table: long/table: '\"$long\"'/" "$dir/long.yaml"
echo '{"k":1}' >"$dir/long.jsonl"
flow long 0
same 'a table whose name has 63 bytes' "1 a$(printf 'é%.0s' {1..26})_data_gin" \
    "$(sql "select count(*) from \"$long\"") $(sql "select indexname from pg_indexes where tablename = '$long' and indexname like '%gin'")"
manifest wordy 'autoCreateTable: true'
printf '%s\n' '{"k":1}' "{\"k\":2,\"$long\":2}" "{\"k\":3,\"bb$long\":3}" >"$dir/wordy.jsonl"
flow wordy 0
same 'a field of 65 bytes gets no column' "2 1 k $long bb${long%?}" \
    "$(summary sent) $(summary errored) $(sql "select string_agg(attname, ' ' order by attnum) from pg_attribute where attrelid = 'wordy'::regclass and attnum between 1 and 2") $(sed -n 's/.*no column for ."\([^"\\]*\).*/\1/p' "$dir/wordy.errors")"
finish
