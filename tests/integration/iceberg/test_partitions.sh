#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# ctest: timeout=600
# ctest: no-servers
# Rows into partitioned tables, judged by PyIceberg and DuckDB: every row is found by its value, and a scan with a
# condition reads the files of its partitions alone. Specs that change, tables that are made, more partitions than
# memory has files for.
. "$(dirname "$0")/../ice_lib.sh"

# ---- every transform -----------------------------------------------------------------------------
types='id long!,s string,b boolean,d date,ts timestamp,tz timestamptz,n decimal9,u uuid,x binary,f double'
one() { python3 -c "
import base64, json
for i in range(12):
    k = i - 6
    day = ['1959-12-31', '1969-12-31', '1970-01-01', '2026-02-28'][i % 4]
    row = {'id': k, 's': ['ab', 'aéz', '', 'é' * 20][i % 4] + ('x' if i == 11 else ''), 'b': i % 2 == 0, 'd': day,
           'ts': day + 'T23:59:59.999999', 'tz': day + 'T00:00:00Z', 'n': '%d.25' % k,
           'u': '00000000-0000-0000-0000-%012d' % i, 'x': base64.b64encode(bytes([255] * 18 + [i])).decode(), 'f': k / 2}
    print(json.dumps(row if i else {'id': k}))"; }
# each spec, a condition, the rows that it finds
specs=('identity s;{"s": "ab"};2' 'bucket[16] id;{"id": -6};1' 'truncate[2] s;{"s": "aéz"};3' 'identity b;{"b": true};5'
    'year d;{"d": "1959-12-31"};2' 'month ts;{"ts": "1969-12-31T23:59:59.999999"};3' 'day tz;{"tz": "1970-01-01T00:00:00+00:00"};3'
    'hour tz;{"tz": "1959-12-31T00:00:00+00:00"};2' 'truncate[10] id;{"id": -1};1' 'identity n;{"n": "-5.25"};1' 'bucket[7] n;{"n": "-5.25"};1'
    'identity d;{"d": "1970-01-01"};3' 'identity f;{"f": -2.5};1' 'void s;{"id": 3};1'
    'identity ts,bucket[4] s;{"ts": "2026-02-28T23:59:59.999999", "s": "éééééééééééééééééééé"};2')
for kind in rest nessie; do
    [ "$kind" = nessie ] && specs=('identity s;{"s": "ab"};2' 'bucket[16] id,day tz;{"id": -5};1')
    readers parts "$kind" "$types" "${specs[@]%%;*}" || bad "$kind: tables"
    asked=() number=0
    for line in "${specs[@]}"; do
        IFS=';' read -r spec filter rows <<<"$line"
        name=p$((number++))
        one >"$dir/$name.jsonl"
        sink "$kind" "$name"
        flow "$name"
        asked+=("shop.$name" "$filter")
    done
    readers plan "$kind" "${asked[@]}" >"$dir/plans"
    for line in "${specs[@]}"; do
        IFS=';' read -r spec filter rows <<<"$line"
        read -r found files all
        same "$kind, $spec: $filter" "$rows" "$found"
        [ "$spec" = 'void s' ] || same "$kind, $spec: fewer files are read" 1 "$((files < all))"
    done <"$dir/plans"
    same "$kind: by DuckDB" '12 12 1' "$(readers duck "$kind" shop.p1 'select count(*), count(distinct id), sum((id = -5)::int) from t' | tr '\t' ' ')"
done
same 'by DuckDB, with a condition on what is cut' '-6 -1' "$(readers duck rest shop.p8 'select id from t where id = -1 or id = -6 order by id' | paste -sd' ')"
same 'by DuckDB, with a condition on decimals' 1 "$(readers duck rest shop.p9 'select count(*) from t where n = -5.25')"

# ---- a spec that changes -------------------------------------------------------------------------
one >"$dir/grows.jsonl"
readers make rest shop.grows "$types" 'identity b'
sink rest grows
flow grows
readers evolve rest shop.grows 'bucket[3] id'
sink rest grows
flow grows
same 'a spec that changes' '2 2 9' "$(readers plan rest shop.grows '{"id": -3, "b": false}')"

# ---- tables that are made ------------------------------------------------------------------------
for kind in rest nessie; do
    printf '%s\n' '{"id":1,"at":"2026-01-02T03:04:05Z","c":"de"}' '{"id":2,"at":"2026-01-03T03:04:05Z","c":"fr"}' >"$dir/made.jsonl"
    sink "$kind" made "autoCreateTable: true" "partitionBy: days(at), bucket(c, 4), truncate(10, id)"
    flow made
    same "$kind: a table that is made: its spec" 'day at, bucket[4] c, truncate[10] id' "$(readers spec "$kind" shop.made)"
    same "$kind: a table that is made: rows" '1 2' "$(readers duck "$kind" shop.made 'select id from t order by id' | paste -sd' ')"
done
sink rest wrong "autoCreateTable: true" "partitionBy: week(at)"
same 'a transform that is none' 1 "$(dfproc validate "$dir/wrong.yaml" 2>&1 | grep -c 'partitionBy: has a transform that is none of')"
cp "$dir/made.jsonl" "$dir/other.jsonl"
sink rest other "autoCreateTable: true" "partitionBy: day(nope)"
same 'a column that is none' 1 "$(refused_flow other | grep -c 'partitionBy: the first records, of which table shop.other is made, have no column nope')"
same 'probe tells the spec' 1 "$(sink rest made; dfproc validate --connect "$dir/made.yaml" 2>&1 | grep -c 'partitioned by day(at), bucket(4, c), truncate(10, id)')"

# ---- more partitions than open files -------------------------------------------------------------
readers make rest shop.many 'id long,k long,v string' 'identity k'
cat >"$dir/many.yaml" <<END
source: {type: generate, config: {count: 2000, template: '{"id":\${seq},"k":\${int:1:110},"v":"\${string:200}"}'}}
$(to_table rest many "openFilesSize: 1MiB")
deliveryGuarantee: exactlyOnce
END
flow many
same 'many partitions: every row once' '2000 2000 1999000' "$(readers count rest shop.many | cut -d' ' -f1-3)"
same 'many partitions: it is told' 1 "$(grep -c 'files are ended early' "$dir/log")"
finish
