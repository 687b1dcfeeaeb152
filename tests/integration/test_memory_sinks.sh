#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Resident memory of Kafka to PostgreSQL at the default limit: what the clients hold beside the
# batches counts too, and records that are refused take more than they took before. Release builds.
# ctest: timeout=180
case ${DF_SANITIZE:-} in
address | thread) echo 'skip: a sanitizer has memory of its own' && exit 77 ;;
esac
. "$(dirname "$0")/pg_lib.sh"
: "${DF_KAFKA:?a Kafka broker is needed: tests/bed/with-servers $0}"
PROMISED=84.4 # 64 MiB, a tenth, 14 MiB

# fill TOPIC COUNT TEMPLATE [COMPRESSION]: compressed records in four partitions
fill() {
    dfaudit topic create --topic "$schema.$1" --partitions 4 >/dev/null 2>&1
    cat >"$dir/fill.yaml" <<END
source: {type: generate, config: {count: $2, seed: 42, partitions: 4, key: "\${seq}", template: '$3'}}
sink: {type: kafka, config: {brokers: "$DF_KAFKA", topic: "$schema.$1", compression: ${4:-snappy}}}
END
    dfproc run -u --no-progress --state-dir "$dir/fill.state" "$dir/fill.yaml" >"$dir/out" 2>&1 || bad "fill: $(tail -n 1 "$dir/out")"
    rm -rf "$dir/fill.state"
}

# into NAME TOPIC OPTIONS: the manifest of a flow from a topic into the table NAME
into() {
    {
        echo "source: {type: kafka, config: {brokers: '$DF_KAFKA', topic: $schema.$2, consumerGroup: $schema.$1}}"
        echo "sink:"
        echo "  type: postgresql"
        echo "  config:"
        echo "    connectionString: \${env:PG_TEST_URL}"
        printf '    %s\n' "table: $1" "${@:3}"
    } >"$dir/$1.yaml"
}

# peak NAME MOST: of the last run, in MiB
peak() {
    local at
    at=$(awk -v b="$(summary peak_rss_bytes)" 'BEGIN { printf "%.1f", b / 1048576 }')
    echo "        $1: $at MiB"
    awk -v at="$at" -v most="$2" 'BEGIN { exit !(at > 0 && at <= most) }' && ok "$1" || bad "$1: peak of $at MiB, over $2"
}

# ---- a topic that compresses a hundred to one ---------------------------------------------------------
SAME='{"id":${seq},"text":"the same text in each of the records, the same text in each of the records, the same text in each of the records","more":"and more of it, and more of it, and more of it, and more of it, and more of it"}'
fill packed 500000 "$SAME" zstd
for limit in 8 64; do
    {
        echo "source: {type: kafka, config: {brokers: '$DF_KAFKA', topic: $schema.packed, consumerGroup: $schema.packed$limit}}"
        echo "sink: {type: 'null'}"
        echo "memoryLimit: ${limit}Mi"
    } >"$dir/packed.yaml"
    flow packed 0
    same "packed, $limit MiB: all records" 500000 "$(summary sent)"
    peak "packed, $limit MiB" "$(awk -v l=$limit 'BEGIN { print l * 1.1 + 14 }')"
done

ORDER='{"id":${seq},"customer":"${string:12}","country":"${choice:DE|FR|NL|PL|SE|US}","item":"${choice:book|lamp|chair|desk|pen}","quantity":${int:1:9},"price":${float:1:500},"card":"4000${int:100000000000:999999999999}","placed_at":"${now}"}'
fill orders 400000 "$ORDER"

into plain orders 'autoCreateTable: true'
flow plain 0
same 'plain: rows' 400000 "$(sql 'select count(*) from plain')"
peak plain 80

# ---- large records, all refused, into an error sink of the same server ---------------------------------
# Of quotes JSON makes twice as many bytes.
sql 'create table small (id int check (id < 0), a text)'
fill letters 40 "{\"id\":\${seq},\"a\":\"$(printf '${string:60000}%.0s' {1..15})\"}"
fill quotes 40 "{\"id\":\${seq},\"a\":\"$(head -c 450000 /dev/zero | sed 's/\x00/\\"/g')\"}"
for topic in letters quotes; do
    for limit in 8 16; do
        sql 'drop table if exists apart'
        into small $topic
        {
            echo "memoryLimit: ${limit}Mi"
            echo "errors: {type: postgresql, config: {connectionString: '\${env:PG_TEST_URL}', table: apart, rawMode: true, autoCreateTable: true}}"
        } >>"$dir/small.yaml"
        sed -i "s/consumerGroup: $schema.small/&$topic$limit/" "$dir/small.yaml"
        flow small 0
        same "large refused records, $topic, $limit MiB" '40 40' "$(summary errored) $(sql 'select count(*) from apart')"
        peak "large refused records, $topic, $limit MiB" "$(awk -v l=$limit 'BEGIN { print l * 1.1 + 14 }')"
    done
done

# ---- an error sink behind a locked table -------------------------------------------------------------
sql 'create table held (id int, quantity int check (quantity > 5)); create table refused (id bigserial primary key, data jsonb, _metadata jsonb)'
into held orders 'unknownFields: ignore'
cat >>"$dir/held.yaml" <<END
errors:
  type: postgresql
  config: {connectionString: "\${env:PG_TEST_URL}", table: refused, rawMode: true}
END
psql "$DF_PG" -Xq -c "begin; lock table $schema.refused; select pg_sleep(6)" >/dev/null & lock=$!
flow held 0
wait "$lock"
same 'locked: all records' 400000 "$(sql 'select (select count(*) from held) + (select count(*) from refused)')"
same 'locked: refused' "$(summary errored)" "$(sql 'select count(*) from refused')"
peak 'error sink behind a lock' "$PROMISED"

# ---- upserts of two masks, a soft delete for each third key, and rows that the server refuses --------
sql "create table versions (id int primary key, customer text, item text default 'none', price numeric check (price < 490), gone timestamptz)"
fill changes 300000 '{"id":${int:1:20000},"customer":"${string:60}","price":${float:1:500},"operation":"${choice:insert|update|delete}"${choice:|,"item":"x"}}'
into versions changes 'upsertMode: true' 'softDeleteColumn: gone' 'unknownFields: ignore'
echo "errors: {type: stdio, config: {path: $dir/versions.errors}}" >>"$dir/versions.yaml"
flow versions 0
same 'upsert: all records' 300000 "$(($(summary sent) + $(summary errored)))"
peak 'upsert with soft deletes and refusals' "$PROMISED"
finish
