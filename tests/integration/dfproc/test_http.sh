#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# HTTP pages, probes and signals of a running dfproc. ctest: no-servers timeout=120
set -u
. "$(dirname "$0")/../../support/script.sh"
dir=$(mktemp -d)
evidence=("$dir/log" "$dir/page")
pid=
trap '[ "$BASHPID" = $$ ] && { [ -n "$pid" ] && kill -KILL "$pid" 2>/dev/null; rm -rf "$dir"; }' EXIT
export XDG_STATE_HOME=$dir/state


cat >"$dir/spec.json" <<'JSON'
{"source": {"type": "generate", "config": {"rate": 500, "template": "{\"n\":${seq}}"}},
 "transformations": [{"type": "filter", "config": {"condition": "$.n != 3"}}],
 "sink": {"type": "null"}}
JSON

# start ARGS...: waits until the address is known
start() {
    dfproc "$@" >"$dir/stdout" 2>"$dir/log" &
    pid=$!
    for _ in $(seq 600); do
        address=$(grep -o 'http://[^/]*' "$dir/log" | head -n 1)
        [ -n "$address" ] && return 0
        sleep 0.05
    done
    bad 'no address in the log'
    exit 1
}

# ends CODE NAME: waits for the end
ends() {
    local rc
    wait "$pid"
    rc=$?
    pid=
    if [ "$rc" = "$1" ]; then ok "$2"; else bad "$2: exit code $rc, not $1"; fi
}

get() { curl -s -m 20 -o "$dir/page" -w '%{http_code}' "$address$1"; }

# page PATH CODE TEXT
page() {
    local code
    code=$(get "$1")
    if [ "$code" = "$2" ] && grep -qF -- "$3" "$dir/page"; then ok "$1: $3"; else bad "$1: $code, not $2 with $3"; fi
}

until_code() { # PATH CODE
    for _ in $(seq 600); do
        [ "$(get "$1")" = "$2" ] && return 0
        sleep 0.05
    done
    return 1
}

start --spec-path "$dir/spec.json" --namespace shop --name numbers --metrics-port 127.0.0.1:0
if until_code /readyz 200; then ok 'becomes ready'; else bad 'becomes ready'; fi
moved=
for _ in $(seq 600); do # the metrics count more than a few records
    get /metrics >"$dir/code"
    moved=$(awk '/^dataflow_[a-z_]*received[a-z_]*\{/ { if ($NF > n) n = $NF } END { print n + 0 }' "$dir/page")
    [ "$moved" -gt 10 ] && break
    sleep 0.05
done
[ "$moved" -gt 10 ] && ok 'records flow' || bad "records flow: $moved"
page /healthz 200 ok
page /livez 200 live
page / 200 '<title>shop/numbers</title>'
page / 200 'received '
page / 200 '<meta http-equiv=refresh'
page /metrics 200 'process_cpu_seconds_total'
page /metrics 200 'namespace="shop",name="numbers"'
cp "$dir/page" "$dir/metrics"
if command -v promtool >/dev/null; then
    if promtool check metrics <"$dir/metrics" >"$dir/page" 2>&1; then ok 'promtool accepts it'; else bad 'promtool'; fi
fi
page /status 200 '"stages"'
python3 - "$dir/page" <<'PY' && ok '/status is JSON with rates' || bad '/status'
import json, sys
status = json.load(open(sys.argv[1]))
assert status["state"] == "running" and status["live"] is True, status
assert status["stats"]["ready"] == 1 and status["uptime_seconds"] > 0, status
assert [s["name"] for s in status["stages"]] == ["source", "0 filter", "sink"], status
assert all(s["in_per_second"] > 10 for s in status["stages"][1:]), status["stages"]
assert 0 < status["rate_seconds"] < 120 and status["records_per_second"] >= 0, status
PY
kill -USR1 "$pid"
for _ in $(seq 600); do
    [ "$(grep -c '"msg":"status"' "$dir/log")" = 4 ] && break
    sleep 0.05
done
python3 - "$dir/log" <<'PY' && ok 'SIGUSR1 gives a line for the flow and each stage' || bad 'SIGUSR1'
import json, sys
rows = [r for r in map(json.loads, open(sys.argv[1])) if r["msg"] == "status"]
assert rows[0]["state"] == "running" and rows[0]["received"] > 10, rows
assert [r["stage"]["name"] for r in rows[1:]] == ["source", "0 filter", "sink"], rows
assert all(r["stage"]["state"] == "ready" for r in rows[1:]), rows
assert rows[3]["stage"]["in_per_second"] > 10, rows
PY
page /nothing 404 'not found'
code=$(curl -s -m 20 -o /dev/null -w '%{http_code}' -X POST -d x=1 "$address/metrics")
[ "$code" = 405 ] && ok 'POST is refused' || bad "POST: $code"
# A client that says nothing holds nobody up.
exec 5<>"/dev/tcp/127.0.0.1/${address##*:}"
page /healthz 200 ok
exec 5>&-
# Neither do a hundred of one client; another one is answered.
exec 6< <(python3 -c '
import socket, sys, time
held = [socket.create_connection(("127.0.0.1", int(sys.argv[1]))) for _ in range(100)]
for s in held:
    try:
        s.send(b"GET /metrics HT")
    except OSError:
        pass
print("held", flush=True)
time.sleep(60)' "${address##*:}")
crowd=$!
read -r -u 6 -t 20 _ || bad 'no crowd of clients'
code=$(curl -s -m 5 --interface 127.0.0.2 -o /dev/null -w '%{http_code}' "$address/readyz")
[ "$code" = 200 ] && ok 'a crowd of silent clients blocks nobody else' || bad "beside a crowd of clients: $code"
kill "$crowd" 2>/dev/null
exec 6<&-
kill -HUP "$pid"
sleep 0.2
page /healthz 200 ok
kill -TERM "$pid"
ends 0 'SIGTERM ends with 0'
grep -q '"msg":"finished".*"result":"done"' "$dir/log" && ok 'says how it ended' || bad 'says how it ended'
grep -q '"pipeline":"numbers"' "$dir/log" && ok 'log lines name the pipeline' || bad 'log lines name the pipeline'
python3 - "$dir/log" <<'PY' && ok 'counts add up, every line is JSON' || bad 'counts'
import json, sys
rows = [json.loads(line) for line in open(sys.argv[1])]
end = [r for r in rows if r["msg"] == "finished"][0]
assert end["received"] > 10, end
assert end["filtered"] == 1, end
assert end["received"] + end["expanded"] == sum(
    end[k] for k in ("sent", "left_out", "filtered", "errored", "skipped", "abandoned", "in_flight")), end
PY

# SIGINT, a named pipe nobody writes to: ends although it waits.
mkfifo "$dir/pipe"
printf 'source: {type: stdio, config: {path: %s}}\nsink: {type: stdio}\n' "$dir/pipe" >"$dir/pipe.yaml"
start run "$dir/pipe.yaml" --metrics-port 0
kill -INT "$pid"
ends 0 'SIGINT while the source waits'

# A sink that is away: what is wrong and when it is tried again, also in the status, at any level.
if dfproc connectors --words sink | grep -q postgresql; then
    cat >"$dir/away.yaml" <<'YAML'
source: {type: generate, config: {rate: 5}}
sink: {type: postgresql, config: {connectionString: "postgresql://u@127.0.0.1:1/d", table: t}}
YAML
    start run "$dir/away.yaml" --metrics-port 0 --log-level info --log-format text
    for _ in $(seq 600); do
        grep -q 'away/sink: .*; next try in [0-9]*\.[0-9] s' "$dir/log" && break
        sleep 0.05
    done
    grep -q 'away/sink: .*; next try in [0-9]*\.[0-9] s' "$dir/log" && ok 'a retry names the delay' || bad 'a retry names the delay'
    kill -USR1 "$pid"
    for _ in $(seq 600); do
        grep -q '^sink: ' "$dir/log" && break
        sleep 0.05
    done
    grep -q '^starting: received' "$dir/log" && grep -Eq '^sink: (backoff|opening), in [0-9]+, in/s .*, last error: ' "$dir/log" &&
        ok 'SIGUSR1 in text' || bad 'SIGUSR1 in text'
    kill -KILL "$pid"
    wait "$pid" 2>/dev/null
    pid=
fi

# The port is taken: a clear message.
start run "$dir/spec.json" --metrics-port 127.0.0.1:0
if dfproc run "$dir/spec.json" --state-dir "$dir/other" --metrics-port "${address#http://}" >"$dir/page" 2>&1; then
    bad 'a taken port must fail'
elif grep -q 'cannot listen on .*Address already in use' "$dir/page"; then
    ok 'a taken port is named'
else
    bad 'a taken port is named'
fi
# Both at once come from one wish: a shell or supervisor signals the process and its group.
kill -INT "$pid"
kill -TERM "$pid"
ends 0 'SIGINT'
grep -q 'stopping at once' "$dir/log" && bad 'the echo of a signal hurries' || ok 'the echo of a signal does not hurry'

exit "$failed"
