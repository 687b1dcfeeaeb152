# SPDX-License-Identifier: Apache-2.0
# pg_cdc_lib.sh: what the tests of postgresql-cdc share: slots and publications with names of their
# own, dropped at the end; flows that run on. Sourced.
. "$(dirname "${BASH_SOURCE[0]}")/pg_lib.sh"
slot=pgcdc_$$_$RANDOM
flows=() # process ids of flows that run on

admin() { psql "$DF_PG" -XqAt -v ON_ERROR_STOP=1 -c "$1"; }
tidy() {
    local pid s
    for pid in "${flows[@]}"; do kill -9 "$pid" 2>/dev/null && wait "$pid" 2>/dev/null; done
    for s in $(admin "select slot_name from pg_replication_slots where slot_name like '$slot%'"); do
        for _ in $(seq 50); do
            admin "select pg_drop_replication_slot('$s')" >/dev/null 2>&1 && break
            sleep 0.1
        done
    done
    for s in $(admin "select pubname from pg_publication where pubname like '$slot%'"); do
        admin "drop publication $s"
    done
}
trap '[ "$BASHPID" = $$ ] && tidy; leave' EXIT

# source NAME TABLES "option: value lines": the source of the flow NAME with the slot $slot_NAME
source_of() {
    echo "source:"
    echo "  type: postgresql-cdc"
    echo "  config:"
    printf '    %s\n' "connectionString: \${env:PG_TEST_URL}" "slotName: ${slot}_$1" "publicationName: ${slot}_$1" \
        "tables: [$2]" "${@:3}"
}
lines() { # NAME TABLES "options": to $dir/NAME.jsonl
    { source_of "$@" && echo "sink: {type: stdio, config: {path: $dir/$1.jsonl}}"; } >"$dir/$1.yaml"
}
replica() { # NAME TABLE COPY: to the table COPY, as the example has it
    sed -e 's|connectionString: .*|connectionString: "${env:PG_TEST_URL}"|' -e "s|public.orders|$2|" \
        -e "s|name: postgresql-replica|name: replica-$1|" -e "s|orders_replica|${slot}_$1|" -e "s|table: orders|table: $3|" -e 's|tables:|heartbeatIntervalSeconds: 1\n      &|' \
        "${DF_SOURCE_DIR:-$(cd "$(dirname "$0")/../../.." && pwd)}/examples/postgresql-replica.yaml" >"$dir/$1.yaml"
}
start() { # NAME: runs on; its process in $flow
    dfproc run "$dir/$1.yaml" >>"$dir/$1.out" 2>&1 &
    flow=$!
    flows+=("$flow")
}
stop() { kill "$flow" && wait "$flow"; }
forget() { # NAME: its slot goes, since a server has only so many
    admin "select pg_drop_replication_slot('${slot}_$1')" >/dev/null
}
until_end() { # NAME CODE
    timeout --foreground -k 5 120 dfproc run "$dir/$1.yaml" --until-exhausted >"$dir/out" 2>&1
    local rc=$?
    [ "$rc" = "$2" ] && return
    bad "$1: exit code $rc, not $2"
    tail -n 5 "$dir/out" | sed 's/^/        /'
}
wait_for() { # NAME EXPECTED COMMAND...: 90 seconds for it, since a slot waits for every open transaction of the server
    local got
    for _ in $(seq 900); do
        got=$("${@:3}")
        [ "$got" = "$2" ] && break
        sleep 0.1
    done
    same "$1" "$2" "$got"
}
confirmed() { admin "select confirmed_flush_lsn from pg_replication_slots where slot_name = '${slot}_$1'"; }

