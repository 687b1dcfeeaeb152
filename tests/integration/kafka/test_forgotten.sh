#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# ctest: no-servers
# The broker forgets the offsets of a group without members. With a mark of its own a flow knows that it
# had a position: it stops, or goes on as it was told; one that never ran begins as it is configured.
folder=$(mktemp -d)
bed=$(cd "$(dirname "$0")/../../bed" && pwd)
"$bed/kafka" start --dir "$folder/kafka" --parent $$ --conf offsets.retention.minutes=1 --conf offsets.retention.check.interval.ms=1000 >"$folder/env" || exit 1
. "$folder/env"
export DF_KAFKA
. "$(dirname "$0")/../kafka_lib.sh"
leave_all() { [ "$BASHPID" = $$ ] || return; leave; "$bed/kafka" stop --dir "$folder/kafka"; rm -rf "$folder"; }
trap leave_all EXIT
put() { seq "$1" "$2" | sed 's/.*/{"n":&}/' | kcat -b "$DF_KAFKA" -P -t "$(name_of in)"; }
rows() { cat "$dir/$1.jsonl" 2>/dev/null | wc -l; }
marked() { # NAME OPTIONS
    { source_of in "$1" "markFile: $dir/marks, $2"; file_sink "$1.jsonl"; } >"$dir/$1.yaml"
}
topic in && topic out
put 1 100
marked stops 'startFrom: earliest'
marked skips 'startFrom: latest, onOffsetOutOfRange: earliest'
marked onward 'startFrom: earliest, onOffsetOutOfRange: latest'
{ source_of in plain; file_sink plain.jsonl; } >"$dir/plain.yaml"
{ echo 'deliveryGuarantee: exactlyOnce'
  source_of in exact "markFile: $dir/marks, properties: {session.timeout.ms: 6000, heartbeat.interval.ms: 300}"; sink_to out "transactionalId: $run"; } >"$dir/exact.yaml"
for name in stops skips onward plain; do flow $name 0; done
start exact exact --log-level debug
until_true 60 grep -q 'holds offsets of all partitions' "$dir/exact.out" || bad 'exactly once: not read'
end "$pid" 20
same 'the first runs: all of it, or the end' '100 0 100 100' "$(rows stops) $(rows skips) $(rows onward) $(rows plain)"
cp "$dir/stops.yaml" "$dir/again.yaml"
put 101 110
flow again 0
same 'a second run goes on' 10 "$(summary received again)"
forgotten() { [ "$(offsets "$run.stops" in)$(offsets "$run.skips" in)$(offsets "$run.onward" in)$(offsets "$run.plain" in)$(offsets "$run.exact" in)" = '{"0":-1}{"0":-1}{"0":-1}{"0":-1}{"0":-1}' ]; }
until_true 150 forgotten || bad "the broker forgets nothing: $(offsets "$run.stops" in)"
put 111 120
vanished="$(name_of in) partition 0: the group $run.[a-z]* had an offset and has none any more"
for name in stops exact; do
    flow $name 1
    has "$name: it stops and says why" "$vanished.*dfproc offsets reset" "$dir/$name.out"
    flow $name 1
    has "$name: as often as it is started" "$vanished" "$dir/$name.out"
    same "$name: nothing is read" 0 "$(summary received $name)"
done
flow skips 0
has 'told to go on at the earliest: it says so' "$vanished.*going on at the earliest" "$dir/skips.out"
same 'told to go on at the earliest: all of it' 120 "$(summary received skips)"
flow onward 0
same 'told to go on at the latest: nothing of what is there' 0 "$(summary received onward)"
put 121 125
flow onward 0
same 'and then what comes' 5 "$(summary received onward)"
flow plain 0
same 'without a mark it begins as the first time' 125 "$(summary received plain)"
dfproc offsets reset "$dir/stops.yaml" --to "0=110" --apply >"$dir/reset.out" 2>&1 || bad "reset: $(cat "$dir/reset.out")"
flow stops 0
same 'set by hand it goes on there' 15 "$(summary received stops)"
marked fresh 'startFrom: earliest'
flow fresh 0
same 'one that never ran begins as it is configured' 125 "$(summary received fresh)"
printf '+ %s/0 %s' "$(name_of in)" "$run.tor" >>"$dir/marks" # as a crash leaves a line
marked torn 'startFrom: earliest'
flow torn 0
same 'half a mark is none' 125 "$(summary received torn)"
same 'and the next one is whole' 1 "$(grep -cx "+ $(name_of in)/0 $run.torn" "$dir/marks")"
finish
