#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# ctest: timeout=180
# dfproc offsets: what a group has stored is shown; a reset is first shown, then stored as numbers, and
# refused while somebody reads.
. "$(dirname "$0")/../kafka_lib.sh"
topic in 3
# 40 records in partition 0, 20 in partition 1, none in partition 2
for part in 0 1; do
    seq $((40 - part * 20)) | sed "s/.*/{\"n\":&,\"p\":$part}/" | kcat -b "$DF_KAFKA" -P -t "$(name_of in)" -p $part
done
sleep 0.01
after=$(date -u +%Y-%m-%dT%H:%M:%S.%NZ -d '1 minute')
{ source_of in g; file_sink out.jsonl; } >"$dir/flow.yaml"
offsets_of() { dfproc offsets "$1" "$dir/flow.yaml" "${@:2}" >"$dir/offsets.out" 2>"$dir/offsets.err"; code=$?; }
row() { grep "^$(name_of in)/$1 " "$dir/offsets.out" | sed "s|^[^ ]* *||; s/  */ /g"; }
stored() { offsets "$run.g" in; }

# ---- shown ---------------------------------------------------------------------------------------
offsets_of show
same 'show before the first run' '0 - 0 40 -' "$code $(row 0)"
flow flow 0
offsets_of show
same 'show after it' '40 0 40 0|20 0 20 0|- 0 0 -' "$(row 0)|$(row 1)|$(row 2)"
offsets_of show --json
has 'show --json' "{\"partition\":\"$(name_of in)/1\",\"next\":20,\"first\":0,\"end\":20,\"lag\":0}" "$dir/offsets.out"

# ---- first shown, then stored ---------------------------------------------------------------------
before=$(stored)
offsets_of reset --to earliest --to 1=15
same 'a reset tells' '0 40 -> 0: 40 read again|20 -> 15: 5 read again|- -> 0: the partition is empty' "$code $(row 0 | sed 's/^: //')|$(row 1)|$(row 2)"
has 'and what it did not' 'nothing was stored; --apply does it' "$dir/offsets.err"
same 'nothing is stored' "$before" "$(stored)"
offsets_of reset --to 0=30 --to 1=15 --apply
same 'numbers are stored' '0 {"0":30,"1":15,"2":-1}' "$code $(stored)"
rm "$dir/out.jsonl"
flow flow 0
same 'they are read from there' 15 "$(wc -l <"$dir/out.jsonl")"
offsets_of reset --to latest --apply
same 'the end is a number' '{"0":40,"1":20,"2":0}' "$(stored)"

# ---- a time after the last record, and an empty partition: what comes then is read --------------------
offsets_of reset --to "$after" --apply
same 'a time without a record' '40 -> 40: as it is; no record is of that time or later, so it begins at the end of now' "$(row 0)"
same 'is the end as a number' '{"0":40,"1":20,"2":0}' "$(stored)"
for part in 0 2; do seq 5 | sed "s/.*/{\"n\":&}/" | kcat -b "$DF_KAFKA" -P -t "$(name_of in)" -p $part; done
rm "$dir/out.jsonl"
flow flow 0
same 'what came after it is read' 10 "$(wc -l <"$dir/out.jsonl")"
offsets_of reset --to 2000-01-01T00:00:00Z --apply
same 'a time before the first record' '{"0":0,"1":0,"2":0}' "$(stored)"
has 'what a time means' 'a time is that of the first record' "$dir/offsets.err"

# ---- several topics, and those of a pattern -----------------------------------------------------------
topic more
seq 7 | sed 's/.*/{"n":&}/' | kcat -b "$DF_KAFKA" -P -t "$(name_of more)"
several() { # NAME OPTION
    { echo "source: {type: kafka, config: {brokers: \"$DF_KAFKA\", $2, consumerGroup: $run.$1}}"; file_sink several.jsonl; } >"$dir/$1.yaml"
    cp "$dir/$1.yaml" "$dir/flow.yaml"
    offsets_of show
    same "$1: show" '0 45 20 5 7' "$code $(for of in in/0 in/1 in/2 more/0; do grep "^$(name_of $of) " "$dir/offsets.out" | awk '{print $4}'; done | paste -sd' ')"
    offsets_of reset --to earliest --to "$(name_of more)/0=3" --apply
    same "$1: reset" '0 {"0":0,"1":0,"2":0} {"0":3}' "$code $(offsets "$run.$1" in) $(offsets "$run.$1" more)"
    offsets_of reset --to 0=1 --apply
    has "$1: a number alone says too little" "several topics have this partition: write TOPIC/0=1" "$dir/offsets.err"
    offsets_of reset --to "$(name_of none)/0=1"
    has "$1: of another topic" 'there is no such partition' "$dir/offsets.err"
    dfproc validate --connect "$dir/$1.yaml" >"$dir/look.out" 2>&1
    has "$1: a look" 'source (kafka): ok: topics .*: 4 partitions of 2 topics, 1 broker' "$dir/look.out"
    flow "$1" 0
    same "$1: a run begins there" 74 "$(summary received "$1")"
}
several list "topics: [$(name_of in), $(name_of more)]"
several pattern "topicPattern: \"$run[.](in|more)\""
sed -i "s/(in|more)/nothing/" "$dir/pattern.yaml"
dfproc validate --connect "$dir/pattern.yaml" >"$dir/look.out" 2>&1
has 'a pattern without a topic' "no topic on .* matches the topicPattern $run\[.\]nothing" "$dir/look.out"
sed "s/$(name_of more)/$(name_of nowhere)/" "$dir/list.yaml" >"$dir/nowhere.yaml"
dfproc validate --connect "$dir/nowhere.yaml" >"$dir/look.out" 2>&1
has 'one of the topics is not there' "topic $(name_of nowhere) does not exist on" "$dir/look.out"
{ source_of in g; file_sink out.jsonl; } >"$dir/flow.yaml"

# ---- refused ---------------------------------------------------------------------------------------
offsets_of reset --to 0=99 --apply
same 'an offset that is not there' 1 "$code"
has 'says what is' "in/0 has the offsets 0 to 45, not 99" "$dir/offsets.err"
offsets_of reset --to 7=1
has 'a partition that is not there' 'there is no such partition' "$dir/offsets.err"
for wrong in 12 0=-1 0=x yesterday x=1; do
    offsets_of reset --to "$wrong"
    same "--to $wrong" 2 "$code"
done
offsets_of show --to earliest
same 'show with --to' 2 "$code"
start flow
until_true 30 grep -q assigned "$dir/flow.out"
before=$(stored)
offsets_of reset --to latest --apply
same 'a reset of a group in use' 1 "$code"
has 'says by whom' "group $run.g is in use by 1 member: stop every flow" "$dir/offsets.err"
end "$pid" 20
sed 's/type: kafka.*/type: generate, config: {count: 1}}/' "$dir/flow.yaml" >"$dir/other.yaml"
dfproc offsets show "$dir/other.yaml" >"$dir/offsets.out" 2>&1
same 'of another source' 1 $?
has 'says where to look' 'stores no offsets of its own' "$dir/offsets.out"
finish
