#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# The pages of dfproc while its system calls fail at random, by seed: a request is answered or its
# connection ends; the flow goes on, and the process ends in order. ctest: no-servers timeout=120
set -u
. "$(dirname "$0")/../support/script.sh"
dir=$(mktemp -d)
pid= evidence=("$dir/log")
trap '[ "$BASHPID" = $$ ] && { [ -n "$pid" ] && kill -KILL "$pid" 2>/dev/null; rm -rf "$dir"; }' EXIT
shim=${DF_BUILD_DIR:-}/lib/ioshim.so
[ -e "$shim" ] || { echo 'no ioshim.so in this build'; exit 77; }
# The sanitizer's library wants to be first.
[ "${DF_SANITIZE:-}" = address ] && shim="$(gcc -print-file-name=libasan.so) $shim"
ulimit -c 0
cat >"$dir/flow.yaml" <<'YAML'
source: {type: generate, config: {rate: 500}}
sink: {type: "null"}
YAML

asked=0 answered=0 ended=0
for seed in $(seq "${DF_SHIM_SEEDS:-4}"); do
    : >"$dir/log"
    DF_IOSHIM=$seed:10000:$dir/state LD_PRELOAD=$shim DF_IOSHIM_REPORT=$dir/report \
        dfproc run "$dir/flow.yaml" --state-dir "$dir/state" --metrics-port 127.0.0.1:0 >"$dir/log" 2>&1 &
    pid=$!
    address=
    for _ in $(seq 300); do
        address=$(grep -o 'http://[^/]*' "$dir/log" | head -n 1)
        [ -n "$address" ] && break
        kill -0 "$pid" 2>/dev/null || break
        sleep 0.05
    done
    if [ -z "$address" ]; then # it may end when it cannot begin, with a reason
        kill -KILL "$pid" 2>/dev/null && bad "seed $seed: neither an address nor an end"
        wait "$pid"
        [ $? = 1 ] && [ -s "$dir/log" ] || bad "seed $seed: not begun, and no reason"
        ended=$((ended + 1)) pid=
        continue
    fi
    for path in / /metrics /readyz /livez /healthz /nothing /metrics / /metrics /healthz; do
        for _ in 1 2 3; do
            code=$(curl -s -m 20 -o "$dir/page" -w '%{http_code}' "$address$path")
            asked=$((asked + 1))
            case $code in
            200 | 404 | 503) answered=$((answered + 1)) ;;
            000) ;; # the connection ended
            *) bad "seed $seed: $path: $code" ;;
            esac
        done
    done
    kill -TERM "$pid" 2>/dev/null
    wait "$pid"
    code=$?
    pid=
    # A thread or a last save that fails is no success; it says why.
    case $code in
    0) ;;
    1 | 75) grep -q '"level":"error"' "$dir/log" || bad "seed $seed: exit code $code, and no reason" ;;
    *) bad "seed $seed: exit code $code" ;;
    esac
    grep -q 'Sanitizer\|runtime error' "$dir/log" && bad "seed $seed: a sanitizer's report"
    rm -rf "$dir/state"
done
[ $((answered * 2)) -ge "$asked" ] || bad "only $answered of $asked requests were answered"
[ "$asked" -gt 0 ] || bad 'no run began'
echo "figure  $ended runs ended at once; $asked requests, $answered answered; calls, failed: $(awk '{c += $1; f += $2} END {print c, f}' "$dir/report")"
exit "$failed"
