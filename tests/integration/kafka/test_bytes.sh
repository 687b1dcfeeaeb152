#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Bytes, keys, headers, times and tombstones arrive as they were; a bounded run ends at the end;
# a second run finds nothing.
. "$(dirname "$0")/../kafka_lib.sh"

# ---- Kafka to Kafka, messages at the edges -----------------------------------------------------
topic edges && topic copy
dfaudit topic edge --topic "$(name_of edges)" 2>/dev/null
{ source_of edges edges; sink_to copy; } >"$dir/edges.yaml"
flow edges 0
same 'key, value, headers, time' "$(dump edges --kind content)" "$(dump copy --kind content)"
same 'all seven' 7 "$(dump copy | wc -l)"
same 'committed at the end' '{"0":7}' "$(offsets "$run.edges" edges)"
flow edges 0
same 'nothing twice' 7 "$(dump copy | wc -l)"
same 'nothing received' 0 "$(summary received edges)"

# ---- Kafka to a file: exact bytes ---------------------------------------------------------------
topic lines
dfaudit produce --stdout --count 3000 --keys 7 --size 300 >"$dir/want"
kcat -b "$DF_KAFKA" -t "$(name_of lines)" -P -l "$dir/want" 2>/dev/null
{ source_of lines lines; file_sink got text; } >"$dir/lines.yaml"
flow lines 0
same 'bytes of 3000 lines' "$(cksum <"$dir/want")" "$(cksum <"$dir/got")"

# ---- several partitions, order within a key, every compression ----------------------------------
topic many 6
produce many --count 60000 --producers 3 --partitions 6 --keys 50 --size 300
for compression in none gzip lz4 zstd snappy; do
    topic "to_$compression" 4
    { source_of many "$compression"; sink_to "to_$compression" "compression: $compression"; } >"$dir/$compression.yaml"
    flow "$compression" 0
    audit "60000 records, $compression" --source topic --topic "$(name_of "to_$compression")" --count 60000 \
        --producers 3 --expect-count 60000 --max-duplicates 0 --no-gaps --ordered
done
same 'received = sent' '60000 60000 0' \
    "$(summary received lz4) $(summary sent lz4) $(summary in_flight lz4)"

# ---- an empty topic, control records at the end ---------------------------------------------------
topic empty 3
{ source_of empty empty; file_sink none; } >"$dir/empty.yaml"
flow empty 0
same 'an empty topic ends at once' 0 "$(summary received empty)"

# ---- from the latest: what comes after the first start, also after a restart ------------------------
topic late
produce late --count 100
{ source_of late late 'startFrom: latest'; file_sink late.jsonl; } >"$dir/late.yaml"
flow late 0
same 'latest: nothing of before' 0 "$(summary received late)"
produce late --count 50 --from 100
flow late 0
same 'latest: all of after' 50 "$(summary received late)"
finish
