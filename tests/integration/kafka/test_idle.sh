#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# ctest: no-servers
# Something between client and broker forgets idle connections without a word, or the broker closes them:
# with an idle limit below that, the next record is out at once, and nobody hears of an error.
folder=$(mktemp -d)
bed=$(cd "$(dirname "$0")/../../bed" && pwd)
. "$bed/lib.sh"
read -r port control < <(free_ports 2)
"$bed/kafka" start --dir "$folder/kafka" --parent $$ --proxy-listener "$port" --conf connections.max.idle.ms=10000 >"$folder/env" || exit 1
. "$folder/env"
export DF_KAFKA
. "$(dirname "$0")/../kafka_lib.sh"
leave_all() { [ "$BASHPID" = $$ ] || return; leave; "$bed/kafka" stop --dir "$folder/kafka"; rm -rf "$folder"; }
trap leave_all EXIT
faultproxy run "$port" "${DF_KAFKA_EXT##*:}" "$control" &
flows+=("$!")
until_true 10 faultproxy tell "$control" stat >/dev/null 2>&1 || bad 'no proxy'
faultproxy tell "$control" forget 8000 >/dev/null

# The sources never idle: they fetch. `bare` keeps idle connections, and the proxy forgets them; `direct`
# keeps them too, and the broker closes them.
flow_of() { # NAME BROKER OPTIONS-OF-THE-SINK
    topic "$1"
    { source_of in "$1" 'properties: {session.timeout.ms: 6000, heartbeat.interval.ms: 300}'; sink_to "$1" "$3" | sed "s/$DF_KAFKA/$2/"; } >"$dir/$1.yaml"
}
proxy=127.0.0.1:$port below='properties: {connections.max.idle.ms: "5000"}' never='properties: {connections.max.idle.ms: "0"}'
topic in
flow_of plain $proxy "$below"
flow_of exact $proxy "transactionalId: $run, $below"
sed -i '1i deliveryGuarantee: exactlyOnce' "$dir/exact.yaml"
flow_of bare $proxy "$never"
flow_of direct "$DF_KAFKA" "$never"
put() { echo "{\"n\":$1}" | kcat -b "$DF_KAFKA" -P -t "$(name_of in)"; }
values() { kcat -b "$DF_KAFKA" -C -e -q -X isolation.level=read_committed -o beginning -t "$(name_of "$1")"; }
arrived() { # NUMBER FLOW…
    local name
    for name in "${@:2}"; do [ "$(values "$name" | wc -l)" = "$1" ] || return 1; done
}
for name in plain exact bare direct; do start $name; done
put 1
until_true 30 arrived 1 plain exact bare direct || bad 'the first record is not there'
since=$(now)
idled() { [ $(($(now) - since)) -ge 20000 ]; }
until_true 25 idled
put 2
begin=$(now)
until_true 20 arrived 2 plain exact direct || bad "after idling: plain $(values plain | wc -l), exact $(values exact | wc -l), direct $(values direct | wc -l) of 2"
took=$(($(now) - begin))
[ $took -le $((5000 * slack)) ] && ok "after idling: the next record is out ($took ms)" || bad "after idling: only after $took ms"
arrived 2 bare && bad 'the proxy forgets nothing, so this test shows nothing'
same 'no warning, no error' '' "$(grep -h '"level":"\(warn\|error\)"' "$dir/plain.out" "$dir/exact.out" "$dir/direct.out")"
for pid in "${flows[@]:1}"; do end "$pid" 20; done
finish
