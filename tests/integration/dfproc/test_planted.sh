#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Secrets planted in the options of flows that fail: whole or in pieces, none of them leaves the
# process in a log line, an error, a page, a report or an error record. ctest: no-servers timeout=120
set -u
. "$(dirname "$0")/../../support/script.sh"
dir=$(mktemp -d)
evidence=("$dir/all")
pid=
trap '[ "$BASHPID" = $$ ] && { [ -n "$pid" ] && kill -KILL "$pid" 2>/dev/null; rm -rf "$dir"; }' EXIT
export XDG_STATE_HOME=$dir/state NO_COLOR=1
cd "$dir" || exit 1


# plant LENGTH: a secret whose pieces no ordinary text has; also split by commas. In $secret and a file.
plant() {
    secret=$(head -c 4096 /dev/urandom | base64 -w 0 | tr '+/=' 'xyz' | head -c "$1")
    [ "${2:-}" = split ] && secret=$(printf %s "$secret" | sed 's/.\{50\}/&,/g')
    printf '%s\n' "$secret" >"$dir/secret"
    printf %s "$secret" | tr , '\n' | awk -v n="$(( $1 < 8 ? $1 : 8 ))" \
        '{for (i = 1; i + n - 1 <= length($0); i++) print substr($0, i, n)}' >"$dir/pieces"
}

# hidden NAME: nothing of the secret is in $dir/all, and something is there at all
hidden() {
    if [ ! -s "$dir/all" ]; then bad "$1: no text at all"
    elif grep -qF -f "$dir/pieces" "$dir/all"; then bad "$1: a piece of the secret is told"
    else ok "$1"; fi
}

# every COMMAND on flow.yaml, with what it prints and the error records it writes
look() {
    : >refused.jsonl
    {
        timeout --foreground -k 5 20 dfproc "$@" </dev/null 2>&1
        for command in validate explain 'explain --json' 'preview -n 1'; do
            # shellcheck disable=SC2086
            timeout --foreground -k 5 20 dfproc $command flow.yaml </dev/null 2>&1
        done
        cat refused.jsonl
    } >"$dir/all"
}

flow() { printf '%s\n' "$@" >flow.yaml; }
generate='source: {type: generate, config: {count: 2}}'

for length in 4 5 7 8 9 40 120 255 256 300 511 600 1100; do
    plant "$length"
    flow "source: {type: stdio, config: {path: '/nowhere/\${file:$dir/secret}'}}" "sink: {type: 'null'}"
    look run -u --no-progress flow.yaml
    hidden "path of a source, $length bytes"
    flow "$generate" "sink: {type: stdio, config: {path: '/nowhere/\${file:$dir/secret}'}}"
    look run -u --no-progress flow.yaml
    hidden "path of a sink, $length bytes"
    [ "$length" -gt 63 ] && continue
    flow "$generate" "sink: {type: postgresql, config: {table: t," \
        "connectionString: 'host=/nowhere user=u password=$secret sslmode=bad$secret'}}"
    look run -u --no-progress flow.yaml
    hidden "a connection string that is wrong, $length bytes"
done

# The environment is no secret in an option for a host, and one in a password.
# start TEXT: runs flow.yaml until its page has this text, and keeps the pages and the log
start() {
    dfproc run --no-progress --metrics-port 127.0.0.1:0 flow.yaml >log 2>&1 &
    pid=$!
    for _ in $(seq 200); do
        address=$(grep -o 'http://[^/]*' log | head -n 1)
        for path in / /metrics; do curl -s -m 5 "$address$path"; done >all
        grep -qF "$1" all && break
        sleep 0.05
    done
    if grep -qF "$1" all; then ok "a page has $1"; else bad "no page with $1"; fi
    kill -KILL "$pid"
    wait "$pid" 2>/dev/null
    pid=
    cat log >>all
}

sink="sink: {type: postgresql, config: {table: '\${env:DF_T}', connectionString: 'postgres://u:\${env:DF_W}@\${env:DF_H}:1/db'}}"
plant 30
export DF_T=orders DF_H=localhost DF_W=$secret
flow "$generate" "$sink"
start localhost
hidden 'the password in a connection string'

# A partition is named by its path.
plant 200
yes '{"a":1}' | head -c 40000000 >"$secret"
flow 'memoryLimit: 16MiB' "source: {type: stdio, config: {path: '\${file:$dir/secret}'}}" "$sink"
start '<h2>Partitions'
hidden 'the path that names a partition'

# An option with a reference is judged when it has its value.
DF_T=a..b timeout --foreground -k 5 20 dfproc run -u --no-progress flow.yaml >all 2>&1
if grep -q 'table: a part of the name is empty' all; then ok 'a bad name of a table is refused at the start'; else bad 'a bad name of a table'; fi

exit $failed
