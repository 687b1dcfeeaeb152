#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Records that the broker refuses reach the error sink one by one; their neighbours are written.
. "$(dirname "$0")/../kafka_lib.sh"

topic source
produce source --count 4000 --keys 10 --size 300
produce source --count 3 --from 4000 --keys 10 --size 30000
produce source --count 4000 --from 4003 --keys 10 --size 300

refusing() { # NAME "options of the sink"
    topic "$1" 2 --config max.message.bytes=20000
    {
        source_of source "$1"
        sink_to "$1" "$2"
        echo "errors: {type: stdio, config: {path: $dir/$1.errors}}"
    } >"$dir/$1.yaml"
    flow "$1" 0
    same "$1: counts" '8003 8000 3' "$(summary received "$1") $(summary sent "$1") $(summary errored "$1")"
    same "$1: three refused" 3 "$(grep -c '"reason":"too_large"' "$dir/$1.errors")"
    audit "$1: all others once" --source topic --topic "$(name_of "$1")" --expect-count 8000 --max-duplicates 0
}
refusing small 'compression: none, flushBytes: 15000' # requests that fit
refusing large 'compression: none'                    # requests that do not: narrowed

# A compacted topic takes no message without a key.
topic edges && topic compacted 1 --config cleanup.policy=compact
dfaudit topic edge --topic "$(name_of edges)" 2>/dev/null
{ source_of edges compact; sink_to compacted; echo "errors: {type: stdio, config: {path: $dir/compact.errors}}"; } >"$dir/compact.yaml"
flow compact 0
same 'compacted: counts' '7 5 2' "$(summary received compact) $(summary sent compact) $(summary errored compact)"

# Larger than the client's own limit; no error sink: the run says which record and ends. Nothing behind it in
# its partition is written, however often the flow is started; other partitions are.
topic huge 2 && topic target
{
    seq 500 | sed 's/.*/{"n":&}/'
    dfaudit produce --stdout --count 1 --size 2000 | head -c 1500
    echo
    seq 502 1000 | sed 's/.*/{"n":&}/'
} | kcat -b "$DF_KAFKA" -P -t "$(name_of huge)" -p 0
seq 100 | sed 's/.*/{"m":&}/' | kcat -b "$DF_KAFKA" -P -t "$(name_of huge)" -p 1
{ source_of huge huge; sink_to target 'properties: {message.max.bytes: 1000}'; } >"$dir/huge.yaml"
for _ in 1 2; do
    flow huge 1
    has 'names the record' "$(name_of huge)/0 offset 500 was refused" "$dir/huge.out"
    same 'committed up to it' '{"0":500,"1":100}' "$(offsets "$run.huge" huge)"
    same 'what is before it, and the other partition, once' "$( (seq 500 | sed 's/.*/{"n":&}/'; seq 100 | sed 's/.*/{"m":&}/') | sort)" \
        "$(kcat -b "$DF_KAFKA" -C -e -q -o beginning -t "$(name_of target)" -f '%s\n' | sort)"
done
finish
