#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# ctest: lock=servers timeout=300
# Members join and leave all the time, in order and killed: nothing is lost, in each interval
# something arrives, and what comes twice stays within the window of the killed. DF_REBALANCE_LONG=1:
# ten members, one joins and one leaves every five seconds for DF_REBALANCE_MINUTES (10).
. "$(dirname "$0")/fault_lib.sh"
quick='properties: {session.timeout.ms: 6000, heartbeat.interval.ms: 300}'
rate=${DF_REBALANCE_RATE:-2000}

# storm NAME MEMBERS ROUNDS COOPERATIVE SECONDS: each round one joins and one leaves; every fourth is killed
storm() {
    local name=$1 members=$2 rounds=$3 pause=$5 k total killed=0 before after stalls=0 producer
    local minute minute_rows idle_minutes=0
    topic "$name" 12
    table "$name"
    { from_topic "$name" "cooperative: $4, $quick"; to_table "$name"; } >"$dir/$name.yaml"
    total=$(((rounds * pause + 4) * rate))
    dfaudit produce --topic "$(name_of "$name")" --count $total --producers 2 --partitions 12 --keys 100 \
        --rate "$rate" 2>"$dir/$name.produce" &
    producer=$!
    local alive=()
    for ((k = 0; k < members; k++)); do start "$name" "$name.$k"; alive+=("$pid"); done
    until_true 30 rows_at_least "$name" 1 || bad "$name: the flow does not begin"
    minute=$(now) minute_rows=$(rows "$name")
    for ((k = members; k < members + rounds; k++)); do
        before=$(rows "$name")
        start "$name" "$name.$k"
        alive+=("$pid")
        if [ $((k % 4)) = 3 ]; then
            kill -KILL "${alive[0]}"; wait "${alive[0]}" 2>/dev/null
            killed=$((killed + 1))
        else
            ask_to_stop "${alive[0]}"
            leaving+=("${alive[0]}")
        fi
        alive=("${alive[@]:1}")
        sleep "$pause"
        after=$(rows "$name")
        [ "$after" -gt "$before" ] || stalls=$((stalls + 1))
        if [ $(($(now) - minute)) -ge 60000 ]; then
            [ "$after" -gt "$minute_rows" ] || idle_minutes=$((idle_minutes + 1))
            minute=$(now) minute_rows=$after
        fi
    done
    same "$name: minutes without a record" 0 "$idle_minutes"
    for p in "${leaving[@]}"; do code_of "$p" 40; [ "$code" = 0 ] || bad "$name: a member left with $code"; done
    leaving=()
    wait "$producer" || bad "$name: produce: $(cat "$dir/$name.produce")"
    until_true 60 unique_at_least "$name" "$total" || bad "$name: $(sql "select count(distinct (producer, seq)) from $schema.$name") of $total arrived"
    for p in "${alive[@]}"; do ask_to_stop "$p"; done
    for p in "${alive[@]}"; do code_of "$p" 40; [ "$code" = 0 ] || bad "$name: a member ended with $code"; done
    flow "$name" 0
    audit_table "$name: nothing is lost" "$name" --count $total --producers 2 --expect-count $total --no-gaps \
        --max-duplicates $((killed * (4 * 8192 + rate)))
    figure "$name: $((members + rounds)) members, $killed killed, $(counted duplicates) duplicates, $stalls of $rounds intervals without a record"
    at_most "$name: intervals without a record" $((killed * 4 + rounds / 4)) "$stalls"
}

# A member stands still for twice the session's time, so that others have its partitions, and comes back.
zombie() {
    local total=$((25 * rate / 2)) producer still other
    topic zombie 4
    table zombie
    { from_topic zombie "$quick"; to_table zombie; } >"$dir/zombie.yaml"
    start zombie zombie.still; still=$pid
    start zombie zombie.other; other=$pid
    both() { grep -q assigned "$dir/zombie.still.out" && grep -q assigned "$dir/zombie.other.out"; }
    until_true 30 both || bad 'zombie: not both have partitions'
    dfaudit produce --topic "$(name_of zombie)" --count $total --producers 2 --partitions 4 --keys 100 --rate $((rate / 2)) \
        2>"$dir/zombie.produce" &
    producer=$!
    until_true 30 rows_at_least zombie "$rate" || bad 'zombie: no progress'
    kill -STOP "$still"
    sleep 12
    kill -CONT "$still"
    again() { [ "$(grep -c 'assigned' "$dir/zombie.still.out")" -gt "$before" ]; }
    before=$(grep -c assigned "$dir/zombie.still.out")
    until_true 40 again && ok 'zombie: joins again' || { bad 'zombie: does not join again'; show "$dir/zombie.still.out"; }
    has 'zombie: knows that its partitions were lost' 'partitions of .* lost' "$dir/zombie.still.out"
    wait "$producer" || bad "zombie: produce: $(cat "$dir/zombie.produce")"
    end "$other" 40; same 'zombie: the other one leaves' 0 "$code"
    until_true 60 unique_at_least zombie "$total" || bad 'zombie: not all arrived'
    end "$still" 40; same 'zombie: ends in order' 0 "$code"
    audit_table 'zombie: nothing is lost' zombie --count $total --producers 2 --expect-count $total --no-gaps --max-duplicates $((4 * 8192))
    figure "zombie: $(counted duplicates) duplicates"
}
leaving=()
if [ -z "${DF_REBALANCE_LONG:-}" ]; then
    storm two 2 6 false 2
    storm ten 10 4 false 2
    zombie
else
    storm long 10 $((${DF_REBALANCE_MINUTES:-10} * 12)) "${DF_REBALANCE_COOPERATIVE:-false}" 5
fi
finish
