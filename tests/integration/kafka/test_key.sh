#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Lines of a file get a key on their way to a topic: one key is in one partition and in order, and a
# record without a value for it has a null key.
. "$(dirname "$0")/../kafka_lib.sh"

topic keyed 6
for n in $(seq 1 600); do echo "{\"user\":\"u$((n * 7 % 11))\",\"n\":$n}"; done >"$dir/in.jsonl"
for n in 601 602 603; do echo "{\"n\":$n}"; done >>"$dir/in.jsonl"
printf '%s\n' '{"user":null,"n":604}' '{"user":"","n":605}' >>"$dir/in.jsonl"
{
    echo "source: {type: stdio, config: {path: $dir/in.jsonl}}"
    echo 'transformations: [{type: setKey, config: {field: $.user}}]'
    sink_to keyed
} >"$dir/keyed.yaml"
flow keyed 0
kcat -b "$DF_KAFKA" -C -e -q -t "$(name_of keyed)" -f '%p %K %k %s\n' >"$dir/out"
same 'all are there' 605 "$(wc -l <"$dir/out")"
same 'a key is in one partition' 11 "$(awk '$2 > 0 {print $1, $3}' "$dir/out" | sort -u | wc -l)"
same 'the keys are used for several partitions' yes "$(awk '$2 > 0 {print $1}' "$dir/out" | sort -u | wc -l | awk '{print ($1 > 1 ? "yes" : "no")}')"
same 'the key is the value' '' "$(awk '$2 > 0 && index($0, "\"user\":\"" $3 "\"") == 0' "$dir/out")"
same 'records of one key are in order' '' "$(awk '$2 > 0 {n = $0; sub(/.*"n":/, "", n); if (n + 0 <= last[$3]) print; last[$3] = n + 0}' "$dir/out")"
same 'without a value the key is null' 4 "$(awk '$2 == -1' "$dir/out" | wc -l)"
same 'an empty text is an empty key' 1 "$(awk '$2 == 0' "$dir/out" | wc -l)"

# A key finds the partition that the Java client would give it.
pairs=$(dirname "$0")/java-partitions.txt
topic java 12
grep -v '^#' "$pairs" | cut -f 2 | jq -R -c '{k: .}' >"$dir/java.in"
{
    echo "source: {type: stdio, config: {path: $dir/java.in}}"
    sink_to java 'key: k'
} >"$dir/java.yaml"
flow java 0
same 'keys and partitions of the Java client' "$(grep -v '^#' "$pairs" | sort)" \
    "$(kcat -b "$DF_KAFKA" -C -e -q -t "$(name_of java)" -f '%p\t%k\n' | sort)"

# No key by the option, a delete without its value.
topic nokey
printf '%s\t%s\n' a '{"payload":{"op":"c","before":null,"after":{"n":1},"source":{"table":"t"}}}' b '{"payload":{"op":"d","before":{"n":2},"after":null,"source":{"table":"t"}}}' | kcat -P -b "$DF_KAFKA" -t "$(name_of nokey)" -K '	'
topic without && topic deletes 1 --config cleanup.policy=compact
for to in without deletes; do
    {
        source_of nokey "$to"
        echo 'transformations: [{type: debeziumUnwrap}]'
        [ $to = without ] && sink_to $to 'key: none' || sink_to $to 'tombstones: true'
    } >"$dir/$to.yaml"
    flow $to 0
done
read_as() { kcat -b "$DF_KAFKA" -C -e -q -t "$(name_of "$1")" -f '%K %k %S %s\n'; }
same 'key: none' '-1  7 {"n":1}
-1  7 {"n":2}' "$(read_as without)"
same 'tombstones: a delete has no value' '1 a 7 {"n":1}
1 b -1 ' "$(read_as deletes)"
finish
