#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# ctest: timeout=900
# dfproc dies at each named place in the life of a batch, a parcel and a position, and is started
# again: nothing is lost. DF_CRASH_ROUNDS: deaths at each point (1; by option 10 or 20).
. "$(dirname "$0")/fault_lib.sh"
rounds=${DF_CRASH_ROUNDS:-1}
library=$(ls "${DF_BUILD_DIR:-}"/lib/libdataflow.so 2>/dev/null)
grep -qs DF_CRASH_AT "$library" || { echo 'no crash points in this build (cmake -DDF_CRASHPOINTS=ON)'; exit 77; }

# point, and the flow that passes it: t topic to table, k topic to topic, f file to file with a
# store, r a second member joins, e an answer is bad, x topic to topic exactly once, y as x with
# records that the broker refuses, z topic to table exactly once
points=(
    source.open:t source.opened:t source.read:t kafka.read:t source.post:t source.posted:t
    batch.admit:t batch.transform:t batch.dispatch:t batch.dispatched:t parcel.queued:t
    parcel.handover:t sink.open:t write.before:t pg.copy:t pg.commit:t pg.sent:t pg.committed:t
    write.after:t sink.settle:t parcel.settled:t parcel.done:t error.record:t error.durable:t
    save.begin:t ack.before:t kafka.commit:t ack.after:t save.done:t kafka.committed:t
    kafka.assign:t stop.phase:t sink.close:t source.close:t
    kafka.produce:k kafka.report:k sink.flush:k parcel.handover:k write.before:k write.after:k
    sink.settle:k parcel.settled:k parcel.done:k ack.before:k kafka.commit:k ack.after:k sink.close:k
    store.begin:f store.half:f store.synced:f store.swapped:f store.renamed:f stdio.write:f save.done:f
    kafka.revoke:r revoke.ask:r revoke.flow:r revoke.acked:r kafka.revoked:r
    sink.failed:e
    kafka.txn.begin:x kafka.txn.offsets:x kafka.txn.commit:x kafka.txn.committed:x kafka.txn.abort:y
    pg.claim:z pg.claimed:z pg.commit:z pg.sent:z pg.committed:z
)
# No flow of dfproc passes these yet: a source whose partitions leave and whose positions are in a store,
# and one whose partitions end.
elsewhere=(revoke.store partition.ended ended.before ended.after)
listed() { printf '%s\n' "${points[@]%%:*}" "${elsewhere[@]}" | sort -u; }
# Those of postgresql-cdc are in test_crashpoints_cdc.sh, those of iceberg in integration/iceberg/test_commits.sh, those
# of clickhouse in integration/clickhouse/test_exact.sh.
written() { grep -rhoE 'DF_CRASHPOINT\("[^"]+"\)' "$here/../../libdataflow" | sed 's/.*"\(.*\)".*/\1/' | grep -vE '^(cdc|iceberg|ch)\.' | sort -u; }
same 'every point of the sources is tried' "$(written)" "$(listed)"

quick='properties: {session.timeout.ms: 6000, heartbeat.interval.ms: 300}'
n=2000
total=0 large=0 file_total=0 died=0 duplicates=0
topic in 2; topic out 2; topic exact 2; table out; table once
dfaudit topic create --topic "$(name_of small)" --partitions 2 --config max.message.bytes=20000 2>/dev/null
errors="errors: {type: stdio, config: {path: $dir/errors}}"
{ from_topic in "instanceId: t, $quick"; echo 'transformations: [{type: filter, config: {condition: "$.seq >= 0 || $.id == \"bad\""}}]'; to_table out; echo "$errors"; } >"$dir/t.yaml"
{ from_topic in "instanceId: k, $quick" | sed "s/consumerGroup: [^,]*/consumerGroup: $run.k/"
  echo "sink: {type: kafka, config: {brokers: \"$DF_KAFKA\", topic: $(name_of out)}}"; } >"$dir/k.yaml"
exactly() { # NAME TOPIC
    echo 'deliveryGuarantee: exactlyOnce'
    from_topic in "instanceId: $1, $quick" | sed "s/consumerGroup: [^,]*/consumerGroup: $run.$1/"
    echo "sink: {type: kafka, config: {brokers: \"$DF_KAFKA\", topic: $(name_of "$2")}}"
}
exactly x exact >"$dir/x.yaml"
{ exactly z - | grep -v ^sink; to_table once; echo "errors: {type: stdio, config: {path: $dir/errors.z}}"; } >"$dir/z.yaml"
{ exactly y small; echo "errors: {type: stdio, config: {path: $dir/errors.y}}"; } >"$dir/y.yaml"
{ echo "source: {type: stdio, config: {path: $dir/lines.in}}"; echo "sink: {type: stdio, config: {path: $dir/lines.out}}"; } >"$dir/f.yaml"
{ from_topic in "$quick"; to_table out; echo "$errors"; } >"$dir/r.yaml"
cp "$dir/t.yaml" "$dir/e.yaml"
case $PG in *\?*) named=$PG\&application_name=$run ;; *) named=$PG?application_name=$run ;; esac

more() { # a new portion for all flows
    produce in --count $n --from "$total" --partitions 2 --keys 10 --bad 0.5 --bad-kind type
    total=$((total + n))
}
more_lines() {
    dfaudit produce --stdout --count $n --from "$file_total" >>"$dir/lines.in" 2>/dev/null
    file_total=$((file_total + n))
}
# The server is shared: only the sessions of this test are ended.
terminate() { sql "select pg_terminate_backend(pid) from pg_stat_activity where application_name = '$run'" >/dev/null; }

# One death at the count-th passage of the point; 0 when it died there.
die_at() { # POINT FLOW COUNT
    local other=
    case $2 in f) more_lines ;; *) more ;; esac
    [ "$2" = y ] && { produce in --count 1 --from "$total" --partitions 2 --size 30000; total=$((total + 1)) large=$((large + 1)); }
    case $2 in
    r)
        start r r.other; other=$pid
        sleep 0.5 ;;
    e)
        FAULT_PG=$named DF_CRASH_AT=$1:$3 dfproc run "$dir/e.yaml" >"$dir/e.out" 2>&1 & pid=$!
        started+=("$pid")
        for _ in $(seq 40); do ours "$pid" || break; terminate; more; sleep 0.05; done
        code_of "$pid" 10
        return ;;
    esac
    if [ -n "$other" ]; then # it joins, has its part, then the other one leaves and comes again
        DF_CRASH_AT=$1:$3 dfproc run "$dir/r.yaml" >"$dir/r.out" 2>&1 & pid=$!
        started+=("$pid")
        local mine=$pid
        until_true 20 grep -q 'assigned' "$dir/r.out" || bad "$1: no assignment"
        end "$other" 20
        start r r.third; other=$pid
        code_of "$mine" 20
        local result=$code
        end "$other" 20
        code=$result
        return
    fi
    { DF_CRASH_AT=$1:$3 timeout --foreground -k 5 60 dfproc run "$dir/$2.yaml" --until-exhausted >"$dir/$2.out" 2>&1; } 2>/dev/null
    code=$?
}
begin=$(now)
for p in "${points[@]}"; do
    reach=$rounds # passages in one run, as far as known; more rounds begin again at the first
    for ((c = 1; c <= rounds; c++)); do
        count=$(((c - 1) % reach + 1))
        die_at "${p%%:*}" "${p#*:}" $count
        if [ "$code" != 137 ] && [ $count -gt 1 ]; then
            reach=$((count - 1)) count=1
            die_at "${p%%:*}" "${p#*:}" 1
        fi
        # A short run may end before a commit is answered or a large parcel is sent: longer ones.
        for ((longer = 3; longer <= 48 && code != 137; longer *= 4)); do
            for ((i = 0; i < longer; i++)); do more; done
            die_at "${p%%:*}" "${p#*:}" 1
        done
        if [ "$code" = 137 ]; then died=$((died + 1)); else bad "$p: not passed, exit code $code"; show "$dir/${p#*:}.out"; fi
    done
done
figure "$died deaths at ${#points[@]} points in $(seconds "$begin") s"
for f in t k f r x y z; do flow "$f" 0; done
allowed=$((died * (n + 2 * 8192)))
audit_table 'the table' out --count "$total" --bad 0.5 --no-gaps --max-duplicates "$allowed"
figure "table: $(counted unique) records, $(counted duplicates) duplicates"
audit 'the topic' --source topic --topic "$(name_of out)" --count "$total" --bad 0.5 --no-gaps --max-duplicates "$allowed"
figure "topic: $(counted duplicates) duplicates"
audit 'the topic, exactly once' --source topic --topic "$(name_of exact)" --count "$total" --bad 0.5 --no-gaps --max-duplicates 0 --ordered
audit_table 'the table, exactly once' once --count "$total" --bad 0.5 --no-gaps --max-duplicates 0 --ordered
all=$(counted unique)
audit 'the topic with refusals, exactly once' --source topic --topic "$(name_of small)" --count "$total" --bad 0.5 --max-duplicates 0
same 'but for what is too large' $((all - large)) "$(counted unique)"
same 'which is in the error sink' "$large" "$(grep too_large "$dir/errors.y" | grep -o '"offset":"*[0-9]*' | sort -u | wc -l)"
audit 'the file' --source jsonl --file "$dir/lines.out" --count "$file_total" --no-gaps --max-duplicates "$allowed" --expect-unparsed 0
figure "file: $(counted duplicates) duplicates"
wrong=$(dfaudit produce --stdout --count "$total" --bad 0.5 --bad-kind type 2>/dev/null | grep -c '"bad"')
same 'every refused record is in the error sink' "$wrong" \
    "$(grep -o '"original_message":{[^}]*"seq":"[0-9]*"' "$dir/errors" | grep -o '"seq":"[0-9]*"' | sort -u | wc -l)"
finish
