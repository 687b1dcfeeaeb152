#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# ctest: serial timeout=600
# Three brokers, every partition on all of them: a leader is killed, comes back and leads again, the
# group's coordinator is killed, all three are restarted in turn. Kafka to PostgreSQL and Kafka to
# Kafka go on by themselves: nothing is lost, each key keeps its order, and no stall is longer than
# the brokers' own plus 3 s. DF_LEADER_ROUNDS repeats all of it.
. "$(dirname "$0")/fault_lib.sh"
rounds=${DF_LEADER_ROUNDS:-1} rate=${DF_LEADER_RATE:-2000}
# As a real cluster: a broker that is restarted gives its partitions away first.
own_kafka --brokers 3 --conf controlled.shutdown.enable=true --conf leader.imbalance.check.interval.seconds=3 \
    --conf leader.imbalance.per.broker.percentage=0 --conf min.insync.replicas=2
dfaudit topic create --topic "$(name_of in)" --partitions 6 --config message.timestamp.type=LogAppendTime 2>/dev/null || bad 'topic in'
topic out 6 || bad 'topic out'
sql "create table $schema.leader (id bigint, producer int, seq bigint, key text, amount numeric(12,2), at timestamptz,
    note text, crc text, written bigserial, landed timestamptz default clock_timestamp())"
{ from_topic in; to_table leader; } >"$dir/table.yaml"
{ from_topic in | sed "s/consumerGroup: $run.in/consumerGroup: $run.copy/"
  echo "sink: {type: kafka, config: {brokers: \"$DF_KAFKA\", topic: $(name_of out)}}"; } >"$dir/topic.yaml"

# ---- the brokers ---------------------------------------------------------------------------------------
leaders() { # TOPIC: a line for each partition: its number, its leader, how many replicas are in sync
    timeout 5 kcat -b "$asked" -L -t "$1" -m 2 2>/dev/null |
        awk '/partition [0-9]/ {gsub(",", " "); n = split($0, w, "isrs:"); split(w[2], in_sync, " "); k = 0
            for (i in in_sync) k++; print $2, $4, k}'
}
leader_of() { leaders "$1" | awk -v p="$2" '$1 == p {print $2}'; }
led() { # TOPIC DEAD: every partition has a leader, and not that one
    leaders "$1" | awk -v dead="$2" '{n++} $2 < 1 || $2 == dead {bad++} END {exit !(n && !bad)}'
}
in_sync() { leaders "$1" | awk '{n++} $3 < 3 {bad++} END {exit !(n && !bad)}'; }
all_in_sync() { in_sync "$(name_of in)" && in_sync "$(name_of out)" && in_sync __consumer_offsets; }
leads() { [ "$(leader_of "$1" "$2")" = "$3" ]; } # TOPIC PARTITION BROKER
asked=$DF_KAFKA # those that live
recovered() { led "$(name_of in)" "$1" && led "$(name_of out)" "$1" && led __consumer_offsets "$1"; }

# ---- records all the time --------------------------------------------------------------------------------
: >"$dir/total"
feed() { # a chunk of a second, again and again, until told
    local total=0 chunk=$rate
    while [ ! -e "$dir/enough" ]; do
        dfaudit produce --topic "$(name_of in)" --count "$chunk" --from $((total / 2)) --producers 2 --partitions 6 --keys 60 \
            --rate "$rate" 2>"$dir/produce.log" || { cp "$dir/produce.log" "$dir/produce.failed"; return; }
        total=$((total + chunk))
        echo "$total" >"$dir/total"
    done
}
start table; table_pid=$pid
start topic; topic_pid=$pid
feed & feeder=$!
until_true 60 rows_at_least leader 1000 || { bad 'the flow does not begin'; show "$dir/table.out"; }
until_true 60 all_in_sync || bad 'replicas are not in sync'

: >"$dir/faults"
# fault NAME COMMAND…: notes the time it took the brokers themselves
fault() {
    local name=$1 begin took before
    shift
    begin=$(now) took=0
    "$@" || bad "$name: $*"
    before=$(rows leader)
    until_true 30 rows_at_least leader $((before + rate / 2)) || { bad "$name: no progress"; show "$dir/table.out"; }
    sleep 0.5 # the other flow as well
    echo "$begin $(now) $took $name" >>"$dir/faults"
}
kill_broker() { # BROKER
    local begin rc=0
    kafka_server kill --broker "$1"
    begin=$(now)
    asked=$(tr , '\n' <<<"$DF_KAFKA" | sed "${1}d" | paste -sd,)
    until_true 30 recovered "$1" || rc=1
    took=$(($(now) - begin)) asked=$DF_KAFKA
    return $rc
}
bring_back() { kafka_server restart --broker "$1" && until_true 60 all_in_sync; }
leads_again() { until_true 30 leads "$(name_of in)" 0 "$1"; } # the controller sees to it
in_turn() { # the dead one first
    local n
    for n in "$1" $((($1) % 3 + 1)) $((($1 + 1) % 3 + 1)); do bring_back "$n" || return 1; done
}
for ((round = 1; round <= rounds; round++)); do
    victim=$(leader_of "$(name_of in)" 0)
    fault 'a leader is killed' kill_broker "$victim"
    fault 'it comes back' bring_back "$victim"
    fault 'it leads again' leads_again "$victim"
    victim=$(leader_of __consumer_offsets 0)
    fault 'the coordinator is killed' kill_broker "$victim"
    fault 'all restarted in turn' in_turn "$victim"
done

# ---- what landed -------------------------------------------------------------------------------------------
touch "$dir/enough"
wait "$feeder"
[ -e "$dir/produce.failed" ] && bad "produce: $(cat "$dir/produce.failed")"
total=$(cat "$dir/total")
until_true 60 unique_at_least leader "$total" || bad "$(sql "select count(distinct (producer, seq)) from $schema.leader") of $total in the table"
for p in "$table_pid" "$topic_pid"; do
    kill -0 "$p" 2>/dev/null || bad 'a flow ended by itself'
done
end "$table_pid"; same 'to the table: ends in order' 0 "$code"
end "$topic_pid"; same 'to the topic: ends in order' 0 "$code"
cp "$dir/topic.yaml" "$dir/rest.yaml"
flow rest 0
audit_table 'the table: nothing is lost, in order' leader --count "$total" --producers 2 --expect-count "$total" --no-gaps --ordered \
    --max-duplicates $((rounds * 4 * 8192))
figure "the table: $total records, $(counted duplicates) duplicates"
audit 'the topic: nothing is lost, in order' --source topic --topic "$(name_of out)" --count "$total" --producers 2 \
    --expect-count "$total" --no-gaps --ordered --max-duplicates $((rounds * 4 * 8192))
figure "the topic: $total records, $(counted duplicates) duplicates"

# The longest time without a record in the table, for each fault. The brokers' own part in it, in which
# nobody could write: until every partition was led again, and the longest time without a record in the
# topic that is read.
kcat -b "$DF_KAFKA" -t "$(name_of in)" -C -e -q -f '%T\n' 2>/dev/null | sort -n | uniq >"$dir/written"
while read -r begin until took name; do
    own=$(awk -v from="$begin" -v to="$until" -v took="$took" 'BEGIN {most = took}
        $1 >= from && $1 <= to {if ($1 - last > most && last) most = $1 - last} {last = $1} END {printf "%.1f", most / 1000}' "$dir/written")
    stall=$(sql "select coalesce(max(extract(epoch from landed - before)), 99)::numeric(9,1) from (select landed,
        lag(landed) over (order by landed) as before from $schema.leader) as t
        where landed between to_timestamp($begin / 1000.0) and to_timestamp($until / 1000.0)")
    figure "$name: brokers $own s, longest stall $stall s"
    at_most "$name: stall" "$(awk "BEGIN{print $own + 3}")" "$stall" s
done <"$dir/faults"
finish
