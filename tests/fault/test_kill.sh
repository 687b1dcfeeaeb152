#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# ctest: timeout=300
# dfproc is killed ten times on the way: nothing is lost, and what comes twice stays within
# 4 x 8,192 records for each sink and what was delivered in the last second, for each kill.
. "$(dirname "$0")/fault_lib.sh"
kills=10
chunk=$(scaled 30000)
topic kill 4
table kill
{ from_topic kill 'instanceId: one, properties: {session.timeout.ms: 30000}'; to_table kill; } >"$dir/kill.yaml"
total=0 allowed=0 slowest=0
for ((k = 1; k <= kills; k++)); do
    produce kill --count "$chunk" --from $((total / 2)) --producers 2 --partitions 4 --keys 100
    total=$((total + chunk))
    goal=$(($(rows kill) + RANDOM % (chunk / 2) + 1))
    begin=$(now)
    start kill "kill.$k"
    first=$(rows kill) rows=$first before=$first at=$begin rate=0 resumed=0
    while [ "$rows" -lt "$goal" ] && ours "$pid"; do
        [ $(($(now) - begin)) -gt 30000 ] && { bad "kill $k: no progress"; break; }
        sleep 0.02
        rows=$(rows kill)
        [ "$resumed" = 0 ] && [ "$rows" -gt "$first" ] && resumed=$(($(now) - begin))
        if [ $(($(now) - at)) -ge 1000 ]; then
            rate=$((rows - before)) before=$rows at=$(now)
        fi
    done
    ours "$pid" && kill -KILL "$pid"; wait "$pid" 2>/dev/null
    rows=$(rows kill)
    [ $((rows - before)) -gt "$rate" ] && rate=$((rows - before))
    allowed=$((allowed + 4 * 8192 + rate))
    [ "$resumed" -gt "$slowest" ] && slowest=$resumed
done
flow kill 0
audit_table 'nothing is lost' kill --count "$total" --producers 2 --expect-count "$total" --no-gaps \
    --max-duplicates "$allowed"
figure "$kills kills, $total records: $(counted duplicates) duplicates, allowed $allowed; first row at most $slowest ms after start"
finish
