#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# ctest: timeout=400
# ctest: no-servers
# A catalog that wants tokens of four seconds and gives keys of the storage for five: they are renewed before they end,
# and where nothing says when that is, afterwards; a token endpoint that is away for a while (DF_TEST_AWAY seconds).
servers="s3 nessie"
. "$(dirname "$0")/../ice_lib.sh"
mkdir "$dir/peer"
python3 "$here/iceberg/auth_peer.py" "$dir/peer" "$DF_NESSIE" "$DF_S3" 2>"$dir/peer.log" &
peer=$!
until_true 20 test -s "$dir/peer/ports" || bad 'the peer'
read -r catalog storage tokens <"$dir/peer/ports"
export DF_TEST_SECRET='s3cret/+ x'

# place NAME LINES…: the options of a stage
place() {
    printf '%s\n' "  type: iceberg" "  config:"
    printf '    %s\n' "catalogURI: http://127.0.0.1:$catalog/iceberg" "namespace: shop" "table: $1" "oauth2ClientID: flow" \
        "oauth2ClientSecret: \${env:DF_TEST_SECRET}" "s3Endpoint: http://127.0.0.1:$storage" "${@:2}"
}
begin() { # NAME COUNT RATE LINES…: a flow into shop.NAME
    readers make nessie "shop.$1" 'id long, v string' || bad "$1: a table"
    rm -rf "$dir/state"
    { echo "source: {type: generate, config: {count: $2, rate: $3, template: '{\"id\":\${seq},\"v\":\"\${string:100}\"}'}}"
      echo "sink:"; place "$1" "commitInterval: 1s" "${@:4}"; } >"$dir/$1.yaml"
    : >"$dir/peer/log"
}
told() { grep -c "^$1" "$dir/peer/log"; }
all_of() { same "$1: every row once" "$2 $2" "$(readers count nessie "shop.$1" | cut -d' ' -f1,2)"; }

: >"$dir/peer/mode"
begin told 48000 4000
flow told
all_of told 48000
same 'tokens and keys are renewed before they end' '0 0' "$(told late) $(told expired)"
same 'and not all the time' 1 "$([ "$(told token)" -ge 3 ] && [ "$(told token)" -le 8 ] && echo 1)"

echo "silent" >"$dir/peer/mode"
begin silent 84000 12000 "oauth2ServerURI: http://127.0.0.1:$tokens/token" "commitInterval: 20s" "rowGroupSize: 1MiB" "compression: none"
sed -i '/commitInterval: 1s/d; s/string:100/string:400/' "$dir/silent.yaml"
flow silent
all_of silent 84000
same 'keys that end unsaid, between the parts of an upload' 1 "$([ "$(grep -c '^expired PUT .*partNumber=' "$dir/peer/log")" -ge 1 ] && echo 1)"
same 'the other token endpoint is asked' "$(told token)" "$(told elsewhere)"

: >"$dir/peer/mode"
{ echo "source:"; place told "maxRowsPerPoll: 6000" "pollInterval: 1s"; echo "sink: {type: stdio, config: {path: $dir/told.out}}"; } >"$dir/read.yaml"
: >"$dir/peer/log"
dfproc run "$dir/read.yaml" >"$dir/log" 2>&1 &
pid=$!
whole() { [ -e "$dir/told.out" ] && [ "$(wc -l <"$dir/told.out")" -ge 48000 ]; }
until_true 60 whole || bad 'the source reads all'
kill "$pid"
wait "$pid"
same 'a source renews them too' '0 0 48000' "$(told late) $(told expired) $(sort -u "$dir/told.out" | wc -l)"

echo "short s419" >"$dir/peer/mode"
begin early 16000 4000
flow early
all_of early 16000
same 'tokens that end earlier than they say' 1 "$([ "$(told late)" -ge 1 ] && echo 1)"

# ---- the token endpoint is away ------------------------------------------------------------------
: >"$dir/peer/mode"
begin away 100000000 2000
dfproc run "$dir/away.yaml" >"$dir/log" 2>&1 &
pid=$!
rows() { readers count nessie shop.away | cut -d' ' -f1; }
more() { [ "$(rows)" -gt "$before" ]; }
before=0
until_true 60 more || bad 'rows before it'
echo down >"$dir/peer/mode"
sleep "${DF_TEST_AWAY:-8}" # how long it is away
before=$(rows)
: >"$dir/peer/mode"
from=$(now)
until_true 60 more || bad 'it goes on within a minute'
echo "        rows again after $(($(now) - from)) ms"
kill "$pid"
wait "$pid"
same 'away: nothing is double' 1 "$(readers count nessie shop.away | awk '{print $1 == $2}')"
kill "$peer"
finish
