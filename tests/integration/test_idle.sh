#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# A flow that waits for records hardly wakes up: its threads give the processor away a few times a
# second at most. ctest: no-servers
dir=$(mktemp -d)
trap '[ "$BASHPID" = $$ ] && { kill "$flow" 2>/dev/null; wait; rm -rf "$dir"; }' EXIT
mkfifo "$dir/in"
exec 9<>"$dir/in" # a writer, so that the flow waits
cat >"$dir/flow.yaml" <<END
source: {type: stdio, config: {path: $dir/in}}
sink: {type: stdio, config: {path: $dir/out}}
END
dfproc run --no-progress --state-dir "$dir/state" "$dir/flow.yaml" 2>"$dir/log" &
flow=$!

switches() { cat /proc/$flow/task/*/status | awk '/^voluntary_ctxt_switches/ { n += $2 } END { print n }'; }

for _ in $(seq 100); do
    echo '{"a":1}' >&9
    sleep 0.1
    [ -s "$dir/out" ] && break
done
[ -s "$dir/out" ] || { echo 'no record arrived'; cat "$dir/log"; exit 1; }
sleep 4 # it becomes quiet step by step
before=$(switches)
sleep 6 # the time that is measured
n=$(($(switches) - before))
echo "$n switches in 6 s"
[ "$n" -le 30 ] || { echo "more than 5 a second"; exit 1; }
