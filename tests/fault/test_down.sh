#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# ctest: no-servers timeout=120
# What a process costs, and how it ends, while something below it is down for long: without a server.
set -u
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
. "$here/../support/script.sh"
dir=$(mktemp -d)
evidence=("$dir/out")
export XDG_STATE_HOME=$dir/home NO_COLOR=1
shim=$(ls "${DF_BUILD_DIR:-}"/lib/ioshim.so 2>/dev/null) || { echo 'no ioshim.so in this build'; exit 77; }
[ "${DF_SANITIZE:-}" = address ] && shim="$(gcc -print-file-name=libasan.so) $shim"
pid=
trap '[ "$BASHPID" = $$ ] && { [ -n "$pid" ] && kill -KILL "$pid" 2>/dev/null; rm -rf "$dir"; }' EXIT
flow() { # SINK-OPTIONS: from a file of ten lines
    seq -f '{"n":%.0f}' 10 >"$dir/in"
    printf 'source: {type: stdio, config: {path: %s/in}}\nsink: {type: stdio, config: {path: %s/io/out%s}}\nstopTimeout: 1s\n' \
        "$dir" "$dir" "$1" >"$dir/flow.yaml"
    rm -rf "$dir/state" "$dir/io"; mkdir "$dir/state" "$dir/io"
}
# Ends with SIGTERM; the exit code in $code.
stop() { # NAME
    kill -TERM "$pid"
    "$here/deadline" "$pid" 6000 >/dev/null || { bad "$1: no end within stopTimeout and 5 s"; kill -KILL "$pid"; }
    wait "$pid" 2>/dev/null
    code=$?
    pid=
}
written() { [ -s "$dir/io/out" ]; }

# ---- a call that never returns: the process ends without it ---------------------------------------------
hanging() { # NAME STAGE FOLDER SINK-OPTIONS
    flow "$4"
    LD_PRELOAD=$shim DF_IOSHIM=1:0:$3 DF_IOSHIM_HANG=1 dfproc run "$dir/flow.yaml" --state-dir "$dir/state" >"$dir/out" 2>&1 &
    pid=$!
    until_true 10 written || bad "$1: nothing written"
    stop "$1"
    case $code in 0 | 1) ok "$1: ends with $code" ;; *) bad "$1: exit code $code" ;; esac
    if grep -q "/$2: does not come back from a call and is left behind" "$dir/out"; then ok "$1: says so"; else
        bad "$1: does not say so"; fi
}
hanging 'sync of the sink' sink "$dir/io" ', sync: true'
hanging 'sync of the positions' store "$dir/state" ''

# ---- positions cannot be saved: what a kill repeats stays within maxUncommitted --------------------------
# Folders stand where the slots are written; the names are those of a first run.
block() {
    dfproc run "$dir/flow.yaml" -u --state-dir "$dir/state" >/dev/null 2>&1
    slots=$(echo "$dir"/state/*.lock) slots=${slots%.lock}
    rm -f "$slots".[01] "$dir/io/out"
    mkdir "$slots.0.new" "$slots.1.new"
}
unblock() { rmdir "$slots.0.new" "$slots.1.new"; }
gauge() { curl -sf "http://$address/metrics" | sed -n 's/^dataflow_uncommitted_records[^ ]* //p'; }
is_held() { [ "$(gauge)" -ge 20000 ] 2>/dev/null; }
serves() { address=$(sed -n 's/.*http:\/\/\([0-9.]*:[0-9]*\).*/\1/p' "$dir/out" | head -n 1); [ -n "$address" ]; }
unsaved() { # a run that is held at the bound
    : >"$dir/out" # else the address of the run before may be read
    dfproc run "$dir/flow.yaml" -u --state-dir "$dir/state" --metrics-port 127.0.0.1:0 >"$dir/out" 2>&1 &
    pid=$!
    until_true 10 serves || bad 'no metrics'
    until_true 30 is_held || bad "not held by maxUncommitted: $(gauge)"
}
flow ''
echo 'maxUncommitted: 20000' >>"$dir/flow.yaml"
block
bound=$(dfproc explain "$dir/flow.yaml" | grep -o 'after a kill at most [0-9]*' | grep -o '[0-9]*') # what explain promises
seq -f '{"n":%.0f}' 200000 >"$dir/in"
unsaved
shown=$(gauge)
kill -KILL "$pid"; wait "$pid" 2>/dev/null
written=$(wc -l <"$dir/io/out")
if [ "$written" -gt 0 ] && [ "$written" -le "$shown" ] && [ "$shown" -le $bound ]; then
    ok "a kill repeats $written, shown were $shown, explain says $bound"; else
    bad "a kill repeats $written, shown were $shown, explain says $bound"; fi
unsaved
cpu() { awk '{print ($14 + $15) * 10}' "/proc/$1/stat"; }
before=$(cpu "$pid"); sleep 2; spent=$(($(cpu "$pid") - before))
if [ "$spent" -le 100 ]; then ok "held: $spent ms of CPU in 2 s"; else bad "held: $spent ms of CPU in 2 s"; fi
unblock
until_true 60 eval '! kill -0 $pid 2>/dev/null' || bad 'does not go on when it can save again'
wait "$pid"; code=$?; pid=
[ $code = 0 ] && ok 'goes on when it can save again' || bad "exit code $code"
distinct=$(sort -u "$dir/io/out" | wc -l) total=$(wc -l <"$dir/io/out")
if [ "$distinct" = 200000 ] && [ $((total - distinct)) -le $bound ]; then ok "all written, $((total - distinct)) twice"; else
    bad "$distinct of 200000 written, $((total - distinct)) twice"; fi

# ---- a bounded run whose last position cannot be saved: a few tries, not a busy core ---------------------
flow ''
block
begun=$SECONDS
dfproc run "$dir/flow.yaml" -u --state-dir "$dir/state" >"$dir/out" 2>&1
code=$?
if [ "$code" = 1 ] && [ $((SECONDS - begun)) -le $((8 * slack)) ]; then ok 'a run that cannot save its end fails in time'; else
    bad "exit code $code after $((SECONDS - begun)) s"; fi
tries=$(grep -c '"msg":"flow/store' "$dir/out")
if [ "$tries" -le 20 ]; then ok "with $tries tries"; else bad "$tries tries"; fi
# ---- no descriptor is left, and connections wait to be taken: neither the pages nor the flow spin --------
# busy NAME MOST: CPU of 3 s, in ms
busy() {
    local before spent
    before=$(cpu "$pid"); sleep 3; spent=$(($(cpu "$pid") - before))
    if [ "$spent" -le "$2" ]; then ok "$1: $spent ms of CPU in 3 s"; else bad "$1: $spent ms of CPU in 3 s"; fi
}
# From the lowest number that is not in use on none can be opened, and three connections wait.
no_descriptor() {
    local free=0
    while [ -e "/proc/$pid/fd/$free" ]; do free=$((free + 1)); done
    prlimit --pid "$pid" --nofile="$free:" || bad 'no limit set'
    for _ in 1 2 3; do curl -s -m 5 "http://$address/livez" >/dev/null & done
}
alive() { curl -sf -m 5 "http://$address/livez" >/dev/null; }
descriptors_back() { # NAME
    prlimit --pid "$pid" --nofile=1024:
    until_true 10 alive && ok "$1: the pages are back with the descriptors" || bad "$1: the pages do not come back"
    stop "$1"
    [ "$code" = 0 ] && ok "$1: ends with 0" || bad "$1: exit code $code"
}
serve() {
    rm -rf "$dir/state" "$dir/io"; mkdir "$dir/state" "$dir/io"
    : >"$dir/out"
    dfproc run "$dir/flow.yaml" --state-dir "$dir/state" --metrics-port 127.0.0.1:0 >"$dir/out" 2>&1 &
    pid=$!
    until_true 10 serves || bad 'no metrics'
}
printf 'source: {type: generate, config: {rate: 10}}\nsink: {type: stdio, config: {path: %s/io/out}}\n' "$dir" >"$dir/flow.yaml"
serve
until_true 10 written || bad 'nothing written'
no_descriptor
busy 'no descriptor' 150
descriptors_back 'no descriptor'

# ---- nothing there at all: no broker, no server, then no descriptor either -------------------------------
closed=$(perl -MIO::Socket::INET -e 'print IO::Socket::INET->new(LocalAddr => "127.0.0.1", Proto => "tcp", Listen => 1)->sockport')
cat >"$dir/flow.yaml" <<END
source: {type: kafka, config: {brokers: "127.0.0.1:$closed", topic: t, consumerGroup: g}}
sink: {type: postgresql, config: {connectionString: "postgres://u@127.0.0.1:$closed/d", table: t}}
errors: {type: kafka, config: {brokers: "127.0.0.1:$closed", topic: e}}
END
serve
told() { [ "$(grep -cE 'flow/(source|sink|errors)' "$dir/out")" -ge 3 ]; }
until_true 20 told || bad 'no servers: not told'
busy 'no servers' 150
no_descriptor
busy 'no servers, no descriptor' 300
descriptors_back 'no servers'
exit $failed
