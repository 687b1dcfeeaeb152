#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# ctest: no-servers
# What was to be read is gone: the topic was deleted and made anew, or the broker deleted the oldest
# records first. The flow stops and says where; it begins elsewhere only when it was told to.
folder=$(mktemp -d)
bed=$(cd "$(dirname "$0")/../../bed" && pwd)
"$bed/kafka" start --dir "$folder/kafka" --parent $$ --conf auto.create.topics.enable=false --conf log.segment.bytes=120000 \
    --conf log.retention.check.interval.ms=300 --conf log.initial.task.delay.ms=300 --conf log.segment.delete.delay.ms=100 \
    >"$folder/env" || exit 1
. "$folder/env"
export DF_KAFKA
. "$(dirname "$0")/../kafka_lib.sh"
leave_all() { [ "$BASHPID" = $$ ] || return; leave; "$bed/kafka" stop --dir "$folder/kafka"; rm -rf "$folder"; }
trap leave_all EXIT
rows_of() { cat "$dir/$1.jsonl" 2>/dev/null | wc -l; }
rows_are() { [ "$(rows_of "$1")" = "$2" ]; }
ended() { ! kill -0 "$pid" 2>/dev/null; }

# ---- deleted and made anew while it is read -----------------------------------------------------------
anew() { # NAME SECONDS_BETWEEN POLICY
    topic "$1" 2 && produce "$1" --count 1000 --partitions 2
    { source_of "$1" "$1" "onOffsetOutOfRange: $3"; file_sink "$1.jsonl"; } >"$dir/$1.yaml"
    start "$1"
    until_true 30 rows_are "$1" 1000 || { bad "$1: not read"; finish; }
    dfaudit topic delete --topic "$(name_of "$1")" 2>/dev/null
    sleep "$2"
    until_true 30 topic "$1" 2 || bad "$1: not made anew"
    produce "$1" --count 200 --from 5000 --partitions 2
}
for between in 0 5; do
    anew "stop$between" $between stop
    until_true 40 ended || bad "made anew after $between s: it did not stop"
    end "$pid" 1
    same "made anew after $between s: it stops" 1 "$code"
    has "made anew after $between s: it says where" "$(name_of "stop$between") partition [01]: the broker does not have offset 500" "$dir/stop$between.out"
    same "made anew after $between s: nothing of the new one was passed over" 1000 "$(rows_of "stop$between")"
    dfaudit group set --group "$run.stop$between" --topic "$(name_of "stop$between")" --from 0 >/dev/null 2>&1
    flow "stop$between" 0
    audit "made anew after $between s: with the group's offset set it reads all of it" --source jsonl --file "$dir/stop$between.jsonl" --count 200 --from 5000 \
        --expect-count 1200 --max-duplicates 0
done
anew again 0 earliest
until_true 40 rows_are again 1200 && ok 'made anew, told to go on at the earliest: it does' || bad "made anew, earliest: $(rows_of again) of 1200"
end "$pid" 10
same 'made anew, told to go on: ends in order' 0 "$code"

# ---- the same with exactly-once, where the sink commits -------------------------------------------------
topic exact && topic copies && produce exact --count 500
{ echo 'deliveryGuarantee: exactlyOnce'; source_of exact exact; sink_to copies; } >"$dir/exact.yaml"
start exact exact --log-level debug
until_true 60 grep -q 'holds offsets of all partitions' "$dir/exact.out" || bad 'exactly once: not read'
dfaudit topic delete --topic "$(name_of exact)" 2>/dev/null
until_true 30 topic exact || bad 'exactly once: not made anew'
produce exact --count 900 --from 5000
until_true 60 ended || bad 'exactly once: it did not stop'
end "$pid" 1
same 'exactly once, made anew: it stops' 1 "$code"
has 'exactly once, made anew: it says where' "$(name_of exact) partition 0: the broker does not have offset 500" "$dir/exact.out"
flow exact 0
audit 'exactly once, made anew: the next run reads all of it, once' --source topic --topic "$(name_of copies)" --expect-count 1400 --max-duplicates 0

# ---- deleted, made anew and filled past the old offset while nobody looks --------------------------------
# The process stands still meanwhile: its client never sees that the topic was away.
unseen() { # NAME POLICY
    topic "$1" && produce "$1" --count 5
    { source_of "$1" "$1" "onOffsetOutOfRange: $2"; file_sink "$1.jsonl"; } >"$dir/$1.yaml"
    start "$1"
    until_true 30 rows_are "$1" 5 || bad "$1: not read"
    until_true 30 committed_is "$1" 5 || bad "$1: not committed"
    kill -STOP "$pid"
    dfaudit topic delete --topic "$(name_of "$1")" 2>/dev/null
    until_true 30 topic "$1" || bad "$1: not made anew"
    produce "$1" --count 8 --from 100
    kill -CONT "$pid"
}
committed_is() { [ "$(offsets "$run.$1" "$1" | sum_of)" = "$2" ]; }
all_of_new() { [ "$(sort -u "$dir/$1.jsonl" | wc -l)" = 13 ]; }
unseen unseen stop
until_true 40 ended && ok 'made anew unseen: it stops' || bad 'made anew unseen: it did not stop'
end "$pid" 20
same 'made anew unseen: exit code' 1 "$code"
has 'made anew unseen: it says why' "$(name_of unseen) partition 0: the broker does not have offset 5 any more: the topic was deleted" "$dir/unseen.out"
same 'made anew unseen: no offset of the old one is committed in the new one' '{"0":-1}' "$(offsets "$run.unseen" unseen)"
flow unseen 0
all_of_new unseen && ok 'made anew unseen: the next run reads all of it' || bad "made anew unseen: $(wc -l <"$dir/unseen.jsonl") rows"
unseen onward earliest
until_true 40 all_of_new onward && ok 'made anew unseen, earliest: all of it is read' || bad "made anew unseen, earliest: $(rows_of onward) rows"
until_true 20 committed_is onward 8 && ok 'made anew unseen, earliest: committed' || bad "made anew unseen, earliest: $(offsets "$run.onward" onward)"
end "$pid" 20
same 'made anew unseen, earliest: ends in order' 0 "$code"

# ---- the oldest were deleted before they were read -------------------------------------------------------
first_offset() { kcat -b "$DF_KAFKA" -Q -t "$(name_of old):0:-2" 2>/dev/null | grep -o '[0-9]*$'; }
deleted() { [ "$(first_offset)" -gt 100 ]; }
topic old 1 --config retention.bytes=120000
produce old --count 100
{ source_of old old; file_sink old.jsonl; } >"$dir/old.yaml"
flow old 0
for i in 1 2 3 4 5 6 7 8 9; do produce old --count 400 --from $((i * 400)) --size 300; done
until_true 60 deleted || bad "the broker deletes nothing: $(first_offset)"
flow old 1
has 'deleted before they were read: it stops and says where' "$(name_of old) partition 0: offset 100 does not exist any more" "$dir/old.out"
same 'nothing else was read' 100 "$(rows_of old)"
same 'nothing else was committed' '{"0":100}' "$(offsets "$run.old" old)"
{ source_of old old 'onOffsetOutOfRange: earliest'; file_sink old.jsonl; } >"$dir/old.yaml"
start old old --metrics-port 127.0.0.1:0
all_of_old() { [ "$(rows_of old)" = $((100 + 3700 - $(first_offset))) ]; }
until_true 30 all_of_old && ok 'told to go on: it does' || bad "told to go on: $(rows_of old) rows, the first offset is $(first_offset)"
has 'told to go on: it says what it passes over' 'does not have offset 100; going on at the earliest' "$dir/old.out"
same 'told to go on: what it passed over is counted' $(($(first_offset) - 100)) "$(metric old dataflow_kafka_lost_offsets_total)"
end "$pid" 20

# ---- deleted, and asked to stop --------------------------------------------------------------------------
# Told to go on, since the flow that finds the group's offsets gone first ends with 1 by itself.
topic away && produce away --count 5
{ source_of away away 'onOffsetOutOfRange: earliest'; file_sink away.jsonl; } >"$dir/away.yaml"
start away
until_true 30 rows_are away 5 || bad 'away: not read'
dfaudit topic delete --topic "$(name_of away)" 2>/dev/null
until_true 30 grep -q 'was it deleted' "$dir/away.out" || bad 'away: not told'
end "$pid" 15
same 'deleted, and asked to stop: it ends' 0 "$code"
finish
