#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# ctest: timeout=300
# ctest: no-servers
# Tables that a sink wrote with rawMode, read back as the messages that they were: into a file, and into another such table.
servers=iceberg-rest
. "$(dirname "$0")/../ice_lib.sh"
readers make rest shop.raw,shop.copy,shop.again 'data string, _metadata string'
readers make rest shop.flat 'data string, line long, file string'
cat >"$dir/raw.jsonl" <<'END'
{"id":1,"big":12345678901234567890123,"text":"é\"\\"}
{"id":2,"value":{"_metadata":1}}
"a text"
END
cp "$dir/raw.jsonl" "$dir/flat.jsonl"
sink rest raw "rawMode: true"
flow raw
source_of rest raw "rawRows: messages"
flow raw
same 'messages' "$(cat "$dir/raw.jsonl")" "$(cat "$dir/raw.out")"

# copy FROM TO HOW: from one raw table to another one
copy() {
    rm -rf "$dir/state"
    { to_table rest "$1" "rawRows: $3" | sed 's/^sink:/source:/'; to_table rest "$2" "rawMode: true"; } >"$dir/$2.yaml"
    flow "$2"
}
columns() { readers rows rest "shop.$1" | python3 -c '
import json, sys
for row in map(json.loads, sys.stdin):
    print(row["data"], sorted((k, v) for k, v in json.loads(row["_metadata"]).items() if k not in ("namespace", "table")))'; }
copy raw copy messages
copy raw again wrapped
same 'a copy of messages' "$(columns raw)" "$(columns copy)"
same 'a copy of wrapped ones' "$(readers rows rest shop.raw)" "$(readers rows rest shop.again)"
same 'with the time that they had' 3 "$(columns copy | grep -c timestamp)"

# ---- metadata in columns -------------------------------------------------------------------------
readers append rest shop.flat '[{"data":"{\"id\":1}","line":7,"file":"f"},{"data":null,"line":null,"file":"g"},{"data":"no JSON","line":9,"file":"h"}]'
source_of rest flat "rawRows: wrapped"
flow flat
same 'wrapped' '{"value":{"id":1},"_metadata":{"line":7,"file":"f"}}
{"value":null,"_metadata":{"file":"g"}}
{"value":"no JSON","_metadata":{"line":9,"file":"h"}}' "$(cat "$dir/flat.out")"
rm -rf "$dir/state"
{ to_table rest flat "rawRows: messages" | sed 's/^sink:/source:/'; to_table rest copy "rawMode: true"; echo "errors: {policy: skip}"; } >"$dir/copy.yaml"
flow copy # a message without a payload is none for rawMode, and so is one that is no JSON
same 'their metadata' '("file", "f"), ("line", 7)' "$(columns copy | grep '^{"id":1} ' | sed "s/'/\"/g; s/.*\[//; s/, (\"timestamp.*//")"

# ---- what is no such table, or no such row -------------------------------------------------------
readers append rest shop.raw '[{"data":"{}","_metadata":"[1]"}]'
source_of rest raw "rawRows: messages"
echo "errors: {type: stdio, config: {path: $dir/raw.errors}}" >>"$dir/raw.yaml"
flow raw
same 'metadata that is none' "1 3" "$(reasons raw | grep -c '_metadata is no JSON object') $(wc -l <"$dir/raw.out")"
readers make rest shop.plain 'id long'
source_of rest plain "rawRows: messages"
same 'a table that is none' 1 "$(refused_flow plain | grep -c 'rawRows: table shop.plain has no column data of type string')"
source_of rest raw "rawRows: wrapped" "columns: [_metadata]"
same 'or without data' 1 "$(refused_flow raw | grep -c 'no column data of type string among those of columns')"
finish
