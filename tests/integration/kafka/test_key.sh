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
finish
