#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Output that takes nothing more: a device that is full is told and tried again, a stop ends the run;
# a disk that is full holds the flow until there is room, and nothing is lost or written twice.
# ctest: no-servers timeout=120
set -u
. "$(dirname "$0")/../../support/script.sh"
dir=$(mktemp -d)
evidence=("$dir/log")
pid=
trap '[ "$BASHPID" = $$ ] && { [ -n "$pid" ] && kill -KILL "$pid" 2>/dev/null; rm -rf "$dir"; }' EXIT
export XDG_STATE_HOME=$dir/state
says() { # PATTERN: the log has such a line, within 30 s
    for _ in $(seq 600); do
        grep -q -e "$1" "$dir/log" && return 0
        sleep 0.05
    done
    return 1
}

# ---- a device ---------------------------------------------------------------------------------
printf '{"n":1}\n{"n":2}\n' >"$dir/in.jsonl"
cat >"$dir/device.yaml" <<'YAML'
stopTimeout: 1s
source: {type: stdio}
sink: {type: stdio}
YAML
dfproc run -u "$dir/device.yaml" --metrics-port 0 <"$dir/in.jsonl" >/dev/full 2>"$dir/log" &
pid=$!
says 'no space left on standard output: trying again for 600 s; next try in' &&
    ok '/dev/full: told, with the delay' || bad '/dev/full: not told'
address=$(grep -o 'http://[^/ "]*' "$dir/log" | head -n 1)
curl -s -m 10 "$address/status" >"$dir/status"
grep -q '"name":"sink".*"last_error":"no space left on standard output' "$dir/status" &&
    ok '/dev/full: in the status' || bad "/dev/full: status $(cat "$dir/status")"
kill -TERM "$pid"
wait "$pid"
code=$?
pid=
# What came by a pipe cannot be read again: that is a failure, and it is told.
[ "$code" = 1 ] && grep -q '2 records of stdin were given up' "$dir/log" &&
    ok '/dev/full: a stop ends it and says what is lost' || bad "/dev/full: exit code $code, not 1"
grep -q '"msg":"finished".*"received":2,.*"sent":0,.*"abandoned":2,"in_flight":0' "$dir/log" &&
    ok '/dev/full: nothing counts as sent' || bad '/dev/full: counts'
dfproc run -u "$dir/device.yaml" --set "source.config.path=$dir/in.jsonl" >/dev/full 2>"$dir/log" &
pid=$!
says 'no space left on standard output' || bad '/dev/full, from a file: not told'
kill -TERM "$pid"
wait "$pid"
code=$?
pid=
[ "$code" = 0 ] && ok '/dev/full, from a file: a stop ends in order' || bad "/dev/full, from a file: exit code $code"
dfproc run -u "$dir/device.yaml" --set "source.config.path=$dir/in.jsonl" >"$dir/again" 2>"$dir/log"
cmp -s "$dir/in.jsonl" "$dir/again" && ok '/dev/full, from a file: the next run has it all' || bad 'the next run'

# ---- a disk -----------------------------------------------------------------------------------
# In a mount namespace of its own; where nobody may make one there is nothing to look at.
unshare -rm true 2>/dev/null || { echo 'skipped: no mount namespaces here'; [ $failed = 0 ] && exit 77; exit 1; }
for n in $(seq 8000); do echo "{\"n\":$n,\"text\":\"abcdefghijklmnopqrstuvwxyz\"}"; done >"$dir/many.jsonl"
mkdir "$dir/small"
cat >"$dir/disk.yaml" <<YAML
source: {type: stdio, config: {path: $dir/many.jsonl}}
sink: {type: stdio, config: {path: $dir/small/out.jsonl}}
YAML
cat >"$dir/inside" <<'INSIDE'
mount -t tmpfs -o size=128k tmpfs "$1/small" || exit 70
dfproc run -u "$1/disk.yaml" 2>"$1/log" &
for _ in $(seq 600); do
    grep -q 'no space left for .*out.jsonl: waiting until there is; nothing is lost; next try in' "$1/log" && break
    sleep 0.05
done
stat -c %s "$1/small/out.jsonl" >"$1/full"
mount -o remount,size=4m "$1/small" || exit 71
wait "$!"
code=$?
cp "$1/small/out.jsonl" "$1/out.jsonl"
exit $code
INSIDE
unshare -rm bash "$dir/inside" "$dir"
code=$?
[ "$code" = 0 ] && ok 'disk: ends when there is room' || bad "disk: exit code $code"
says 'waiting until there is; nothing is lost; next try in' && ok 'disk: told' || bad 'disk: not told'
[ "$(cat "$dir/full")" -le 131072 ] && ok 'disk: it was full' ||
    bad "disk: $(cat "$dir/full") bytes"
cmp -s "$dir/many.jsonl" "$dir/out.jsonl" && ok 'disk: every line once, in order' ||
    bad "disk: $(wc -l <"$dir/out.jsonl") lines"

# ---- the folder of positions ------------------------------------------------------------------
cat >"$dir/positions" <<'INSIDE'
mount -t tmpfs -o size=64k tmpfs "$1/small" || exit 70
dd if=/dev/zero of="$1/small/all" bs=1k count=80 2>/dev/null
exec dfproc run -u "$1/disk.yaml" --set "sink.config.path=$1/out.jsonl" --set stopTimeout=1s \
    --state-dir "$1/small/state" 2>"$1/log"
INSIDE
unshare -rm timeout --foreground 60 bash "$dir/positions" "$dir"
code=$?
[ "$code" = 1 ] && grep -q 'positions could not be stored: No space left on device' "$dir/log" &&
    ok 'positions: the run fails and says why' || bad "positions: exit code $code"
grep -q 'connection failed' "$dir/log" && bad 'positions: no connection failed' ||
    ok 'positions: nothing of a connection'
exit "$failed"
