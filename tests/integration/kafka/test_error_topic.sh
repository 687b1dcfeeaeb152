#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# errorTopic: with exactlyOnce refused records are in the transaction of the others: each is there once, with
# its bytes, key and headers, after kills too; and none of an aborted transaction.
. "$(dirname "$0")/../kafka_lib.sh"
committed() { kcat -b "$DF_KAFKA" -C -e -q -X isolation.level=read_committed -o beginning -t "$(name_of "$1")" -f "${2:-%s\n}"; }
exactly() { # NAME "transformations"
    { echo 'deliveryGuarantee: exactlyOnce'
      source_of in "$1" 'instanceId: e, properties: {session.timeout.ms: 6000, heartbeat.interval.ms: 300}'
      echo "transformations: $2"
      sink_to "$1" "errorTopic: $(name_of "$1.errors"), compression: none, headers: {by: us}, key: \$.id"; } >"$dir/$1.yaml"
}

# ---- what is refused by whom ------------------------------------------------------------------------------
topic in 2
put() { kcat -b "$DF_KAFKA" -P -t "$(name_of in)" -p 0 "$@"; }
echo '{"id":"a","n":1}' | put -k a -H trace=7
echo '{"id":"b","n":"x"}' | put -k b -H trace=8 -H trace=9
echo '{"id":"c","n":"y"}' | put -k c
printf '{"id":"d","n":4,"x":"%s"}\n' "$(printf 'x%.0s' {1..30000})" | put -k d -X message.max.bytes=2000000
echo '{"id":"e","n":5}' | put -k e
topic both 1 --config max.message.bytes=20000 && topic both.errors
exactly both '[{type: cast, config: {spec: {n: int64}}}]'
flow both 0
same 'counts' '5 2 3' "$(summary received both) $(summary sent both) $(summary errored both)"
same 'what is in order' 'a|trace=7,by=us|{"id":"a","n":1}
e|by=us|{"id":"e","n":5}' "$(committed both '%k|%h|%s\n')"
same 'the others, with key and headers as they came' 'b|trace=8,trace=9 c| d|' "$(committed both.errors '%k|%h\n' | sort | paste -sd' ')"
same 'by the transformation, and by the broker' 'transform transform write' "$(committed both.errors | grep -o '"stage":"[a-z]*"' | cut -d'"' -f4 | sort | paste -sd' ')"
same 'with their bytes' '"original_message":{"id":"b","n":"x"}' "$(committed both.errors | grep -o '"original_message":{"id":"b","n":"x"}')"
flow both 0
same 'and their offsets are committed' 0 "$(summary received both)"

# ---- kills -------------------------------------------------------------------------------------------------
produce in --count 6000 --from 100 --partitions 2 --keys 50
for ((i = 0; i < 40; i++)); do echo "{\"id\":\"bad\",\"n\":\"x$i\"}"; done | kcat -b "$DF_KAFKA" -P -t "$(name_of in)"
produce in --count 6000 --from 6100 --partitions 2 --keys 50
topic kills 2 && topic kills.errors
exactly kills '[{type: cast, config: {spec: {n: int64}}}]'
sed -i 's/, key: $.id//' "$dir/kills.yaml"
died=0
for ((i = 1; i <= 6; i++)); do
    { DF_CRASH_AT=$([ $((i % 2)) = 1 ] && echo kafka.txn.commit || echo kafka.txn.committed):$i timeout --foreground -k 5 60 \
        dfproc run "$dir/kills.yaml" --until-exhausted >"$dir/kills.out" 2>&1; } 2>/dev/null
    [ $? = 137 ] && died=$((died + 1))
done
flow kills 0
grep -qs DF_CRASH_AT "${DF_BUILD_DIR:-}/lib/libdataflow.so" && [ $died = 0 ] && bad 'it did not die'
audit "$died deaths: every record once" --source topic --topic "$(name_of kills)" --expect-count 12000 --expect-unparsed 3 --max-duplicates 0
same "$died deaths: every refused one once" "$( (echo x; for ((i = 0; i < 40; i++)); do echo "x$i"; done) | sort)" \
    "$(committed kills.errors | grep -o '"n":"x[0-9]*"' | cut -d'"' -f4 | sort)"

# ---- rules ---------------------------------------------------------------------------------------------------
rule() { # NAME WORDS: of $dir/rule.yaml
    dfproc validate "$dir/rule.yaml" >"$dir/rule.out" 2>&1
    has "$1" "$2" "$dir/rule.out"
}
grep -v deliveryGuarantee "$dir/both.yaml" >"$dir/rule.yaml"
rule 'without exactlyOnce' 'errorTopic: needs deliveryGuarantee: exactlyOnce'
{ cat "$dir/both.yaml"; echo "errors: {type: stdio, config: {path: $dir/x}}"; } >"$dir/rule.yaml"
rule 'beside an error sink' 'takes error records into its own transaction: remove the error sink'
sed 's/errorTopic: [^,]*/errorTopic: a b/' "$dir/both.yaml" >"$dir/rule.yaml"
rule 'no name of a topic' 'errorTopic: is not the name of a topic'
sed "s/errorTopic: [^,]*/errorTopic: $(name_of both)/" "$dir/both.yaml" >"$dir/rule.yaml"
rule 'the same topic' 'errorTopic: must be another one than topic'

# ---- topicCreate is about the topic of the others ----------------------------------------------------------------
topic made.errors
exactly made '[{type: cast, config: {spec: {n: int64}}}]'
sed -i 's/compression: none/compression: none, topicCreate: {partitions: 2, config: {cleanup.policy: compact}}/; s/, key: $.id//' "$dir/made.yaml"
echo '{"n":"keyless"}' | put
flow made 0
same 'an error record without a key is taken' 1 "$(committed made.errors | grep -c keyless)"
same 'and nothing is said of its topic' '' "$(grep 'made.errors' "$dir/made.out")"

dfproc replay "$dir/both.yaml" >"$dir/replay.out" 2>&1
same 'replay: exit code' 2 $?
has 'replay says what to do' 'in the errorTopic of its sink: name that topic with errors' "$dir/replay.out"
finish
