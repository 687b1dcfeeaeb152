#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# ctest: serial timeout=300
# Real packets: flows run in network namespaces of their own and reach the servers over a veth pair.
# Packets get lost at random, in one direction or both, the link goes down, connections are reset,
# or die without a word. Each time: noticed, no spinning, back after the end, nothing lost.
# DF_NET_HOLE: seconds of the black holes (10; by option 30 or 600); DF_NET_LANES: only these (server,
# broker, server_dead, broker_dead). Needs root and nft.
skip() { echo "skipped: $1"; exit 77; }
[ "$(id -u)" = 0 ] || skip 'network namespaces need root'
for program in ip ss nft unshare nsenter; do
    command -v $program >/dev/null || skip "no $program (tools/setup test)"
done
. "$(dirname "$0")/fault_lib.sh"
hole=${DF_NET_HOLE:-10}
idle=$(sanitized && echo 10 || echo 2)
links=()
trap '[ "$BASHPID" = $$ ] && { for l in "${links[@]}"; do ip link del "$l"; done 2>/dev/null; leave; }' EXIT

# ---- namespaces ---------------------------------------------------------------------------------------
# 127.0.0.1 is not local in them: it is the servers' one, across the pair.
namespace() { # its process in $holder, the names of the pair in $outer and $inner, ours in $gateway
    local n=$((RANDOM % 16384)) net last
    net=198.$((18 + n / 8192)).$((n / 64 % 128)) last=$((n % 64 * 4))
    outer=dfo$n inner=dfi$n gateway=$net.$((last + 1)) address=$net.$((last + 2))
    unshare --net sleep 3600 2>"$dir/unshare" &
    holder=$!
    started+=("$holder")
    until_true 5 other_net "$holder" || { cat "$dir/unshare"; skip 'no network namespace can be made here'; }
    ip link add "$outer" type veth peer name "$inner" netns "$holder" 2>/dev/null || skip 'no veth pair can be made here'
    links+=("$outer")
    ip addr add "$gateway/30" dev "$outer" && ip link set "$outer" up
    echo 1 >"/proc/sys/net/ipv4/conf/$outer/route_localnet" || skip 'the link cannot be set up here'
    inside sh -c "ip addr add $address/30 dev $inner && echo 1 >/proc/sys/net/ipv4/conf/$inner/route_localnet"
    link_up
}
other_net() { [ "$(readlink "/proc/$1/ns/net")" != "$(readlink /proc/$$/ns/net)" ] && [ "$(cat "/proc/$1/comm")" = sleep ]; }
inside() { nsenter --net="/proc/$holder/ns/net" -- "$@"; }
link_up() { inside sh -c "ip link set $inner up && ip route replace 127.0.0.1 via $gateway dev $inner src $address"; }
link_down() { inside ip link set "$inner" down; }
reaches() { inside timeout 3 bash -c "exec 3<>/dev/tcp/127.0.0.1/$1" 2>/dev/null; } # PORT
# What happens to packets of this namespace; none: all pass.
packets() { # OF THOSE THAT COME, OF THOSE THAT GO: rules, "" for none
    printf 'flush ruleset\ntable ip fault {
        chain come { type filter hook input priority 0; %s\n}
        chain go { type filter hook output priority 0; %s\n}\n}\n' "$1" "$2" | inside nft -f - || bad "nft: $1, $2"
}
pass() { inside nft flush ruleset; }
ports_to() { inside ss -Htn dst "127.0.0.1:$1" | awk '{n = split($4, a, ":"); print a[n]}' | paste -sd,; } # PORT

# ---- one flow, its faults on the way to one server -----------------------------------------------------
chunk=$(scaled 10000)
feed() { produce "$lane" --count "$chunk" --from $((total / 2)) --producers 2 --partitions 2 --keys 100; total=$((total + chunk)); }
begin_lane() { # NAME
    lane=$1 total=0
    namespace
    reaches "$pg_port" || skip 'a firewall of this machine is between the namespaces'
    topic "$lane" 2
    table "$lane"
    { from_topic "$lane" 'properties: {session.timeout.ms: 10000, heartbeat.interval.ms: 500}'; to_table "$lane"; } >"$dir/$lane.yaml"
    nsenter --net="/proc/$holder/ns/net" -- dfproc run "$dir/$lane.yaml" >"$dir/$lane.out" 2>&1 &
    flow_pid=$!
    started+=("$flow_pid")
    feed
    until_true 30 unique_at_least "$lane" "$total" || { bad "$lane: the flow does not begin"; show "$dir/$lane.out"; }
}
arrived() { # NAME LIMIT: all of it is there in time
    local begin took
    begin=$(now)
    until_true 90 unique_at_least "$lane" "$total" || { bad "$lane, $1: not all arrived"; show "$dir/$lane.out"; }
    took=$(seconds "$begin")
    at_most "$lane, $1: recovery" "$2" "$took" s
    ours "$flow_pid" || { bad "$lane, $1: the flow ended"; show "$dir/$lane.out"; }
}
# A portion is written while the fault lasts; the CPU is taken from its second second on.
down() { # NAME SECONDS LIMIT
    local before name="$1, $2 s"
    sleep 1
    feed
    before=$(cpu_ms "$flow_pid")
    sleep $(($2 - 1))
    at_most "$lane, $name: CPU" "$idle" \
        "$(awk "BEGIN{printf \"%.1f\", ($(cpu_ms "$flow_pid") - $before) / 10 / ($2 - 1)}")" %
    if [ "$1" = 'link down' ]; then link_up; else pass; fi
    arrived "$name" "$3"
}
end_lane() {
    end "$flow_pid" 30
    same "$lane: it stops in order" 0 "$code"
    audit_table "$lane: nothing is lost" "$lane" --count "$total" --producers 2 --expect-count "$total" --no-gaps \
        --max-duplicates $((12 * 2 * 8192))
    figure "$lane: $total records, $(counted duplicates) duplicates"
}
faults() { # NAME PORT
    local at=$2 come go
    begin_lane "$1"
    come="tcp sport $at" go="tcp dport $at"
    packets "$come numgen random mod 100 < 1 drop" "$go numgen random mod 100 < 1 drop"
    feed; feed
    arrived '1 % loss' 10
    packets "$come numgen random mod 100 < 10 drop" "$go numgen random mod 100 < 10 drop"
    feed
    arrived '10 % loss' 30
    pass
    packets "$come drop" "$go drop"
    down 'black hole' "$hole" 10
    packets "$come drop" ''
    down 'answers lost' 4 10
    packets '' "$go drop"
    down 'requests lost' 4 10
    link_down
    down 'link down' 4 10
    packets "$come reject with tcp reset" "$go reject with tcp reset"
    feed
    pass
    arrived 'connections reset' 10
    end_lane
}
# What a firewall does that forgot its table: the connections are dead, new ones are not.
dead() { # NAME PORT
    local ports begin
    begin_lane "$1"
    ports=$(ports_to "$2")
    packets "tcp dport { $ports } drop" "tcp sport { $ports } drop"
    feed
    arrived 'dead connections' 30
    end_lane
}

own_pg
echo 'host all all 198.18.0.0/15 scram-sha-256' >>"$(. "$dir/pg/env"; echo "$DF_PG_DATA")/pg_hba.conf"
sql 'select pg_reload_conf()' >/dev/null
sql "create schema $schema"
broker_port=${DF_KAFKA##*:}
lanes=(server:faults:$pg_port broker:faults:$broker_port server_dead:dead:$pg_port broker_dead:dead:$broker_port)
workers=()
[ -z "${DF_NET_LANES:-}" ] || mapfile -t lanes < <(printf '%s\n' "${lanes[@]}" | grep -E "^(${DF_NET_LANES//,/|}):")
for l in "${lanes[@]}"; do
    IFS=: read -r name kind port <<<"$l"
    (
        # Its own flow and link; the servers stay.
        started=() own_servers=() links=() dir=$dir lane=$BASHPID
        trap '[ "$BASHPID" = "$lane" ] && {
            for l in "${links[@]}"; do ip link del "$l"; done 2>/dev/null
            kill_started; }' EXIT
        $kind "$name" "$port"
        exit $failed
    ) >"$dir/$name.log" 2>&1 &
    workers+=($!)
done
skipped=
for i in "${!lanes[@]}"; do
    wait "${workers[i]}"
    code=$?
    cat "$dir/${lanes[i]%%:*}.log"
    case $code in 0) ;; 77) skipped=1 ;; *) failed=1 ;; esac
done
[ -z "$skipped" ] || [ "$failed" != 0 ] || exit 77
finish
