#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# ctest: lock=servers timeout=300
# SIGTERM under load: exit 0 within stopTimeout, nothing lost, nothing twice. A second SIGTERM does
# not wait, and what was not delivered comes at the next start.
. "$(dirname "$0")/fault_lib.sh"
chunk=$(scaled 60000)
topic stop 4
table stop
{ from_topic stop 'properties: {session.timeout.ms: 6000}'; to_table stop; } >"$dir/stop.yaml"
total=0 slowest=0
for k in 1 2 3 4 5; do
    produce stop --count "$chunk" --from $((total / 2)) --producers 2 --partitions 4 --keys 100
    total=$((total + chunk))
    before=$(rows stop)
    start stop "stop.$k"
    until_true 30 rows_at_least stop $((before + 1)) || bad "run $k: no progress"
    begin=$(now)
    end "$pid" 30
    took=$(($(now) - begin))
    [ "$took" -gt "$slowest" ] && slowest=$took
    same "run $k: exit code" 0 "$code"
done
at_most 'the slowest stop' 20000 "$slowest" ms
flow stop 0
audit_table 'nothing lost, nothing twice' stop --count "$total" --producers 2 --expect-count "$total" --no-gaps \
    --max-duplicates 0 --ordered

# ---- the sink cannot take anything: the first SIGTERM waits, the second does not -----------------------
topic held 2
table held
held() { # NAME SIGNALS "settings" CODES LIMIT_MS
    local begin blocker took
    { echo "$3"; from_topic held 'properties: {session.timeout.ms: 6000}'; to_table held; } >"$dir/held.yaml"
    produce held --count 20000 --from "$from" --partitions 2
    from=$((from + 20000))
    psql "$PG" -XqAt -c "begin; lock table $schema.held in exclusive mode; select pg_sleep(60)" >/dev/null 2>&1 &
    blocker=$!
    until_true 10 locked || bad "$1: no lock"
    start held "held.$1"
    until_true 30 waiting || bad "$1: the sink does not wait"
    begin=$(now)
    for ((s = 0; s < $2; s++)); do ask_to_stop "$pid"; sleep 0.5; done
    code_of "$pid" 40
    took=$(($(now) - begin))
    case " $4 " in *" $code "*) ok "$1: exit code $code" ;; *) bad "$1: exit code $code, not $4"; show "$dir/held.$1.out" ;; esac
    at_most "$1: time to stop" "$5" "$took" ms
    sql "select pg_terminate_backend(pid) from pg_stat_activity where query like '%$schema.held in exclusive%' and pid <> pg_backend_pid()" >/dev/null
    wait "$blocker"
}
locked() { [ -n "$(sql "select 1 from pg_locks where relation = '$schema.held'::regclass and mode = 'ExclusiveLock' and granted")" ]; }
waiting() { [ -n "$(sql "select 1 from pg_locks where relation = '$schema.held'::regclass and not granted")" ]; }
from=0
held limit 1 'stopTimeout: 3s' '0 1 75' 12000
held twice 2 '' '0 1 130 143' 4000
flow held 0

# ---- a bounded run has no limit: its end is reached when everything is settled --------------------------
from_topic held 'properties: {session.timeout.ms: 6000}' >"$dir/held.yaml"
{ to_table held; echo 'stopTimeout: 1s'; } >>"$dir/held.yaml"
psql "$PG" -XqAt -c "begin; lock table $schema.held in exclusive mode; select pg_sleep(5)" >/dev/null 2>&1 &
until_true 10 locked || bad 'bounded run: no lock'
produce held --count 20000 --from "$from" --partitions 2
flow held 0
same 'a bounded run waits for its sink' '20000 0' "$(summary sent held) $(summary abandoned held)"
audit_table 'nothing lost after a hurried stop' held --count 60000 --expect-count 60000 --no-gaps --max-duplicates 16384
finish
