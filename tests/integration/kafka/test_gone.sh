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
flow old 0
has 'told to go on: it says what it passes over' 'does not have offset 100; going on at the earliest' "$dir/old.out"
[ "$(rows_of old)" -gt 100 ] && ok 'told to go on: it does' || bad 'told to go on: nothing was read'
finish
