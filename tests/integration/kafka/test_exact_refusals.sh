#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# ctest: no-servers
# Exactly-once, and brokers that do not take a transaction: a record over the topic's limit among a
# thousand, no right to write the topic, a broker that stands still for longer than a record may take. A
# transaction is committed only when every record of it is in; only what is to blame is refused.
bed=${DF_BED:-$(dirname "$0")/../../bed}
folder=$(mktemp -d)
trap '[ "$BASHPID" = $$ ] && { "$bed/kafka" stop --dir "$folder/kafka"; rm -rf "$folder"; }' EXIT
"$bed/kafka" start --dir "$folder/kafka" --parent $$ --secure >"$folder/env" || exit 1
set -a
. "$folder/env"
set +a
. "$(dirname "$0")/../kafka_lib.sh"
trap '[ "$BASHPID" = $$ ] && { leave; "$bed/kafka" stop --dir "$folder/kafka"; rm -rf "$folder"; }' EXIT
java() { set -f; $DF_KAFKA_JAVA "$@"; local rc=$?; set +f; return $rc; }
exactly() { # NAME FROM TO [OPTIONS OF THE SINK [BROKER OF THE SINK]]
    { echo 'deliveryGuarantee: exactlyOnce'
      source_of "$2" "$1" 'properties: {session.timeout.ms: 6000, heartbeat.interval.ms: 300}'
      sink_to "$3" "transactionalId: $run.$1${4:+, $4}" | sed "s/$DF_KAFKA/${5:-$DF_KAFKA}/"
      echo "errors: {type: stdio, config: {path: $dir/$1.errors}}"; } >"$dir/$1.yaml"
}
values() { kcat -b "$DF_KAFKA" -C -e -q -X isolation.level=read_committed -o beginning -t "$(name_of "$1")"; }
sent() { values "$1" | wc -l; }
lines() { seq "$1" "$2" | sed 's/.*/{"n":&}/'; }
put() { kcat -b "$DF_KAFKA" -P -t "$(name_of "$1")"; }
refused() { cat "$dir/$1.errors" 2>/dev/null | wc -l; }
# Marks of transactions in the log of a topic's only partition: COMMIT, ABORT.
marks() { java kafka.tools.DumpLogSegments --files "$folder/kafka/data.1/$(name_of "$1")-0/00000000000000000000.log" --print-data-log | grep -c "endTxnMarker: $2"; }

# ---- one over the topic's limit ------------------------------------------------------------------------
topic large && topic small 1 --config max.message.bytes=20000
{ lines 1 499; printf '{"n":500,"long":"%s"}\n' "$(head -c 60000 /dev/urandom | base64 -w0 | head -c 60000)"; lines 501 1000; } >"$dir/large"
put large <"$dir/large"
exactly small large small
flow small 0
same 'over the limit: it alone is refused' '999 1' "$(sent small) $(grep -c too_large "$dir/small.errors")"
same 'over the limit: the others once, in order' "$(sed '500d' "$dir/large")" "$(values small)"
aborts=$(marks small ABORT)
[ "$aborts" -ge 1 ] && [ "$aborts" -le 3 ] && ok "over the limit: $aborts transactions were aborted" || bad "over the limit: $aborts transactions were aborted"
flow small 0
same 'over the limit: its offset is committed too' '0 1' "$(summary received small) $(refused small)"

# ---- no right to write the topic, from the start and while it runs ------------------------------------------
acl() { # add|remove, OPTIONS
    java kafka.admin.AclCommand --bootstrap-server "$DF_KAFKA" --"$1" --force --allow-principal User:guest "${@:2}" >"$dir/acls.log" 2>&1 || bad "acls: $(tail -n 3 "$dir/acls.log")"
}
topic rights && topic written
lines 1 100 | put rights
exactly written rights written 'sasl: {username: guest, password: guest-pw}' "$DF_KAFKA_SASL"
acl add --operation Write --operation Describe --transactional-id "$run.written"
acl add --operation Read --group "$run.written"
acl add --operation Describe --topic "$(name_of written)"
acl add --operation Read --topic "$(name_of rights)"
flow written 1
has 'no right: where' "Failed to add partition .*$(name_of written).*Topic authorization failed" "$dir/written.out"
has 'no right: what is missing' 'error.*give this client the right to read or write the topic' "$dir/written.out"
same 'no right: nothing is written, committed or refused' '0 {"0":-1} 0' "$(sent written) $(offsets "$run.written" rights) $(refused written)"
acl add --operation Write --topic "$(name_of written)"
start written
is_sent() { [ "$(sent "$1")" = "$2" ]; }
until_true 30 is_sent written 100 || bad "with the right: $(sent written) of 100"
acl remove --operation Write --topic "$(name_of written)"
lines 101 200 | put rights
until_true 30 grep -q 'the right to read or write the topic' "$dir/written.out" && ok 'taken away: told' || bad 'taken away: not told'
ours "$pid" && ok 'taken away: it waits' || bad 'taken away: it ended'
acl add --operation Write --topic "$(name_of written)"
until_true 60 is_sent written 200 || bad "given again: $(sent written) of 200"
end "$pid" 20
same 'given again: each once, none refused' "$(lines 1 200) 0" "$(values written) $(refused written)"

# ---- a broker that stands still ---------------------------------------------------------------------------
topic still && topic moved
exactly moved still moved 'transactionTimeout: 2s'
start moved
lines 1 100 | put still
until_true 30 is_sent moved 100 || bad "before: $(sent moved) of 100"
for round in 1 2 3; do
    lines $((round * 2000)) $((round * 2000 + 1999)) | put still
    until_true 10 grep -q . <(sent moved) # some of it is on its way
    "$bed/kafka" pause --dir "$folder/kafka"
    sleep 5 # for longer than a record may take
    "$bed/kafka" resume --dir "$folder/kafka"
done
until_true 60 is_sent moved 6100 || { bad "a broker that stood still: $(sent moved) of 6100"; tail -n 5 "$dir/moved.out" | cut -c1-300; }
end "$pid" 20
same 'a broker that stood still: each once, in order, none refused' "$(kcat -b "$DF_KAFKA" -C -e -q -o beginning -t "$(name_of still)") 0" "$(values moved) $(refused moved)"
finish
