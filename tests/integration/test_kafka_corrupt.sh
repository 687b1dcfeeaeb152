#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# ctest: no-servers
# A damaged message set is fetched again, three times; then the run stops, names the place, and
# has committed all before it. A broker of its own, because its data is damaged.
dir=$(mktemp -d)
bed=$(cd "$(dirname "$0")/../bed" && pwd)
"$bed/kafka" start --dir "$dir/kafka" --parent $$ >"$dir/env" || exit 1
. "$dir/env"
export DF_KAFKA
rm -f "$dir/env"
broker=$dir/kafka
. "$(dirname "$0")/kafka_lib.sh"
own=$dir
leave_all() { leave; "$bed/kafka" stop --dir "$broker"; rm -rf "$(dirname "$broker")"; }
trap leave_all EXIT

topic damaged
for i in 0 1 2 3; do produce damaged --count 100 --from $((i * 100)) --keys 5 --size 200; done
log=$(ls "$broker"/data.1/"$(name_of damaged)"-0/*.log)
# A byte in the third of four message sets.
size=$(stat -c %s "$log")
printf '\xff' | dd of="$log" bs=1 seek=$((size * 5 / 8)) conv=notrunc 2>/dev/null
{ source_of damaged damaged; file_sink got.jsonl; } >"$own/damaged.yaml"
flow damaged 1
has 'says where' "$(name_of damaged) partition 0 offset 200 cannot be read" "$own/damaged.out"
has 'fetched again' 'fetched again' "$own/damaged.out"
same 'all before is there' 200 "$(wc -l <"$own/got.jsonl")"
same 'and committed' '{"0":200}' "$(offsets "$run.damaged" damaged)"
finish
