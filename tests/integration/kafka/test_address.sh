#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# The sink's options `key` and `headers`: where key and headers of a message come from, and what
# stays when a value is missing.
. "$(dirname "$0")/../kafka_lib.sh"

read_all() { # TOPIC
    kcat -b "$DF_KAFKA" -C -e -q -t "$(name_of "$1")" -f '%K|%k|%h|%S|%s\n'
}

topic first 1
cat >"$dir/in.jsonl" <<'LINES'
{"user":{"id":"u1"},"n":1.50,"trace":"t1"}
{"user":{"id":7},"n":null}
{"user":{"id":{"a":[1]}},"trace":""}
{"user":{"id":null}}
{"user":{"id":""}}
{}
[1]
"text"
LINES
{
    echo "source: {type: stdio, config: {path: $dir/in.jsonl, format: json}}"
    sink_to first 'key: $.user.id, headers: {trace: $.trace, n: "$.n", shop: riga, price: "5 $"}'
} >"$dir/first.yaml"
flow first 0
same 'keys and headers come from the record' '2|u1|trace=t1,n=1.50,shop=riga,price=5 $|42|{"user":{"id":"u1"},"n":1.50,"trace":"t1"}
1|7|shop=riga,price=5 $|26|{"user":{"id":7},"n":null}
9|{"a":[1]}|trace=,shop=riga,price=5 $|36|{"user":{"id":{"a":[1]}},"trace":""}
-1||shop=riga,price=5 $|20|{"user":{"id":null}}
0||shop=riga,price=5 $|18|{"user":{"id":""}}
-1||shop=riga,price=5 $|2|{}
-1||shop=riga,price=5 $|3|[1]
-1||shop=riga,price=5 $|6|"text"' "$(read_all first)"

# From topic to topic: metadata, the record's own headers, a changed payload, a tombstone, no JSON.
topic from 1
topic to 1
{
    printf 'k1\t{"id":1,"v":"x"}\n'
    printf 'k2\tno json\n'
} | kcat -b "$DF_KAFKA" -P -t "$(name_of from)" -K '\t' -H keep=yes -H origin=older
printf 'k3\t\n' | kcat -b "$DF_KAFKA" -P -t "$(name_of from)" -K '\t' -Z
{
    source_of from group
    echo 'transformations: [{type: insertField, config: {fields: {w: added}}}]'
    sink_to to 'key: w, headers: {origin: metadata.topic, own: metadata.key, at: metadata.offset, no: metadata.nothing}'
} >"$dir/second.yaml"
flow second 0
name=$(name_of from)
same 'metadata, own headers and tombstones' "5|added|keep=yes,origin=$name,own=k1,at=0|28|{\"id\":1,\"v\":\"x\",\"w\":\"added\"}
-1||keep=yes,origin=$name,own=k2,at=1|7|no json
2|k3|origin=$name,own=k3,at=2|-1|" "$(read_all to)"

# A key from metadata holds for tombstones too.
topic keyed 1
{
    source_of from keyed
    sink_to keyed 'key: metadata.offset'
} >"$dir/third.yaml"
flow third 0
same 'a key from metadata' $'0\n1\n2' "$(kcat -b "$DF_KAFKA" -C -e -q -t "$(name_of keyed)" -f '%k\n')"
finish
