#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# dfproc replay is stopped while the schema registry that its codec asks is silent: a second signal ends
# it at once; after a first one alone it ends in time, and nothing that a thread still uses is freed.
. "$(dirname "$0")/../kafka_lib.sh"
support=${DF_SOURCE_DIR:-$(cd "$(dirname "$0")/../../.." && pwd)}/tests/support
mkdir "$dir/hung"
echo hang >"$dir/hung/does"
echo '{"ids": {}}' >"$dir/hung/state.json"
touch "$dir/hung"/{asked,registered,users,times}
python3 "$support/schema_registry.py" "$dir/hung" &
flows+=($!)
until_true 10 test -s "$dir/hung/port" || bad 'no registry'

# Error records that the source's codec has to read once more; many, so that the reader is still at it.
topic in && topic errors && topic out
for _ in $(seq 2000); do printf '\0\0\0\0\1xxxxxxxx\n'; done | kcat -b "$DF_KAFKA" -P -t "$(name_of in)"
flow_with() { # NAME OPTIONS OF THE FORMAT
    { source_of in in "format: avro, $2"; sink_to out
      echo "errors: {type: kafka, config: {brokers: \"$DF_KAFKA\", topic: $(name_of errors)}}"
      echo 'stopTimeout: 1s'; } >"$dir/$1.yaml"
}
flow_with strict 'avroSchema: "\"boolean\""'
flow strict 0
same 'all are refused' 2000 "$(summary errored strict)"
flow_with silent "schemaRegistry: {url: 'http://127.0.0.1:$(cat "$dir/hung/port")'}"
asked() { [ "$(wc -l <"$dir/hung/asked")" -gt "$1" ]; }
replay() { # starts it, waits until it waits for the registry
    local before
    before=$(wc -l <"$dir/hung/asked")
    dfproc replay "$dir/silent.yaml" --apply >"$dir/$1.out" 2>&1 &
    pid=$!
    flows+=("$pid")
    until_true 60 asked "$before" || bad "$1: the registry is not asked: $(cat "$dir/$1.out")"
}
replay once
end "$pid" 30
same 'stopped once: the thread that asks is given up' '0 1' "$code $(grep -c 'source: .* is left behind' "$dir/once.out")"
replay twice
told() { ours "$pid" && kill -TERM "$pid" 2>/dev/null; ! ours "$pid"; }
until_true 30 told || bad 'told again and again, it does not end'
end "$pid" 1
same 'told to stop at once: it does, without force' '0 0' "$code $(grep -c 'left behind' "$dir/twice.out")"
has 'it said that the one before was not at its end' 'did not come to its end' "$dir/twice.out"
same 'nothing was taken for replayed' 0 "$(grep -c '^[0-9a-f]*$' "$dir"/state/dataflow/silent.yaml-*.replayed)"
finish
