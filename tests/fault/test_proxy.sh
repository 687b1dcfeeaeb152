#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# ctest: serial timeout=300
# Connections are cut, held, delayed and lossy, on the way to the server and to the broker; they
# end around the commit. Nothing is lost, the flow goes on by itself, and it does not spin.
. "$(dirname "$0")/fault_lib.sh"
read -r pg_proxy pg_control kafka_proxy kafka_control <<<"$(ports 4)"
own_kafka --proxy-listener "$kafka_proxy"
proxy "$pg_proxy" "$DF_PG_PORT" "$pg_control"
proxy "$kafka_proxy" "${DF_KAFKA_EXT##*:}" "$kafka_control"
FAULT_PG=$(sed "s/:$DF_PG_PORT\//:$pg_proxy\//" <<<"$PG")
chunk=$(scaled 10000)
idle=$(sanitized && echo 10 || echo 2)
topic proxy 2
table proxy
{ BROKERS=127.0.0.1:$kafka_proxy from_topic proxy 'properties: {session.timeout.ms: 10000, heartbeat.interval.ms: 500}'; to_table proxy; } >"$dir/proxy.yaml"
start proxy
flow_pid=$pid total=0
feed() { produce proxy --count "$chunk" --from $((total / 2)) --producers 2 --partitions 2 --keys 100; total=$((total + chunk)); }
feed
until_true 30 unique_at_least proxy "$total" || bad 'the flow does not begin'

# fault NAME LIMIT CONTROL SECONDS COMMAND…: a portion is written while the fault lasts; all of it must
# be there LIMIT seconds after its end
fault() {
    local name=$1 limit=$2 control=$3 lasts=$4 begin cpu
    shift 4
    tell "$control" "$@"
    feed
    if [ "$lasts" -ge 4 ]; then
        sleep $((lasts - 3))
        cpu=$(cpu_percent "$flow_pid" 3)
        case $1 in down | blackhole) at_most "$name: CPU" "$idle" "$cpu" % ;; esac
    else
        sleep "$lasts"
    fi
    tell "$control" pass
    begin=$(now)
    until_true 60 unique_at_least proxy "$total" || { bad "$name: not all arrived"; show "$dir/proxy.out"; }
    at_most "$name: recovery" "$limit" "$(seconds "$begin")" s
    ours "$flow_pid" || { bad "$name: the flow ended"; show "$dir/proxy.out"; }
}
for side in server:$pg_control broker:$kafka_control; do
    name=${side%:*} control=${side#*:} long=$([ "${side%:*}" = server ] && echo 10 || echo 5)
    fault "$name, cut" 5 "$control" 0 cut
    fault "$name, black hole of $long s" 5 "$control" "$long" blackhole
    [ "$name" = broker ] || fault "$name, answers held 4 s" 5 "$control" 4 blackhole down
    fault "$name, 100 ms late" 5 "$control" 1 delay 100
    fault "$name, 1 % loss" 5 "$control" 1 loss 1
done
# The next try comes within the back-off, which has grown meanwhile.
fault 'server, down 5 s' 11 "$pg_control" 5 down
fault 'broker, down 5 s' 20 "$kafka_control" 5 down

# ---- cuts around the commit: CopyDone is the last message of a transaction ------------------------------
cuts=0
for when in before after answer; do
    tell "$pg_control" cut-at $when hex:6300000004 0 once
    for i in 1 2 3; do
        feed
        until_true 60 unique_at_least proxy "$total" || bad "cut $when the commit: not all arrived"
        cuts=$((cuts + $(faultproxy tell "$pg_control" stat | sed 's/.*cuts //')))
        tell "$pg_control" cut-at $when hex:6300000004 0 once
    done
    tell "$pg_control" pass
done
same 'cuts around the commit' 9 "$cuts"
end "$flow_pid" 30
same 'it stops in order' 0 "$code"
audit_table 'nothing is lost' proxy --count "$total" --producers 2 --expect-count "$total" --no-gaps \
    --max-duplicates $((20 * 2 * 8192))
figure "$total records, $(counted duplicates) duplicates"
finish
