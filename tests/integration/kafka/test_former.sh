#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Exactly-once: an instance is killed in the middle of a transaction and does not come back (it was renamed,
# or there are fewer replicas now). The one that takes its partitions over goes on where the transaction ends,
# which holds up readers of committed records until then: transactionTimeout, and 10 s in which the broker looks.
. "$(dirname "$0")/../kafka_lib.sh"
committed() { kcat -b "$DF_KAFKA" -C -e -q -X isolation.level=read_committed -o beginning -t "$(name_of "$1")"; }
all() { kcat -b "$DF_KAFKA" -C -e -q -X isolation.level=read_uncommitted -o beginning -t "$(name_of "$1")"; }
seq 500 | sed 's/.*/{"n":&}/' >"$dir/rows"
points='kafka.txn.offsets kafka.txn.commit' # the group has no offsets of the transaction, and it has
for point in $points; do
    topic "$point" && topic "$point.out"
    kcat -b "$DF_KAFKA" -P -t "$(name_of "$point")" <"$dir/rows"
    for name in former next; do
        { echo 'deliveryGuarantee: exactlyOnce'
          source_of "$point" "$point" 'properties: {session.timeout.ms: 6000, heartbeat.interval.ms: 300}'
          sink_to "$point.out" "transactionalId: $run-$point-$name, transactionTimeout: 4s"; } >"$dir/$point.$name.yaml"
    done
    DF_CRASH_AT=$point:1 timeout 60 dfproc run "$dir/$point.former.yaml" >"$dir/$point.former.out" 2>&1
    [ $? = 137 ] || { echo 'skip: no crash points in this build'; exit 77; }
    same "$point: killed within a transaction" '500 0' "$(all "$point.out" | wc -l) $(committed "$point.out" | wc -l)"
    echo other | kcat -b "$DF_KAFKA" -P -t "$(name_of "$point.out")" # of somebody else, behind it
done
for point in $points; do start "$point.next"; done
for point in $points; do
    shown() { committed "$point.out" | grep -qx other; }
    until_true 60 shown && ok "$point: readers go on" || bad "$point: readers are held up"
    arrived() { [ "$(committed "$point.out" | wc -l)" = 501 ]; }
    until_true 60 arrived || bad "$point: $(committed "$point.out" | wc -l) of 501"
    same "$point: each record once, in order" "$(cat "$dir/rows")" "$(committed "$point.out" | grep -vx other)"
done
for pid in "${flows[@]}"; do end "$pid" 20; done
has 'explain tells how long' 'for 4 s' <(dfproc explain "$dir/$point.next.yaml" | paste -sd' ')
finish
