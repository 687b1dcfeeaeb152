#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# ctest: timeout=600
# ctest: no-servers
# Tables with a sort order: rows of each file are in it, and the file says so; positions of rows that a later record
# replaced are right in a sorted file. Read by PyIceberg and DuckDB.
servers="iceberg-rest"
. "$(dirname "$0")/../ice_lib.sh"
export DATAFLOW_PLUGINS=${DF_BUILD_DIR:-build/dev}/lib/typed_rows.so

# rows: every type, with nulls, and values that sort otherwise as text or bytes than as what they are
python3 -c '
import json, random
r = random.Random(3)
for i in range(400):
    row = {"id": i, "n": r.randrange(-2**40, 2**40), "e": "@%d.%02d@" % (r.randrange(-10**r.randrange(1, 20), 10**9), r.randrange(100)),
           "s": "".join(r.choice("ab\u00e9\U0001f600\u0000 ") for _ in range(r.randrange(4))), "b": r.random() < 0.5,
           "ts": "%04d-02-03T04:05:06.%06dZ" % (r.randrange(1900, 2100), r.randrange(10**6)), "g": r.randrange(3)}
    for name in "nesb":
        if r.random() < 0.1: row[name] = None
    print(json.dumps(row).replace("\"@", "").replace("@\"", ""))' >"$dir/all.jsonl"
# judge: each file is sorted by the key of Python that stands for the order; WHAT KEY
judge() {
    same "$1" True "$(python3 -c '
import decimal, json, sys
def first(v, f=lambda x: x): return (0,) if v is None else (1, f(v))
def last(v, f=lambda x: x): return (1,) if v is None else (0, f(v))
dec, neg = decimal.Decimal, lambda x: -x
text = lambda x: x.encode()
down = lambda x: tuple(-c for c in x.encode()) + (1,)
ok, files = True, [line.split(" ", 1) for line in list(open(sys.argv[1]))[1:]]
for order, rows in files:
    rows = json.loads(rows)
    keys = [eval(sys.argv[2], globals(), dict(zip("id n e s b ts g".split(), row))) for row in rows]
    ok &= keys == sorted(keys) and order == "1"
ok &= sum(len(json.loads(rows)) for _, rows in files) == 400
print(ok)' "$dir/files" "$2")"
}
number=0
while IFS=';' read -r by key; do
    name=sorted$((number++))
    cp "$dir/all.jsonl" "$dir/$name.jsonl"
    extra=()
    [ "$name" = sorted0 ] && extra=("partitionBy: g")
    sink rest "$name" "autoCreateTable: true" "sortBy: $by" "${extra[@]}"
    flow "$name"
    readers files rest "shop.$name" id,n,e,s,b,ts,g >"$dir/files"
    judge "sorted by $by" "$key"
done <<'END'
n desc, id;(last(n, neg), id)
e, s desc nulls first, id;(first(e, dec), first(s, down), id)
b nulls last, ts desc;(last(b), tuple(-ord(c) for c in ts))
year(ts), s, id;(ts[:4], first(s, text), id)
END
same 'the order that the table got' 'order: 1 ASC NULLS FIRST' "$(sink rest o "autoCreateTable: true" "sortBy: id"
    echo '{"id":1}' >"$dir/o.jsonl"; flow o >/dev/null; readers files rest shop.o id | head -n 1)"

# ---- small files, upserts ------------------------------------------------------------------------
python3 -c '
import random
r, last = random.Random(5), {}
out = open("'"$dir"'/many.rows", "w")
for i in range(30000):
    k = r.randrange(9000); last[k] = i
    out.write("{\"op\":\"update\",\"row\":{\"id\":%d,\"v\":%d,\"t\":\"%s\"}}\n" % (k, i, "x" * r.randrange(200)))
print(len(last), sum(last), sum(last.values()))' >"$dir/want"
sink rest many "autoCreateTable: true" "sortBy: t desc" "upsertMode: true" "conflictKey: id" "openFilesSize: 1MiB"
sed -i "s|^source:.*|source: {type: typed, config: {path: $dir/many.rows}}|" "$dir/many.yaml"
flow many
same 'rows that were replaced in sorted files' "$(<"$dir/want")" \
    "$(readers duck rest shop.many 'select count(*), sum(id), sum(v) from t' | tr '\t' ' ')"
same 'a sorted file is as large as openFilesSize lets it be' 1 "$(($(readers files rest shop.many id | grep -c '^1 ') > 2))"

# ---- what cannot be sorted, and what is wrong ------------------------------------------------------
sink rest bad "autoCreateTable: true" "sortBy: 'id last'"
same 'a word that is missing' 1 "$(dfproc validate "$dir/bad.yaml" 2>&1 | grep -c 'sortBy: says first or last without nulls before it')"
sink rest o "sortBy: id"
same 'without autoCreateTable' 1 "$(dfproc validate "$dir/o.yaml" 2>&1 | grep -c 'sortBy: says how a table is made')"
echo '{"id":1}' >"$dir/none.jsonl"
sink rest none "autoCreateTable: true" "sortBy: nope"
same 'a column that is not there' 1 "$(refused_flow none | grep -c 'sortBy: the first records.*have no column nope')"
finish
