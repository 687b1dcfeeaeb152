#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# ctest: timeout=600
# PostgreSQL's changes into Nessie and out of Trino; Trino as the reader of what our sink writes, as the writer of what our
# source reads (deletes, updates and merges, with partitions), and as the judge of delete files that no one else writes.
servers="s3 nessie trino"
. "$(dirname "$0")/../ice_lib.sh"
: "${DF_PG:?a PostgreSQL is needed: tests/bed/with-servers $0}"
export PG_TEST_URL=$DF_PG
python3 - "$here/iceberg" 2>"$dir/log" <<'END' || { tail -n 5 "$dir/log"; exit 1; }
import runpy, sys
sys.path.insert(0, sys.argv[1])
sys.argv = ["deletes.py", "nessie"]
runpy.run_path(sys.path[0] + "/deletes.py", run_name="__main__")
END

# ours TABLE COLUMNS: what we read of it, a line each, sorted
ours() {
    source_of nessie "$1"
    flow "$1"
    python3 -c '
import json, sys
rows = [json.loads(line) for line in open(sys.argv[1])]
print(*sorted(json.dumps([r[c] for c in sys.argv[2].split(",")], ensure_ascii=False) for r in rows), sep="\n")' "$dir/$1.out" "$2"
}
judged() { # TABLE COLUMNS: Trino reads the same
    local theirs
    theirs=$(lake "SELECT $2 FROM $1" | LC_ALL=C sort)
    same "$1: as Trino reads it ($(wc -l <<<"$theirs") rows)" "$theirs" "$(ours "$1" "$2" | LC_ALL=C sort)"
}

# ---- delete files of other writers ---------------------------------------------------------------
judged plain id,k
judged added id,w
judged parts id,region,country
judged moved id,s,n

# ---- what Trino writes ---------------------------------------------------------------------------
lake "CREATE TABLE goods (id bigint, region varchar, day date, price decimal(9,2))
 WITH (partitioning = ARRAY['region', 'month(day)'])"
lake "INSERT INTO goods SELECT n, IF(n % 3 = 0, NULL, 'r' || CAST(n % 2 AS varchar)), date '2025-12-30' + n % 4 * interval '1' day,
 CAST(n AS decimal(9,2)) / 4 FROM UNNEST(sequence(1, 500)) AS t (n)" >/dev/null
lake "DELETE FROM goods WHERE id % 7 = 0" >/dev/null
lake "UPDATE goods SET price = -1.25, region = 'moved' WHERE id % 11 = 0" >/dev/null
lake "MERGE INTO goods g USING (SELECT n FROM UNNEST(sequence(490, 510)) AS t (n)) s ON g.id = s.n
 WHEN MATCHED THEN DELETE WHEN NOT MATCHED THEN INSERT VALUES (s.n, 'new', date '1969-12-31', 0.5)" >/dev/null
same 'Trino wrote delete files' 1 "$(lake "SELECT count(*) > 0 FROM \"goods\$files\" WHERE content = 1" | grep -c true)"
judged goods id,region,day
lake "ALTER TABLE goods EXECUTE optimize" >/dev/null
judged goods id,region,day

# ---- what our sink writes ------------------------------------------------------------------------
lake "CREATE TABLE kinds (id bigint, b boolean, i integer, r real, d double, e decimal(38,10), day date, t time(6), ts timestamp(6),
 tz timestamp(6) with time zone, v varchar, x varbinary, u uuid, l array(bigint), m map(varchar, double),
 s row(x bigint, y array(varchar)))"
printf '%s\n' '{"id":1,"b":true,"i":-1,"r":0.5,"d":1e300,"e":-1234567890123456789012345678.0123456789,"day":"1969-12-31","t":"03:04:05.123456","ts":"2026-01-02T03:04:05.123456","tz":"2026-01-02T03:04:05.123456Z","v":"é😀","x":"bytes","u":"12151fd2-7586-11e9-8f9e-2a86e4085a59","l":[1,null],"m":{"k":1.5},"s":{"x":7,"y":["p",null]}}' \
    '{"id":2}' '{"id":3,"l":[],"m":{},"s":{"x":null,"y":[]}}' >"$dir/kinds.jsonl"
sink nessie kinds
flow kinds
same 'our sink, read by Trino' '[1, true, -1, 0.5, 1e+300, "-1234567890123456789012345678.0123456789", "1969-12-31", "03:04:05.123456", "2026-01-02 03:04:05.123456", "2026-01-02 03:04:05.123456 UTC", "é😀", "Ynl0ZXM=", "12151fd2-7586-11e9-8f9e-2a86e4085a59", [1, null], {"k": 1.5}, [7, ["p", null]]]
[2, null, null, null, null, null, null, null, null, null, null, null, null, null, null, null]
[3, null, null, null, null, null, null, null, null, null, null, null, null, [], {}, [null, []]]' "$(lake 'SELECT * FROM kinds ORDER BY id')"
same 'and found again by what the files say of it' '[1]' "$(lake "SELECT id FROM kinds WHERE day = date '1969-12-31' AND v = 'é😀' AND i < 0 AND e < 0 AND ts = timestamp '2026-01-02 03:04:05.123456'")"

# ---- what our upserts leave: deletes by key and by position, in partitions and for all of them ----
export DATAFLOW_PLUGINS=${DF_BUILD_DIR:-build/dev}/lib/typed_rows.so
seed=1
for line in 'up_flat;' "up_key;, partitioning = ARRAY['k']" "up_bucket;, partitioning = ARRAY['bucket(id, 4)', 'k']" \
    "up_other;, partitioning = ARRAY['truncate(v, 100)']" "up_sorted;, sorted_by = ARRAY['v DESC']"; do
    IFS=';' read -r name parts <<<"$line"
    model "$name" $((seed++))
    lake "CREATE TABLE $name (id bigint NOT NULL, k varchar NOT NULL, v bigint) WITH (format_version = 2$parts)"
    changes nessie "$name" "upsertMode: true" "conflictKey: 'id, k'" "batchSize: 211"
    flow "$name"
    same "$name: upserts as Trino reads them" "$(<"$dir/$name.want")" \
        "$(lake "SELECT * FROM $name ORDER BY 1, 2" | tr -d '[]"' | sed 's/, /\t/g')"
    same "$name: both kinds of deletes" '[1]
[2]' "$(lake "SELECT DISTINCT content FROM \"$name\$files\" WHERE content > 0 ORDER BY 1")"
done
lake "ALTER TABLE up_key EXECUTE optimize" >/dev/null
same 'upserts that Trino compacted' "$(<"$dir/up_key.want")" \
    "$(lake 'SELECT * FROM up_key ORDER BY 1, 2' | tr -d '[]"' | sed 's/, /\t/g')"
changes nessie up_key "upsertMode: true" "conflictKey: 'id, k'" "batchSize: 500"
flow up_key
same 'and that go on after it' "$(<"$dir/up_key.want")" \
    "$(lake 'SELECT * FROM up_key ORDER BY 1, 2' | tr -d '[]"' | sed 's/, /\t/g')"

# ---- and that go on while it compacts, again and again --------------------------------------------
model up_live 31
events up_live
lake "CREATE TABLE up_live (id bigint NOT NULL, k varchar NOT NULL, v bigint) WITH (format_version = 2)"
sink nessie up_live "upsertMode: true" "conflictKey: 'id, k'" "batchSize: 20"
printf '%s\n' 'transformations: [{type: debeziumUnwrap}]' 'deliveryGuarantee: exactlyOnce' >>"$dir/up_live.yaml"
timeout 120 dfproc run --until-exhausted "$dir/up_live.yaml" >"$dir/log" 2>&1 &
pid=$!
times=0
while kill -0 "$pid" 2>/dev/null; do # one that a commit overtakes is refused
    lake "ALTER TABLE up_live EXECUTE optimize" >"$dir/optimized" 2>&1 && times=$((times + 1))
done
wait "$pid" || { bad 'upserts while Trino compacts'; tail -n 2 "$dir/log"; }
echo "        compacted $times times meanwhile"
lake "ALTER TABLE up_live EXECUTE optimize" >/dev/null
same 'upserts while Trino compacts' "$(<"$dir/up_live.want")" \
    "$(lake 'SELECT * FROM up_live ORDER BY 1, 2' | tr -d '[]"' | sed 's/, /\t/g')"
flow up_live
same 'and nothing comes again' "0 $(wc -l <"$dir/up_live.want")" "$(summary sent) $(lake 'SELECT count(*) FROM up_live' | tr -d '[]')"

# ---- the chain: changes of PostgreSQL ------------------------------------------------------------
slot=ice_$$_$RANDOM
admin() { psql "$DF_PG" -XqAt -v ON_ERROR_STOP=1 -c "$1"; }
admin "create table $slot (id bigint primary key, total numeric(9,2), note text)"
admin "insert into $slot select n, n / 4.0, 'order ' || n from generate_series(1, 100) n"
lake "CREATE TABLE orders (id bigint, total decimal(9,2), note varchar)"
sed -e 's|connectionString: .*|connectionString: "${env:PG_TEST_URL}"|' -e "s|orders_to_nessie|$slot|" -e "s|public.orders|public.$slot|" \
    -e "s|http://localhost:19120|$DF_NESSIE|" -e 's|AWS_ACCESS_KEY_ID|DF_S3_KEY|; s|AWS_SECRET_ACCESS_KEY|DF_S3_SECRET|' \
    -e 's|commitInterval: .*|commitInterval: 1s|' "${DF_SOURCE_DIR:-$here/../..}/examples/postgresql-to-nessie.yaml" >"$dir/chain.yaml"
rm -rf "$dir/state"
dfproc run "$dir/chain.yaml" >"$dir/log" 2>&1 &
pid=$!
arrived() { [ "$(lake 'SELECT count(*) FROM orders')" = "[$1]" ]; }
until_true 60 arrived 100 || { bad 'the rows that were there'; tail -n 3 "$dir/log"; }
admin "insert into $slot select n, n / 4.0, 'order ' || n from generate_series(101, 150) n"
until_true 60 arrived 150 || bad 'rows that came'
same 'PostgreSQL into Nessie, by Trino' "$(admin "select count(*), sum(total), min(note), max(note) from $slot" | tr '|' ' ')" \
    "$(lake 'SELECT count(*), sum(total), min(note), max(note) FROM orders' | tr -d '[]",')"
kill "$pid"
wait "$pid"
admin "select pg_drop_replication_slot('$slot')" >/dev/null
admin "drop publication if exists $slot" >/dev/null
admin "drop table $slot"
finish
