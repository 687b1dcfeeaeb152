#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# ctest: no-servers timeout=240
# What brokers do in the background: they compact, stamp records themselves, cut idle connections, forget
# the ids of idle writers, and make a topic because somebody asked for it. Each with a broker that does it
# within seconds.
folder=$(mktemp -d)
bed=$(cd "$(dirname "$0")/../../bed" && pwd)
"$bed/kafka" start --dir "$folder/kafka" --parent $$ --conf log.cleaner.backoff.ms=200 --conf log.initial.task.delay.ms=300 \
    --conf connections.max.idle.ms=3000 --conf transactional.id.expiration.ms=5000 \
    --conf transaction.remove.expired.transaction.cleanup.interval.ms=1000 --conf auto.create.topics.enable=true \
    --conf producer.id.expiration.ms=5000 --conf producer.id.expiration.check.interval.ms=500 >"$folder/env" || exit 1
. "$folder/env"
export DF_KAFKA
. "$(dirname "$0")/../kafka_lib.sh"
leave_all() { [ "$BASHPID" = $$ ] || return; leave; "$bed/kafka" stop --dir "$folder/kafka"; rm -rf "$folder"; }
trap leave_all EXIT
values() { kcat -b "$DF_KAFKA" -C -e -q -X isolation.level=read_committed -o beginning -t "$(name_of "$1")" -f "${2:-%s\n}"; }
exactly() { # NAME FROM TO [OPTIONS OF THE SINK]
    { echo 'deliveryGuarantee: exactlyOnce'
      source_of "$2" "$1" 'properties: {session.timeout.ms: 6000, heartbeat.interval.ms: 300}'; sink_to "$3" "${4:-}"; } >"$dir/$1.yaml"
}

# ---- idle for longer than brokers keep connections and ids: two flows that wait while the rest goes on ------
topic idle && topic idle_out && topic exact_out
{ source_of idle plain; sink_to idle_out; } >"$dir/plain.yaml"
exactly exact idle exact_out "transactionalId: $run-exact"
put_idle() { echo "{\"n\":$1}" | kcat -b "$DF_KAFKA" -P -t "$(name_of idle)"; }
arrived() { [ "$(values idle_out | wc -l) $(values exact_out | wc -l)" = "$1 $1" ]; }
start plain; plain=$pid
start exact; exact=$pid
put_idle 1
until_true 30 arrived 1 || bad "idle: the first record is not there: $(values idle_out | wc -l) $(values exact_out | wc -l)"
idle_since=$(now)

# ---- the id of a writer: the same at each start, another one on another host ----------------------------------
id_of() { dfproc explain "$1" | grep -o 'transactional.id [^ ]*'; }
exactly named idle named_out
same 'explain names the id, the same each time' "$(id_of "$dir/named.yaml")" "$(id_of "$dir/named.yaml")"
flow named 0
flow named 0
kcat -b "$DF_KAFKA" -C -e -q -o beginning -t __transaction_state -f '%k\n' | grep -ao 'dataflow[.].*' | sort -u >"$dir/ids"
same 'and the broker has it so' 1 "$(grep -cxF "$(id_of "$dir/named.yaml" | sed 's/transactional.id //')" "$dir/ids")"
same 'both runs had the same' 1 "$(grep -c 'named[.]' "$dir/ids")"
if unshare --user --map-root-user --uts true 2>/dev/null; then
    other=$(unshare --user --map-root-user --uts bash -c "hostname replica-7; dfproc explain '$dir/named.yaml'" | grep -o 'transactional.id [^ ]*')
    same 'another replica has another one' "$(id_of "$dir/named.yaml" | sed "s/$(hostname)\$/replica-7/")" "$other"
fi
same 'transactionalId is used as it is' "transactional.id $run-exact" "$(id_of "$dir/exact.yaml")"

# ---- holes of a compacted topic ---------------------------------------------------------------------------
topic holes 1 --config 'cleanup.policy=compact;min.cleanable.dirty.ratio=0.01;segment.bytes=6000;delete.retention.ms=0'
put_keys() { kcat -b "$DF_KAFKA" -P -X batch.num.messages=50 -t "$(name_of holes)" -K : "$@"; }
for ((i = 1; i <= 2000; i++)); do echo "k$((i % 7)):{\"n\":$i}"; done | put_keys
seq 3 | sed 's/.*/t&:/' | put_keys -Z # tombstones
for ((i = 2001; i <= 2300; i++)); do echo "k$((i % 7)):{\"n\":$i}"; done | put_keys
left() { values holes '%o %k %S\n'; }
compacted() { [ "$(left | wc -l)" -lt 1500 ]; }
until_true 60 compacted || bad "the broker compacts nothing: $(left | wc -l)"
topic holes_out
{ source_of holes holes; sink_to holes_out 'headers: {offset: metadata.offset}'; } >"$dir/holes.yaml"
before=$(left)
flow holes 0
if [ "$before" = "$(left)" ]; then # nothing was compacted meanwhile
    same 'holes: what is left is read, each once' "$(wc -l <<<"$before")" "$(summary received holes)"
    same 'holes: the offsets are those of the topic' "$(cut -d' ' -f1 <<<"$before")" "$(values holes_out '%h\n' | cut -d= -f2)"
fi
same 'holes: the group is at the end' '{"0":2303}' "$(offsets "$run.holes" holes)"
start holes holes --metrics-port 127.0.0.1:0
until_true 20 metric_is holes dataflow_watermark_lag_records 0 && ok 'holes: nothing is behind' || bad "holes: $(metric holes dataflow_watermark_lag_records) behind"
end "$pid" 20

# ---- a topic that is stamped by the broker -------------------------------------------------------------------
topic stamped 1 --config message.timestamp.type=LogAppendTime && topic created
old='{"n":1}'
{ echo "source: {type: kafka, config: {brokers: \"$DF_KAFKA\", topic: $(name_of created), consumerGroup: $run.created}}"; sink_to stamped; } >"$dir/stamp.yaml"
echo "$old" | kcat -b "$DF_KAFKA" -P -t "$(name_of created)"
begin=$(now)
flow stamp 0
stamp=$(values stamped '%T\n')
[ "$stamp" -ge "$begin" ] && ok 'append time: the time of writing counts' || bad "append time: $stamp, written after $begin"
{ source_of stamped stamped; file_sink stamped.jsonl; echo 'transformations: [{type: setField, config: {field: at, value: metadata.timestamp}}]'; } >"$dir/stamped.yaml"
{ source_of stamped stamped; sink_to stamped_out; } >"$dir/stamped.yaml"
flow stamped 0
same 'append time: it is the time of the record' "$stamp" "$(values stamped_out '%T\n')"
dfproc offsets reset "$dir/stamped.yaml" --to "$(date -u -d "@$((stamp / 1000)).$(printf %03d $((stamp % 1000)))" +%Y-%m-%dT%H:%M:%S.%3NZ)" --apply >"$dir/reset" 2>&1
same 'append time: a reset to it finds the record' '{"0":0}' "$(offsets "$run.stamped" stamped)"

# ---- the topic of a sink is made while others ask for it already ------------------------------------------------
# This broker makes a topic of one partition for whoever asks; nobody of ours may ask before the sink has made it.
for n in 1 2 3; do
    { source_of "race$n" race; file_sink race.jsonl; } >"$dir/reader.yaml"
    echo "{\"n\":$n}" >"$dir/race.in"
    { echo "source: {type: stdio, config: {path: $dir/race.in}}"; sink_to "race$n" 'topicCreate: {partitions: 12}'; } >"$dir/writer$n.yaml"
    start reader; reader=$pid
    flow "writer$n" 0
    same "together $n: the partitions asked for" 'with 12 partitions' "$(kcat -b "$DF_KAFKA" -L -t "$(name_of "race$n")" | grep -o 'with [0-9]* partitions')"
    read_it() { [ "$(grep -c "{\"n\":$n}" "$dir/race.jsonl" 2>/dev/null)" = 1 ]; }
    until_true 40 read_it && ok "together $n: it is read" || bad "together $n: not read"
    end "$reader" 20
done

# ---- a key is missing among many, in a compacted topic: it alone is refused -------------------------------------
topic keys 1 && topic keys_plain 1 --config cleanup.policy=compact && topic keys_exact 1 --config cleanup.policy=compact
for ((i = 1; i <= 500; i++)); do echo "k$i:{\"n\":$i}"; done >"$dir/keys"
{ head -n 250 "$dir/keys"; } | kcat -b "$DF_KAFKA" -P -t "$(name_of keys)" -K :
echo '{"n":"none"}' | kcat -b "$DF_KAFKA" -P -t "$(name_of keys)"
tail -n 250 "$dir/keys" | kcat -b "$DF_KAFKA" -P -t "$(name_of keys)" -K :
{ source_of keys keys_plain; sink_to keys_plain; } >"$dir/keys_plain.yaml"
exactly keys_exact keys keys_exact
# Without a transaction the broker may have taken the batch after the refused one; all of both comes again then.
last_of_each() { tac | awk '!seen[$0]++' | tac; }
for kind in keys_plain keys_exact; do
    echo "errors: {type: stdio, config: {path: $dir/$kind.errors}}" >>"$dir/$kind.yaml"
    flow $kind 0
    same "$kind: one is refused" '500 1' "$(summary sent $kind) $(grep -c '"n":"none"' "$dir/$kind.errors")"
    same "$kind: the others once, in order" "$(cat "$dir/keys")" "$(values $kind '%k:%s\n' | if [ $kind = keys_plain ]; then last_of_each; else cat; fi)"
done

# ---- and now the idle ones --------------------------------------------------------------------------------------
forgotten() { [ $(($(now) - idle_since)) -ge 10000 ]; }
until_true 20 forgotten
put_idle 2
begin=$(now)
until_true 20 arrived 2 || bad "after idling: $(values idle_out | wc -l) and $(values exact_out | wc -l) of 2"
took=$(($(now) - begin))
[ $took -le $((6000 * slack)) ] && ok "after idling: the next record is there ($took ms)" || bad "after idling: only after $took ms"
same 'nobody is taken for shut out' '' "$(grep -h 'another instance\|"level":"error"' "$dir/plain.out" "$dir/exact.out")"

# Stopped for longer than its id lives, while another one with that id has taken over: it adds nothing.
kill -STOP "$exact"
cp "$dir/exact.yaml" "$dir/taken.yaml"
start taken; taken=$pid
put_idle 3
three() { [ "$(values exact_out | wc -l)" = 3 ]; }
until_true 40 three || bad "taken over: $(values exact_out | wc -l) of 3"
idle_since=$(now)
until_true 20 forgotten
kill -CONT "$exact"
put_idle 4
four() { [ "$(values exact_out | wc -l)" -ge 4 ]; }
until_true 40 four || bad "woken: $(values exact_out | wc -l) of 4"
put_idle 5
five() { [ "$(values exact_out | wc -l)" -ge 5 ]; }
until_true 40 five || { bad "after that: $(values exact_out | wc -l) of 5"; tail -n 3 "$dir/exact.out" "$dir/taken.out" | cut -c1-300; }
same 'woken after its id was forgotten: each record once' '1 2 3 4 5' "$(values exact_out | grep -o '[0-9]*' | paste -sd' ')"
for p in "$plain" "$exact" "$taken"; do end "$p" 20; done
finish
