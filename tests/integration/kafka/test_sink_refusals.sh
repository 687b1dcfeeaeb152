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

# Larger than the client's own limit; no error sink: the run says which record and ends.
topic huge && topic target
dfaudit produce --stdout --count 1 --size 2000 | head -c 1500 >"$dir/huge"
kcat -b "$DF_KAFKA" -t "$(name_of huge)" -P "$dir/huge" 2>/dev/null
{ source_of huge huge; sink_to target 'properties: {message.max.bytes: 1000}'; } >"$dir/huge.yaml"
flow huge 1
has 'names the record' "$(name_of huge)/0 offset 0" "$dir/huge.out"
same 'not committed' '{"0":0}' "$(offsets "$run.huge" huge | sed 's/-1/0/')"
finish
