#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# ctest: timeout=900
# ctest: no-servers
# Commits whose answers are lost, refused, doubled, or overtaken by another writer, and processes that are killed at
# every step of a commit: each row is in the table once, and in order. Audited by PyIceberg from the table itself.
. "$(dirname "$0")/../ice_lib.sh"
start_proxy() { # TARGET
    rm -f "$dir/port"
    : >"$dir/plan"
    python3 "$here/iceberg/proxy.py" "$dir/port" "$1" "$dir/plan" "$dir/proxied" >"$dir/proxy.log" 2>&1 &
    proxy=$!
    until_true 20 test -s "$dir/port" || bad 'the proxy'
}
stop_proxy() { kill "$proxy" 2>/dev/null; wait "$proxy" 2>/dev/null; }

# flow_of KIND NAME COUNT RATE MODE: generates rows with ids into shop.NAME
flow_of() {
    rm -rf "$dir/state"
    { echo "source: {type: generate, config: {count: $3, rate: $4, template: '{\"id\":\${seq},\"v\":\"row \${seq}\"}'}}"
      to_table "$1" "$2" "commitInterval: 1"
      [ "$5" = once ] && echo "deliveryGuarantee: exactlyOnce"; } >"$dir/$2.yaml"
}

# ---- answers -------------------------------------------------------------------------------------
words=(500 cut 409 twice never append)
for kind in rest nessie; do
    real=$([ "$kind" = rest ] && echo "$DF_ICEBERG" || echo "$DF_NESSIE")
    mode=$([ "$kind" = rest ] && echo least || echo once)
    tables=$(printf ',shop.a_%s' "${words[@]}")
    readers make "$kind" "${tables#,}" 'id long, v string' || bad "$kind: tables"
    start_proxy "$real"
    for word in "${words[@]}"; do
        flow_of "$kind" "a_$word" 2000 0 "$mode"
        : >"$dir/plan"
        [ "$mode" = once ] && echo ok >"$dir/plan" # the claim
        [ "$word" = append ] && echo "append/$kind/shop.a_append" >>"$dir/plan" || echo "$word" >>"$dir/plan"
        (
            [ "$kind" = rest ] && DF_ICEBERG=http://127.0.0.1:$(<"$dir/port") || DF_NESSIE=http://127.0.0.1:$(<"$dir/port")
            export DF_ICEBERG DF_NESSIE
            flow "a_$word"
            exit $failed
        ) || failed=1
        same "$kind, $mode: $word came to its commit" "" "$(cat "$dir/plan")"
    done
    stop_proxy
    same "$kind, $mode: ${words[*]}" "$(for i in 1 2 3 4 5; do echo 2000 2000 1999000; done; echo 2001 2001 2999000)" \
        "$(readers count "$kind" "${tables#,}" | cut -d' ' -f1-3)"
done

# ---- the first commit of two writers: Nessie 0.99 does not look at "there is no snapshot yet" ------
readers make nessie shop.first 'id long, v string' || bad 'a table'
start_proxy "$DF_NESSIE"
flow_of nessie first 2000 0 least
echo append/nessie/shop.first >"$dir/plan"
(
    export DF_NESSIE=http://127.0.0.1:$(<"$dir/port")
    flow first
    exit $failed
) || failed=1
stop_proxy
same 'Nessie: two first commits: the rows of both' '2001 2001 2999000' "$(readers count nessie shop.first | cut -d' ' -f1-3)"

# ---- kills ---------------------------------------------------------------------------------------
library=$(dirname "$(command -v dfproc)")/../modules/iceberg.so
points=(iceberg.file:2 iceberg.files:1 iceberg.commit:1 iceberg.commit:2 iceberg.committed:1 iceberg.committed:2 iceberg.committed:3)
if grep -qs DF_CRASH_AT "$library"; then
    for kind in rest nessie; do
        tables=$(printf ',shop.k_%s' "${points[@]//[.:]/_}")
        readers make "$kind" "${tables#,}" 'id long, v string' || bad "$kind: tables"
        for at in "${points[@]}"; do
            name=k_${at//[.:]/_}
            flow_of "$kind" "$name" 3000 1200 once
            { DF_CRASH_AT=$at timeout --foreground -k 5 60 dfproc run "$dir/$name.yaml" --until-exhausted >"$dir/out" 2>&1; } 2>/dev/null
            same "$kind: killed at $at" 137 $?
            sed -i 's/rate: 1200/rate: 0/' "$dir/$name.yaml"
            flow "$name"
        done
        same "$kind: every row once" "$(for at in "${points[@]}"; do echo 3000 3000 4498500; done)" \
            "$(readers count "$kind" "${tables#,}" | cut -d' ' -f1-3)"
    done
else
    echo 'no crash points in this build (cmake -DDF_CRASHPOINTS=ON): the kills are left out'
fi

# ---- two of one flow -----------------------------------------------------------------------------
readers make nessie shop.two 'id long, v string'
flow_of nessie two 30000 2000 once
dfproc run "$dir/two.yaml" >"$dir/first" 2>&1 &
first=$!
until_true 30 grep -q 'sink: ready' "$dir/first" || bad 'the first one'
sleep_until_commits() { [ "$(readers count nessie shop.two | cut -d' ' -f1)" -gt 0 ]; }
until_true 60 sleep_until_commits || bad 'the first one commits'
rm -rf "$dir/state"
sed 's/rate: 2000/rate: 0/' "$dir/two.yaml" >"$dir/two.second"
mkdir -p "$dir/second" && cp "$dir/two.second" "$dir/second/two.yaml"
XDG_STATE_HOME=$dir/second timeout --foreground -k 5 120 dfproc run "$dir/second/two.yaml" --until-exhausted >"$dir/log" 2>&1 || bad 'the second one'
until_true 60 bash -c "! kill -0 $first 2>/dev/null" || { bad 'the first one goes on'; kill "$first"; }
wait "$first"
same 'two of one flow: the first is fenced' 1 "$(grep -c 'fenced: another process of this flow took table shop.two over' "$dir/first" | sed 's/^[1-9].*/1/')"
same 'two of one flow: every row once' '30000 30000 449985000' "$(readers count nessie shop.two | cut -d' ' -f1-3)"

# ---- the table is another one, or was rolled back ------------------------------------------------
readers make rest shop.back 'id long, v string'
flow_of rest back 100 0 once
flow back
sed -i 's/count: 100/count: 200/' "$dir/back.yaml"
flow back
python3 - <<'END' 2>/dev/null
import os, sys
sys.path.insert(0, os.environ["DF_ICEBERG_READERS"])
from pyiceberg.catalog import load_catalog
t = load_catalog("r", type="rest", uri=os.environ["DF_ICEBERG"]).load_table("shop.back")
first = sorted(t.snapshots(), key=lambda s: s.sequence_number)[1]
with t.manage_snapshots() as m:
    m.set_current_snapshot(first.snapshot_id) if hasattr(m, "set_current_snapshot") else m.rollback_to_snapshot(first.snapshot_id)
END
same 'a table that was rolled back' 1 "$(refused_flow back | grep -c 'was rolled back to a snapshot before the last commit')"
finish
