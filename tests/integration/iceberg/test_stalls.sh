#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# ctest: timeout=300
# ctest: no-servers
# A catalog, a storage that stand still in the middle of a call while their connections stay open (DF_TEST_STALL more
# seconds): the status says who is waited for, the flow goes on by itself, a stop ends in time, every row is there once.
servers="s3 nessie"
. "$(dirname "$0")/../ice_lib.sh"
curl_of() { curl -s -m 5 "$(grep -o 'http://127[^/ "]*' "$dir/$1.out" | head -n 1)$2"; }
waits() { curl_of "$1" /status | grep -q "\"waits_for\":\"$2\""; }
waits_not() { curl_of "$1" /status | grep -q '"state":"running"' && ! curl_of "$1" /status | grep -q waits_for; }
commits() { curl_of "$1" /metrics | awk '/^dataflow_iceberg_commits_total/ {print int($2)}'; }
more() { [ "$(commits "$1" || echo 0)" -gt "$2" ] 2>/dev/null; }
gone() { ! kill -0 "$1" 2>/dev/null; }

stall() { # SERVER WHO
    local name=stall_$1 before
    readers make nessie "shop.$name" 'id long, v string' || bad "$name: a table"
    rm -rf "$dir/state"
    { echo "source: {type: generate, config: {count: 40000, rate: 200, template: '{\"id\":\${seq},\"v\":\"row \${seq}\"}'}}"
      to_table nessie "$name" "commitInterval: 1s"
      printf '%s\n' 'deliveryGuarantee: exactlyOnce' 'stopTimeout: 2s'; } >"$dir/$name.yaml"
    dfproc run --metrics-port 127.0.0.1:0 "$dir/$name.yaml" >"$dir/$name.out" 2>&1 &
    local pid=$!
    until_true 60 more "$name" 1 || { bad "$name: it commits"; tail -n 3 "$dir/$name.out"; }

    "$bed/$1" pause --dir "$dir/$1"
    until_true 30 waits "$name" "$2" && ok "$2 stands still: the status says so" || bad "$2 stands still: $(curl_of "$name" /status)"
    same "$2 stands still: the metrics too" 1 \
        "$(curl_of "$name" /metrics | sed -n 's/^dataflow_connector_waiting.*connector_name="sink.*"} //p')"
    sleep "${DF_TEST_STALL:-0}"
    "$bed/$1" resume --dir "$dir/$1"
    before=$(commits "$name")
    until_true 90 more "$name" "$before" && ok "$2 goes on: so does the flow" || bad "$2 goes on, and the flow does not"
    until_true 30 waits_not "$name" && ok "$2 goes on: nothing is waited for" || bad "$2 goes on: $(curl_of "$name" /status)"

    "$bed/$1" pause --dir "$dir/$1"
    until_true 30 waits "$name" "$2" || bad "$2 stands still again"
    kill "$pid"
    until_true 15 gone "$pid" && ok "$2 stands still: a stop ends in time" || { bad "$2 stands still: the stop does not end"; kill -KILL "$pid"; }
    wait "$pid"
    "$bed/$1" resume --dir "$dir/$1"
    sed -i 's/rate: 200/rate: 0/' "$dir/$name.yaml"
    flow "$name"
    same "$2: every row once" '40000 40000 799980000' "$(readers count nessie "shop.$name" | cut -d' ' -f1-3)"
}
stall s3 'the storage'
stall nessie 'the catalog'
finish
