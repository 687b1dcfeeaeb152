#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# ctest: timeout=600
# ctest: no-servers
# A table that follows its records: columns that are added, widened and made optional, with other writers, lost answers
# and kills in between; rows of before stay readable. Judged by PyIceberg and DuckDB.
. "$(dirname "$0")/../ice_lib.sh"
both="autoAddColumns: true
    autoWidenColumns: true"
duck() { readers duck "$1" "shop.$2" "$3" | tr '\t' ' ' | paste -sd,; }

# ---- columns that are new, too narrow, or required -----------------------------------------------
cat >"$dir/base.jsonl" <<'END'
{"id":1,"i":2147483647,"f":0.5,"d":"1234567.89","r":"here"}
END
cat >"$dir/more.jsonl" <<'END'
{"id":2,"i":7,"f":1.5,"d":1,"r":"there","note":null}
{"id":3,"i":2147483648,"f":1e300,"d":"12345678.90","extra":{"a":[1]},"at":"2026-01-02T03:04:05Z","n":1.25}
{"id":4,"n":7,"ok":true,"note":null}
{"id":5,"i":"x","n":2}
{"id":6,"N":3}
{"n":9}
END
for kind in rest nessie; do
    readers make "$kind" shop.grow 'id long!,i int,f float,d decimal9,r string!' '' id
    cp "$dir/base.jsonl" "$dir/grow.jsonl"
    sink "$kind" grow
    flow grow
    cp "$dir/more.jsonl" "$dir/grow.jsonl"
    rm -f "$dir/grow.errors"
    sink "$kind" grow "$both"
    flow grow
    same "$kind: columns" 'id long!, i long, f double, d decimal(10, 2), r string, extra string, at timestamptz, n decimal(38, 10), ok boolean' \
        "$(readers columns "$kind" shop.grow)"
    [ "$kind" = rest ] || continue # the rest says nothing of the catalog
    same "$kind: by PyIceberg" '[1, 2147483647, 0.5, "1234567.89", "here", null, null, null, null]
[2, 7, 1.5, "1.00", "there", null, null, null, null]
[3, 2147483648, 1e+300, "12345678.90", null, "{\"a\":[1]}", "2026-01-02T03:04:05+00:00", "1.2500000000", null]
[4, null, null, null, null, null, null, "7.0000000000", true]' "$(readers rows "$kind" shop.grow id | python3 -c '
import json, sys
for line in sys.stdin: print(json.dumps(list(json.loads(line).values())))')"
    same "$kind: by DuckDB" '1 2147483647 0.5 1234567.89 None,2 7 1.5 1.00 None,3 2147483648 1e+300 12345678.90 1.2500000000,4 None None None 7.0000000000' \
        "$(duck "$kind" grow 'select id, i, f, d, n from t order by id')"
    same "$kind: what no column keeps" 3 "$(reasons grow | grep -c 'column i (long): not a number\|no column for "N"\|column id (long): is required')"
done

# ---- without the options, and what does not go with them -----------------------------------------
readers make rest shop.fixed 'id long!,i int'
printf '%s\n' '{"id":1,"i":2147483648}' '{"id":2,"new":1}' >"$dir/fixed.jsonl"
sink rest fixed
flow fixed
same 'without the options the table stays' 'id long!, i int' "$(readers columns rest shop.fixed)"
sink rest fixed "autoAddColumns: true" "unknownFields: ignore"
same 'and unknownFields: ignore' 1 "$(dfproc validate "$dir/fixed.yaml" 2>&1 | grep -c 'makes columns of what unknownFields: ignore leaves out')"

# ---- the catalog refuses --------------------------------------------------------------------------
readers make rest shop.no 'id long,s struct'
printf '%s\n' '{"id":1,"s.x":1}' '{"id":2}' >"$dir/no.jsonl"
sink rest no "$both"
flow no
same 'a change that the catalog refuses is told' 1 "$(grep -c 'table shop.no stays as it is for ten minutes.*s\.x' "$dir/log")"
same 'and its record is refused' '1 2' "$(reasons no | grep -c 'no column for "s.x"') $(readers count rest shop.no | cut -d' ' -f3)"

# ---- other writers and lost answers ---------------------------------------------------------------
# turns KIND NAME: 12,000 rows, the last of which have more columns: the ones before them are in an open file by then
turns() {
    python3 -c '
for i in range(12000):
    print("{\"id\":%d%s}" % (i, ",\"b\":%d,\"c\":\"x\"" % i if i >= 11000 else ""))' >"$dir/$2.jsonl"
    sink "$1" "$2" "autoAddColumns: true"
    sed -i 's/^sink:/deliveryGuarantee: exactlyOnce\nsink:/; /^errors:/d' "$dir/$2.yaml"
}
# words KIND WORD…: the second commit, which changes the columns, has this end
words() {
    local kind=$1 name tables='' word
    rm -f "$dir/port"
    : >"$dir/plan"
    python3 "$here/iceberg/proxy.py" "$dir/port" "$([ "$kind" = rest ] && echo "$DF_ICEBERG" || echo "$DF_NESSIE")" \
        "$dir/plan" "$dir/proxied" >"$dir/proxy.log" 2>&1 &
    proxy=$!
    until_true 20 test -s "$dir/port" || bad 'the proxy'
    for word in "${@:2}"; do tables+=,shop.t_${word%%/*}; done
    readers make "$kind" "${tables#,}" 'id long, v string'
    for word in "${@:2}"; do
        name=t_${word%%/*}
        turns "$kind" "$name"
        printf '%s\n' ok ok "$word" >"$dir/plan"
        (
            [ "$kind" = rest ] && DF_ICEBERG=http://127.0.0.1:$(<"$dir/port") || DF_NESSIE=http://127.0.0.1:$(<"$dir/port")
            export DF_ICEBERG DF_NESSIE
            flow "$name"
            exit $failed
        ) || failed=1
        same "$kind, $word: it came to it" "" "$(cat "$dir/plan")"
    done
    kill "$proxy"
    wait "$proxy" 2>/dev/null
    same "$kind, ${*:2}: every row once" "$(for word in "${@:2}"; do
        case $word in append*) echo 12001 12001 72994000 ;; *) echo 12000 12000 71994000 ;; esac
    done)" "$(readers count "$kind" "${tables#,}" | cut -d' ' -f1-3)"
}
words nessie 500 409 never append/nessie/shop.t_append
words rest add/rest/shop.t_add/z/long
# On a slow machine a commit of rows comes between, and the other one's column after ours.
same 'another one added a column meanwhile' 'b long, c string, id long, v string, z long' \
    "$(readers columns rest shop.t_add | sed 's/, /\n/g' | sort | paste -sd, | sed 's/,/, /g')"
same 'values of the new columns' '1000 11499500 1000' "$(duck nessie t_append 'select count(b), sum(b), count(c) from t')"

# ---- upserts, and kills ---------------------------------------------------------------------------
readers make rest shop.up 'id int!,v string' '' id
printf '%s\n' '{"id":1,"v":"a"}' '{"id":2,"v":"b"}' >"$dir/up.jsonl"
sink rest up "upsertMode: true"
flow up
printf '%s\n' '{"id":1,"v":"c"}' '{"id":3000000000,"v":"d","w":1}' '{"id":2,"v":"e","w":2}' >"$dir/up.jsonl"
sink rest up "upsertMode: true" "$both"
flow up
same 'upserts: a key that gets wider' '1 c None,2 e 2,3000000000 d 1' "$(duck rest up 'select id, v, w from t order by id')"
library=$(dirname "$(command -v dfproc)")/../modules/iceberg.so
if grep -qs DF_CRASH_AT "$library"; then
    readers make nessie shop.k_evolve,shop.k_evolved 'id long, v string'
    for at in evolve evolved; do
        turns nessie "k_$at"
        { DF_CRASH_AT=iceberg.$at:1 timeout --foreground -k 5 60 dfproc run "$dir/k_$at.yaml" --until-exhausted >"$dir/out" 2>&1; } 2>/dev/null
        same "killed at $at" 137 $?
        flow "k_$at"
    done
    same 'killed: every row once' "$(echo 12000 12000 71994000; echo 12000 12000 71994000)" \
        "$(readers count nessie shop.k_evolve,shop.k_evolved | cut -d' ' -f1-3)"
fi
finish
