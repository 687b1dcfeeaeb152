#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# The sink makes its topic as topicCreate says, on a broker that makes topics by itself as well; what is
# there stays as it is, and records choose among topics that a pattern allows.
. "$(dirname "$0")/../kafka_lib.sh"

shape() { kcat -b "$DF_KAFKA" -L -t "$(name_of "$1")" | grep -o 'with [0-9]* partitions'; }
for n in 1 2 3 4 5 6; do echo "{\"n\":$n,\"to\":\"$(name_of "t$((n % 2))")\"}"; done >"$dir/in.jsonl"
flow_to() { # NAME TOPIC OPTIONS [errors]
    {
        echo "source: {type: stdio, config: {path: $dir/${4:-in.jsonl}}}"
        sink_to "$2" "$3"
        echo "errors: {type: stdio, config: {path: $dir/$1.errors}}"
    } >"$dir/$1.yaml"
}
made='topicCreate: {partitions: 12, config: {retention.ms: "7200000", cleanup.policy: compact}}'

flow_to fresh fresh "key: n, $made"
flow fresh 0
same 'made with the partitions asked for' 'with 12 partitions' "$(shape fresh)"
has 'it is told' "topic $(name_of fresh) created" "$dir/fresh.out"
same 'all records are there' 6 "$(dump fresh | wc -l)"
flow fresh 0
same 'a second run makes and tells nothing' 0 "$(grep -c 'created\|left as it is' "$dir/fresh.out")"

topic there 3
flow_to there there "key: n, $made"
flow there 0
same 'what is there stays' 'with 3 partitions' "$(shape there)"
has 'other partitions are told' "topic $(name_of there) has 3 partitions and topicCreate says 12: it is left" "$dir/there.out"
has 'other settings are told' 'has cleanup.policy delete and topicCreate says compact' "$dir/there.out"

flow_to wrong wrong 'topicCreate: {config: {cleanup.polici: compact}}'
flow wrong 1
has 'a setting that is none ends the run' 'cannot be created as topicCreate says: .*cleanup.polici' "$dir/wrong.out"

# ---- each record names its topic --------------------------------------------------------------------
echo '{"n":7,"to":"elsewhere"}
{"n":8,"to":"'"$(name_of 't/1')"'"}
{"n":9,"to":null}
{"n":10,"to":""}' | cat "$dir/in.jsonl" - >"$dir/all.jsonl"
flow_to choose rest "topicFrom: \$.to, topicAllow: '$run[.]t[0-9]', topicCreate: {partitions: 2}" all.jsonl
flow choose 0
numbers() { dump "$1" | grep -o 'n\\":[0-9]*' | cut -d: -f2 | sort -n | paste -sd' '; }
same 'even numbers' '2 4 6' "$(numbers t0)"
same 'odd numbers' '1 3 5' "$(numbers t1)"
same 'without a name: the option topic' '9' "$(numbers rest)"
same 'made as they are needed' 'with 2 partitions with 2 partitions' "$(shape t0) $(shape t1)"
same 'others are refused' '7 8 10' "$(grep -o '"n":[0-9]*' "$dir/choose.errors" | cut -d: -f2 | paste -sd' ')"
has 'and told why, without the name' 'names a topic that topicAllow does not allow' "$dir/choose.errors"
has 'counts' '"sent":7.*"errored":3' <(tail -n 1 "$dir/choose.out")
finish
