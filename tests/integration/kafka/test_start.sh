#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Where a flow begins: latest, a time, offsets; what comes later begins at its start; several topics and
# those of a pattern.
. "$(dirname "$0")/../kafka_lib.sh"

fast='properties: {topic.metadata.refresh.interval.ms: "1000"}'
read_by() { # NAME "options": a flow from these options into NAME.jsonl
    { echo "source: {type: kafka, config: {brokers: \"$DF_KAFKA\", consumerGroup: $run.$1, $2}}"; file_sink "$1.jsonl"; } >"$dir/$1.yaml"
}
lines() { # TOPIC FROM TO [kcat options]
    seq "$2" "$3" | sed 's/.*/{"n":&}/' | kcat -b "$DF_KAFKA" -P -t "$(name_of "$1")" "${@:4}"
}
numbers() { grep -o '"n":[0-9]*' "$dir/$1.jsonl" 2>/dev/null | cut -d: -f2 | sort -n | paste -sd' '; }
has_numbers() { [ "$(numbers "$1")" = "$2" ]; }
begun() { [ "$(dfaudit group show --group "$run.$1" --topic "$(name_of "$2")" 2>/dev/null)" = "$3" ]; }

# ---- latest, and what is born later ------------------------------------------------------------------
topic grows 2 && topic p.one
lines grows 1 20 && lines p.one 1 5
read_by later "topicPattern: '$run[.](grows|p[.].*)', startFrom: latest, $fast"
start later
until_true 30 begun later grows '{"0":10,"1":10}' || begun later p.one '{"0":5}' || bad 'the ends are not committed'
ok 'the ends are numbers, committed before the first record'
dfaudit topic grow --topic "$(name_of grows)" --partitions 5 2>/dev/null
for p in 2 3 4; do lines grows $((p * 100)) $((p * 100 + 32)) -p $p; done
topic p.two
lines p.two 1000 1000
want=$(for p in 2 3 4; do seq $((p * 100)) $((p * 100 + 32)); done; echo 1000)
until_true 30 has_numbers later "$(echo "$want" | paste -sd' ')"
same 'all of new partitions and topics, nothing of before' "$(echo "$want" | paste -sd' ')" "$(numbers later)"
end "$pid" 20
lines p.three 7 7 # while it is down
start later
until_true 30 has_numbers later "7 $(echo "$want" | paste -sd' ')"
same 'after a restart too' "7 $(echo "$want" | paste -sd' ')" "$(numbers later)"
end "$pid" 20

# ---- a time, offsets ---------------------------------------------------------------------------------------
topic times 3
at() { dfaudit topic dump --topic "$(name_of times)" 2>/dev/null | grep "n.\":$1}" | grep -o '"timestamp":[0-9]*' | cut -d: -f2; }
lines times 1 3 -p 0
sleep 0.05
lines times 4 6 -p 0
lines times 7 7 -p 1
stamp=$(at 4)
read_by from "topic: $(name_of times), startFrom: timestamp, startTime: '$(date -u -d "@${stamp%???}.${stamp: -3}" +%FT%T.%3NZ)'"
flow from 0
same 'from a time on' '4 5 6 7' "$(numbers from)"
same 'committed to the end' '{"0":6,"1":1,"2":0}' "$(offsets "$run.from" times)"
read_by future "topic: $(name_of times), startFrom: timestamp, startTime: '2999-01-01T00:00:00+01:00'"
flow future 0
lines times 8 8 -p 2
flow future 0
same 'a time after all records is the end of that moment' 8 "$(numbers future)"
read_by given "topics: [$(name_of times), $(name_of p.one)], startFrom: offsets, startOffsets: {'0': 5, $(name_of p.one)/0: 4}"
flow given 0
same 'offsets, others from their start' '5 6 7 8' "$(numbers given)"
has 'both topics were read' "\"received\":4" <(tail -n 1 "$dir/given.out")
finish
