#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# ctest: no-servers
# Three brokers, one of which advertises an address where nobody listens, and another one a name that
# does not exist: the log says who names what and why it fails, a look before the run too; what can be
# read is read, and the rest waits until the addresses are right.
folder=$(mktemp -d)
bed=$(cd "$(dirname "$0")/../../bed" && pwd)
. "$bed/lib.sh"
read -r port control < <(free_ports 2)
"$bed/kafka" start --dir "$folder/kafka" --parent $$ --brokers 3 --conf default.replication.factor=1 --proxy-listener "$port,localhost:1,nosuch.invalid:9092" >"$folder/env" || exit 1
. "$folder/env"
export DF_KAFKA
. "$(dirname "$0")/../kafka_lib.sh"
leave_all() { [ "$BASHPID" = $$ ] || return; leave; "$bed/kafka" stop --dir "$folder/kafka"; rm -rf "$folder"; }
trap leave_all EXIT
faultproxy run "$port" "$(cut -d, -f1 <<<"${DF_KAFKA_EXT}" | cut -d: -f2)" "$control" &
flows+=("$!")
until_true 10 faultproxy tell "$control" stat >/dev/null 2>&1 || bad 'no proxy'
asked=127.0.0.1:$port


# Three partitions without replicas have a leader on each broker, which stays there.
topic in 3 && topic out 3 || bad 'no topics'
# A topic is made at one broker; the one that is asked knows it a little later, and the coordinator of
# groups needs a topic of its own first.
knows() { [ "$(kcat -b "$asked" -L -t "$(name_of "$1")" 2>/dev/null | grep -c 'partition .*leader [1-3]')" = 3 ]; }
until_true 60 knows in && until_true 60 knows out || bad 'the topics are not told'
coordinated() { timeout 20 kcat -b "$DF_KAFKA" -G "$run.first" -e -q "$(name_of in)" >/dev/null 2>&1; }
until_true 60 coordinated || bad 'no coordinator'
seq 300 | sed 's/.*/{"n":&}/' >"$dir/lines"
{ echo "source: {type: stdio, config: {path: $dir/lines}}"; sink_to out 'key: $.n'; } | sed "s/$DF_KAFKA/$asked/" >"$dir/writes.yaml"
{ source_of in reads; file_sink reads.jsonl; } | sed "s/$DF_KAFKA/$asked/" >"$dir/reads.yaml"
kcat -b "$DF_KAFKA" -P -t "$(name_of in)" <"$dir/lines"
second='broker 2 is at localhost:1 (its advertised.listeners), and there it is not reached: nobody listens there'
third='is at nosuch.invalid:9092.*: this name has no address'
values() { kcat -b "$DF_KAFKA" -C -e -q -o beginning -t "$(name_of out)" | sort -u; }

for kind in sink:writes source:reads; do
    name=${kind#*:}
    begin=$SECONDS
    dfproc validate --connect "$dir/$name.yaml" >"$dir/$name.look.out" 2>&1
    same "a look: ${kind%:*}" 1 $?
    has "a look, ${kind%:*}: who says what" "$asked answers and says that $second" "$dir/$name.look.out"
    has "a look, ${kind%:*}: the other one too" "broker 3 at nosuch.invalid:9092: this name has no address" "$dir/$name.look.out"
    [ $((SECONDS - begin)) -le $((12 * slack)) ] || bad "a look took $((SECONDS - begin)) s"
done

start writes writes; writes=$pid
start reads reads; reads=$pid
told() { grep -q "$asked answers and says that $second" "$dir/writes.out" && grep -q "$third" "$dir/writes.out" && grep -q 'answers and says that .*broker.*advertised.listeners' "$dir/reads.out"; }
until_true 60 told && ok told || { bad 'not told'; tail -n 5 "$dir/writes.out" "$dir/reads.out" | cut -c1-300; }
some() { [ "$(values | wc -l)" -ge 50 ]; }
until_true 20 some && ok 'what can be written is written' || bad "written: $(values | wc -l)"
[ "$(values | wc -l)" -lt 200 ] || bad "written, though brokers are away: $(values | wc -l)"
ours "$writes" && ours "$reads" && ok 'the rest waits' || bad 'a flow ended'

# ---- the addresses are corrected ----------------------------------------------------------------------------
for n in 2 3; do
    sed -i "s#EXT://\(localhost:1\|nosuch.invalid:9092\)\$#EXT://$(cut -d, -f$n <<<"$DF_KAFKA_EXT")#" "$folder/kafka/server.$n.properties"
    "$bed/kafka" restart --dir "$folder/kafka" --broker $n >/dev/null
done
all() { [ "$(values | wc -l)" = 300 ] && [ "$(wc -l <"$dir/reads.jsonl")" -ge 300 ]; }
until_true 90 all && ok 'all of it, once the addresses are right' || { bad "written $(values | wc -l), read $(wc -l <"$dir/reads.jsonl")"; tail -n 5 "$dir/writes.out" "$dir/reads.out" | cut -c1-300; }
end "$reads" 20
same 'each record once' "$(sort "$dir/lines")" "$(kcat -b "$DF_KAFKA" -C -e -q -o beginning -t "$(name_of out)" | sort)"
same 'each is read once' "$(sort "$dir/lines")" "$(sort "$dir/reads.jsonl")"
finish
