#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# ctest: timeout=300
# dfproc replay: refused records out of a topic, a table and a file go through the flow once more, with
# their bytes, keys and headers; a second call does the rest, also after kill -9 in the middle.
. "$(dirname "$0")/../kafka_lib.sh"
: "${DF_PG:?a PostgreSQL is needed: tests/bed/with-servers $0}"
table=df_replay_$$_$RANDOM
sql() { PGOPTIONS="-c client_min_messages=error" psql "$DF_PG" -XqAt -v ON_ERROR_STOP=1 -c "$1"; }
trap '[ "$BASHPID" = $$ ] && { sql "drop table if exists $table, ${table}_out, ${table}_two, ${table}_at"; leave; }' EXIT

replay() { # NAME [OPTIONS]: output in $dir/replay.out, $dir/replay.err, exit code in $code
    timeout --foreground -k 5 120 dfproc replay "$dir/$1.yaml" "${@:2}" >"$dir/replay.out" 2>"$dir/replay.err"
    code=$?
}
count() { grep -o "^ *[0-9]*  $1" "$dir/replay.out" | grep -o '[0-9]*' | head -n 1; }
shape() { kcat -b "$DF_KAFKA" -C -e -q -o beginning -t "$(name_of "$1")" -f '%K|%k|%h|%S|%s\n' | sort; }

# ---- a topic: bytes, keys and headers ----------------------------------------------------------------
topic in 2 && topic errors 2 && topic out 2
put() { kcat -b "$DF_KAFKA" -P -t "$(name_of in)" "$@"; }
printf '{"n": "x" ,"big":9007199254740993,"e":1e2}\n{"n":"\xc3\xa9\\u00e9\\/"}\n' | put -k key -H a=1 -H a=2 -H "b="
printf 'no json\n' | put -H nothing
printf '{"n":"y"}\n' | put -k $'\x01\xff\x02' -H $'bin=\xff\xfe'
printf '"text"\n[1, 2]\n{"original_data":"\\"x\\""}\n"x"\n' | put -k ''
flow_with() { # NAME TRANSFORMATIONS ERRORS [SINK]
    { source_of in "$1"; echo "transformations: $2"; [ -n "${4:-}" ] && echo "$4" || sink_to out; echo "errors: $3"; } >"$dir/$1.yaml"
}
to_errors="{type: kafka, config: {brokers: \"$DF_KAFKA\", topic: $(name_of errors)}}"
flow_with strict '[]' "$to_errors" "$(sink_to out 'format: avro, avroSchema: "\"long\""')"
flow strict 0
same 'all are refused' 8 "$(summary errored strict)"
flow_with mended '[]' "$to_errors"
replay mended
same 'shown' '0 8' "$code $(count 'to replay')"
has 'by stage' '  write  ' "$dir/replay.out"
has 'and nothing done' 'nothing was replayed; --apply does it' "$dir/replay.err"
same 'nothing arrived' '' "$(shape out)"
replay mended --limit 2
same 'two at most are shown' 2 "$(count 'to replay')"
replay mended --apply --limit 3
same 'three of them' '0 3' "$code $(count replayed:)"
replay mended --apply
same 'the rest' '5 3' "$(count replayed:) $(count 'replayed before')"
replay mended --apply --json
has 'a second time nothing' '"replay":0,"replayed_before":8' "$dir/replay.out"
same 'keys, headers and bytes as they came' "$(shape in)" "$(shape out)"

# ---- refused once more: not stacked, counted ------------------------------------------------------------
cp "$dir/strict.yaml" "$dir/mended.yaml"
printf '{"n":"late"}\n' | put -k late
flow mended 0
replay mended --apply
same 'one is refused once more' 1 "$(grep -c '1 refused once more' "$dir/replay.out")"
same 'with a counter, as the record it was' '"replays":1 {"n":"late"}' "$(kcat -b "$DF_KAFKA" -C -e -q -o beginning \
    -t "$(name_of errors)" -f '%s\n' | sed -n 's/.*\("replays":1\).*"original_message":\({[^}]*}\).*/\1 \2/p')"
replay mended --partition "$(name_of in)/0" --partition "$(name_of in)/1"
same 'under the partition it came from' '1 9' "$(count 'to replay') $(count 'replayed before')"
replay mended --partition other/0
same 'another partition' '0 1' "$(count 'to replay') $(count 'not chosen')"

# ---- bytes that only the source can read go through its codec again ---------------------------------------
topic avro && topic decoded
echo '{"n":"x","l":9007199254740993}' >"$dir/values"
schema='{\"type\":\"record\",\"name\":\"R\",\"fields\":[{\"name\":\"n\",\"type\":\"string\"},{\"name\":\"l\",\"type\":\"long\"}]}'
{ echo "source: {type: stdio, config: {path: $dir/values}}"; sink_to avro "format: avro, avroSchema: \"$schema\""; } >"$dir/encode.yaml"
flow encode 0
printf 'no avro' | kcat -b "$DF_KAFKA" -P -t "$(name_of avro)"
decoding() { # TRANSFORMATIONS [SCHEMA]
    { source_of avro decode "format: avro, avroSchema: \"${2:-$schema}\""; echo "transformations: $1"; sink_to decoded
      echo "errors: {type: stdio, config: {path: $dir/avro.errors}}"; } >"$dir/decode.yaml"
}
decoding '[{type: cast, config: {spec: {n: int64}}}]'
flow decode 0
same 'one is refused by the source, one behind it' 'read
transform' "$(grep -o '"stage":"[a-z]*"' "$dir/avro.errors" | cut -d'"' -f4 | sort)"
decoding '[]'
replay decode
same 'both are shown' '0 2' "$code $(count 'to replay')"
replay decode --apply
same 'one is decoded, one refused once more' '2 1' "$(count replayed:) $(grep -c '1 sent, 0 filtered, 1 refused once more' "$dir/replay.out")"
decoded() { kcat -b "$DF_KAFKA" -C -e -q -o beginning -t "$(name_of decoded)" -f '%s\n'; }
same 'as the source reads it' '{"n":"x","l":9007199254740993}' "$(decoded)"
same 'refused by the codec as before, with its bytes' 'read bm8gYXZybw== 1' "$(tail -n 1 "$dir/avro.errors" |
    sed 's/.*"stage":"\([a-z]*\)".*"replays":\([0-9]*\).*"original_base64":"\([^"]*\)".*/\1 \3 \2/')"
# What was written by another schema than the flow had: with the right one it is read.
printf '{"n":"y","l":1}\n{"n":"z","l":-2}\n' >"$dir/values"
flow encode 0
decoding '[]' '\"long\"'
flow decode 0
same 'a wrong schema refuses them' 2 "$(summary errored decode)"
decoding '[]'
replay decode --apply --stage read
same 'the right one reads them' '{"n":"x","l":9007199254740993} {"n":"y","l":1} {"n":"z","l":-2}' "$(decoded | paste -sd' ')"

# ---- a thousand of each kind of key and header; ten fail again; kill -9 in the middle ------------------------
topic many_in 2 && topic many_errors 2 && topic many_out 2
kind() { # FIRST LAST OPTIONS OF kcat
    seq "$1" "$2" | awk '{printf "{\"n\":\"x\",\"i\":%d,\"m\":%s}\n", $1, $1 % 100 == 50 ? "\"no\"" : $1}' | kcat -b "$DF_KAFKA" -P -t "$(name_of many_in)" "${@:3}"
}
kind 0 332 -H a=1 -H a=2 -H none -H a= # a header without a value, and an empty one
kind 333 665 -k '' -H a -H a
kind 666 999 -k $'\x01\xff\x02\xc3'
for name in many mended_many; do
    { source_of many_in many; sink_to many_out
      echo "transformations: [{type: cast, config: {spec: {$([ $name = many ] && echo n || echo m): int64}}}]"
      echo "errors: {type: kafka, config: {brokers: \"$DF_KAFKA\", topic: $(name_of many_errors)}}"; } >"$dir/$name.yaml"
done
flow many 0
same 'a thousand are refused' 1000 "$(summary errored many)"
DF_CRASH_AT=kafka.report:500 timeout --foreground 60 dfproc replay "$dir/mended_many.yaml" --apply >"$dir/killed.out" 2>&1
[ $? = 137 ] && ok 'killed half way' || echo 'skipped  killed half way: no crash points in this build'
replay mended_many --apply # once the session of the killed one has ended
same 'and then again: it ends' 0 "$code"
good() { shape "$1" | grep -av '"m":"no"' | sort -u; }
same 'each of the thousand but ten, as it came' "$(good many_in)" "$(good many_out)"
same 'those are 990' 990 "$(good many_out | wc -l)"
failed_again() { # COUNTER: how many error records have it, of how many records
    kcat -b "$DF_KAFKA" -C -e -q -o beginning -t "$(name_of many_errors)" -f '%s\n' | grep "\"replays\":$1[,}]" | grep -o '"i":[0-9]*' | sort -u | wc -l
}
same 'ten failed again' 10 "$(failed_again 1)"
replay mended_many --apply
has 'a third call has those alone' ' 0 sent, 0 filtered, [1-9][0-9]* refused once more' "$dir/replay.out"
same 'with a counter, and not stacked' '10 0' "$(failed_again 2) $(kcat -b "$DF_KAFKA" -C -e -q -o beginning -t "$(name_of many_errors)" -f '%s\n' | grep -c 'original_message.*original_message')"

# ---- a file; kill -9 in the middle -----------------------------------------------------------------------
seq 3000 | sed "s/.*/{\"n\":\"$(printf 'x%.0s' {1..200})\",\"i\":&}/" >"$dir/lines"
file_flow() { # NAME TRANSFORMATIONS SINK
    { echo "source: {type: stdio, config: {path: $dir/lines}}"; echo "transformations: $2"
      echo "sink: $3"; echo "errors: {type: stdio, config: {path: $dir/refused.jsonl}}"; } >"$dir/$1.yaml"
}
file_flow refusing '[{type: cast, config: {spec: {n: int64}}}]' '{type: "null"}'
flow refusing 0
file_flow slow '[]' "{type: stdio, config: {path: $dir/fifo}}"
mkfifo "$dir/fifo"
exec 3<>"$dir/fifo"
dfproc replay "$dir/slow.yaml" --apply >"$dir/killed.out" 2>&1 &
pid=$!
flows+=("$pid")
for ((i = 0; i < 1500; i++)); do IFS= read -r -t 30 line <&3 || break; echo "$line"; done >"$dir/first"
same 'a half arrives' 1500 "$(wc -l <"$dir/first")"
kill -KILL "$pid"
wait "$pid" 2>/dev/null
while IFS= read -r -t 0.2 line <&3; do echo "$line"; done >>"$dir/first"
exec 3<&-
file_flow slow '[]' "{type: stdio, config: {path: $dir/rest}}"
replay slow --apply
has 'says what it was' 'did not come to its end: .* at most 1000 records' "$dir/replay.err"
same 'every record arrived' 3000 "$(cat "$dir/first" "$dir/rest" | grep '^{.*}$' | sort -u | wc -l)"
twice=$(($(cat "$dir/first" "$dir/rest" | grep -c '^{.*}$') - 3000))
if [ $twice -le 1000 ] && [ "$(wc -l <"$dir/rest")" -lt 3000 ]; then ok 'the rest only'; else bad "$twice twice, $(wc -l <"$dir/rest") at the end"; fi
printf 0123 >>"$(echo "$dir"/state/dataflow/slow.yaml-*.replayed)" # as a crash leaves a line
replay slow --apply
same 'a third call has nothing' '0 3000' "$(count replayed:) $(count 'replayed before')"

# ---- into a sink that holds positions: not twice, even without the file ------------------------------------
head -n 500 "$dir/refused.jsonl" >"$dir/few" && mv "$dir/few" "$dir/refused.jsonl"
sql "create table ${table}_out (n text, i int)"
file_flow exact '[]' "{type: postgresql, config: {connectionString: \"\${env:DF_PG}\", table: ${table}_out, positionsTable: ${table}_at}}"
echo 'deliveryGuarantee: exactlyOnce' >>"$dir/exact.yaml"
replay exact --apply
same 'exactly once' '500 500' "$(count replayed:) $(sql "select count(*) from ${table}_out")"
sed -i '/^[0-9a-f]*$/d' "$dir"/state/dataflow/exact.yaml-*.replayed
replay exact --apply
same 'the sink knows them' '0 500' "$(count replayed:) $(sql "select count(*) from ${table}_out")"

# ---- the disk of the file fails now and then: the source is opened again, and nothing is left out -----------
shim=$(ls "${DF_BUILD_DIR:-}"/lib/ioshim.so 2>/dev/null)
[ "${DF_SANITIZE:-}" = address ] && shim="$(gcc -print-file-name=libasan.so) $shim"
topic two 2
flow_of_two() { # NAME TRANSFORMATIONS SINK
    { source_of two two; echo "transformations: $2"; echo "sink: $3"; echo "errors: {type: stdio, config: {path: $dir/two.jsonl}}"; } >"$dir/$1.yaml"
}
flow_of_two refuse '[{type: cast, config: {spec: {n: int64}}}]' '{type: "null"}'
flow_of_two two '[]' "{type: postgresql, config: {connectionString: \"\${env:DF_PG}\", table: ${table}_two, positionsTable: ${table}_at}}"
echo 'deliveryGuarantee: exactlyOnce' >>"$dir/two.yaml"
sql "create table ${table}_two (n text, i int)"
more() { # three refused records for each of the two partitions
    for part in 0 1; do
        for i in 1 2 3; do echo "{\"n\":\"x\",\"i\":$((total + part * 3 + i))}"; done | kcat -b "$DF_KAFKA" -P -t "$(name_of two)" -p $part
    done
    flow refuse 0
    total=$((total + 6))
}
of_two() { sql "select count(*), count(distinct i) from ${table}_two" | tr '|' ' '; }
opened_again=0 total=0
for ((seed = 1; seed <= 80 && opened_again < 1; seed++)); do
    more
    [ $seed = 1 ] || cp "$dir"/state/dataflow/two.yaml-*.replayed "$dir/before"
    replay two --apply
    [ $seed = 1 ] || cp "$dir/before" "$dir"/state/dataflow/two.yaml-*.replayed # as if a crash had kept the last ones out
    more
    LD_PRELOAD=$shim DF_IOSHIM=$seed:40000:$dir/state replay two --apply
    [ "$code" = 0 ] || { replay two --apply; continue; }
    grep -q 'replayed cannot be written' "$dir/replay.err" || continue
    opened_again=$((opened_again + 1))
    same "disk $seed fails, the source is opened again: all, each once" "$total $total" "$(of_two)"
done
[ "$opened_again" -gt 0 ] && ok "opened again $opened_again times" || bad 'no source was opened again'
same 'a disk that fails: each once' "$total $total" "$(of_two)"

# ---- a table, filters ---------------------------------------------------------------------------------
printf '%s\n' '{"n":"x"}' 'broken' '{"n":"y","m":1.50}' >"$dir/lines"
to_table="{type: postgresql, config: {connectionString: \"\${env:DF_PG}\", table: $table}}"
sql "create table $table (error json, original_message json, original_base64 text, key_base64 text, headers_base64 json)"
sed "s|^errors: .*|errors: $to_table|" "$dir/refusing.yaml" >"$dir/tabled.yaml"
flow tabled 0
sed "s|^transformations: .*|transformations: []|; s|^sink: .*|sink: {type: stdio, config: {path: $dir/table.out, format: text}}|" "$dir/tabled.yaml" >"$dir/table.yaml"
replay table --apply --reason cast
same 'by reason' '2 1' "$(count replayed:) $(count 'not chosen')"
replay table --apply --since 2000-01-01T00:00:00Z --until 2000-01-02T00:00:00Z
same 'by time' '0 1' "$(count replayed:) $(count 'not chosen')"
replay table --apply --stage read
same 'by stage' "$(sort "$dir/lines")" "$(sort "$dir/table.out")"

# ---- what cannot be ------------------------------------------------------------------------------------
replay table --since yesterday
same 'no time' 2 "$code"
sed '/^errors/d' "$dir/table.yaml" >"$dir/none.yaml"
replay none
same 'no error sink' '2 1' "$code $(grep -c 'the flow has none' "$dir/replay.err")"
finish
