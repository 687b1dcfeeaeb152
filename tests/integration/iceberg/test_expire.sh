#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# ctest: timeout=600
# ctest: no-servers
# dfproc iceberg expire: former snapshots go, and the files that only they name; what a branch, a tag or another snapshot
# names stays, whoever commits meanwhile, whatever the catalog answers, and at whatever step it is killed.
servers="s3 iceberg-rest"
. "$(dirname "$0")/../ice_lib.sh"
past() { timeout 120 python3 "$here/iceberg/expire.py" "$@" 2>"$dir/past.log" || { tail -n 3 "$dir/past.log"; return 1; }; }
expire() { dfproc iceberg expire "$dir/$1.yaml" "${@:2}" 2>"$dir/log"; }
files() { find "$(place_of "$1")" -type f ! -name '.*' ! -name '*.metadata.json' | sort; }
orphans() { dfproc iceberg orphans --older-than 0s "$dir/$1.yaml" 2>"$dir/log" | grep -v 'metadata.json'; }
echo '{"id":7,"v":"g"}' >"$dir/row.jsonl"
flow_into() { # NAME: a flow that appends a row
    cp "$dir/row.jsonl" "$dir/$1.jsonl"
    sink rest "$1"
}

words=(500 cut 409 never)
points=(iceberg.expire:1 iceberg.expired:1 iceberg.removed:1 iceberg.removed:4)
tables=(past busy "${words[@]/#/w_}" "${points[@]//[.:]/_}")
past make "${tables[@]/#/shop.}" || bad 'tables'
refs='audit 10x 1a 3c 4d; early 1a 2b 3c; main 1a 3c 4D 5e' # what each branch and tag has, whatever goes

# ---- what goes, and what stays -------------------------------------------------------------------
flow_into past
files past >"$dir/all"
expire past --older-than 0s >"$dir/would"
same 'without --apply nothing goes' "$(<"$dir/all")" "$(files past)"
same 'and it is said' 1 "$(grep -c 'would go; --apply removes them' "$dir/log")"
same 'what is young stays' '' "$(expire past --apply)"
expire past --older-than 0s --keep 3 --apply >"$dir/three" || bad 'the command'
same 'three of each branch stay, and what tags have' "7; $refs" "$(past state shop.past)"
expire past --older-than 0s --apply >"$dir/went" || bad 'the command'
same 'the current one of each branch and tag stays' "3; $refs" "$(past state shop.past)"
same 'main, by DuckDB' '1a 3c 4D 5e' "$(readers duck rest shop.past "select string_agg(id || v, ' ' order by id) from t")"
told() { cat "$@" | grep -v '^snapshot' | sed -E 's/^ *[0-9]+ //' | sort; }
same 'what would go went' "$(told "$dir/would")" "$(told "$dir/three" "$dir/went")"
same 'and no other file' "$(told "$dir/would" | sed 's#^file:/*#/#')" "$(files past | comm -23 "$dir/all" -)"
same 'a data file is among them' 1 "$(told "$dir/would" | grep -c 'parquet$')"
same 'what is left is named' '' "$(orphans past)"
same 'once more: nothing' '' "$(expire past --older-than 0s --apply)"
flow past
same 'a flow goes on' "4; $refs 7g" "$(past state shop.past)"

# ---- other writers, answers that are lost --------------------------------------------------------
echo append/rest/shop.busy >"$dir/plan"
python3 "$here/iceberg/proxy.py" "$dir/port" "$DF_ICEBERG" "$dir/plan" "$dir/proxied" >"$dir/proxy.log" 2>&1 &
proxy=$!
until_true 20 test -s "$dir/port" || bad 'the proxy'
for name in busy "${words[@]/#/w_}"; do
    flow_into "$name"
    [ "$name" = busy ] || echo "${name#w_}" >"$dir/plan"
    DF_ICEBERG=http://127.0.0.1:$(<"$dir/port") expire "$name" --older-than 0s --apply >/dev/null || bad "$name: the command"
    same "$name: it came to its commit" '' "$(cat "$dir/plan")"
    same "$name: what is left is named" '' "$(orphans "$name")"
done
kill "$proxy"
wait "$proxy" 2>/dev/null
same 'beside another writer, and with each answer' "3; ${refs/main/main 1000000other}
$(for word in "${words[@]}"; do echo "3; $refs"; done)" "$(past state shop.busy "${words[@]/#/shop.w_}")"

# ---- kills ---------------------------------------------------------------------------------------
library=$(dirname "$(command -v dfproc)")/../modules/iceberg.so
if grep -qs DF_CRASH_AT "$library"; then
    for at in "${points[@]}"; do
        name=${at//[.:]/_}
        flow_into "$name"
        { DF_CRASH_AT=$at expire "$name" --older-than 0s --apply >"$dir/out"; } 2>/dev/null
        same "killed at $at" 137 $?
    done
    names=("${points[@]//[.:]/_}")
    same 'killed: nothing is missing' "9; $refs
$(for i in 1 2 3; do echo "3; $refs"; done)" "$(past state "${names[@]/#/shop.}")"
    for name in "${names[@]}"; do expire "$name" --older-than 0s --apply >/dev/null || bad "$name: the command"; done
    same 'killed: and once more' "$(for i in 1 2 3 4; do echo "3; $refs"; done)" "$(past state "${names[@]/#/shop.}")"
    same 'killed before the commit: nothing is left' '' "$(orphans "${names[0]}")"
    same 'killed after it: what is left is shown, but for the data file, which a manifest names as deleted' \
        "$(($(told "$dir/would" | wc -l) - 1))" "$(orphans "${names[1]}" | wc -l)"
else
    echo 'no crash points in this build (cmake -DDF_CRASHPOINTS=ON): the kills are left out'
fi

# ---- beside a flow that writes exactly once ------------------------------------------------------
readers make rest shop.live 'id long!,v string' '' id || bad 'a table'
rm -rf "$dir/state"
{ echo "source: {type: generate, config: {count: 6000, rate: 1000, template: '{\"id\":\${seq},\"v\":\"row \${seq}\"}'}}"
  to_table rest live "commitInterval: 1" "upsertMode: true"
  echo "deliveryGuarantee: exactlyOnce"; } >"$dir/live.yaml"
dfproc run --until-exhausted "$dir/live.yaml" >"$dir/live.log" 2>&1 &
pid=$!
went=0
while kill -0 "$pid" 2>/dev/null; do
    expire live --older-than 0s --apply >"$dir/out" || bad "beside a flow: $(tail -n 1 "$dir/log")"
    went=$((went + $(grep -c '^snapshot' "$dir/out")))
done
wait "$pid" || { bad 'the flow'; tail -n 2 "$dir/live.log"; }
same 'snapshots went while it ran' 1 "$((went > 2))"
same 'every row once' '6000	6000	17997000' "$(readers duck rest shop.live 'select count(*), count(distinct id), sum(id) from t')"
sed -i 's/count: 6000/count: 7000/; s/rate: 1000/rate: 0/' "$dir/live.yaml"
flow live
same 'and it goes on where it was' '7000	7000	24496500' "$(readers duck rest shop.live 'select count(*), count(distinct id), sum(id) from t')"

# ---- a rollback is still found -------------------------------------------------------------------
past back shop.live || bad 'a rollback'
expire live --older-than 0s --apply >/dev/null || bad 'the command'
same 'a rollback is still found' 1 "$(refused_flow live | grep -c 'was rolled back to a snapshot before the last commit')"

# ---- between the last commit of a flow, or of a reader, and the current one ------------------------------------
readers make rest shop.gap 'id long!,v string' '' id || bad 'a table'
sed 's/table: live/table: gap/; s/count: 7000/count: 100/' "$dir/live.yaml" >"$dir/gap.yaml"
flow gap
for id in 9001 9002 9003; do readers append rest shop.gap "[{\"id\":$id,\"v\":\"x\"}]" || bad 'another writer'; done
expire gap --older-than 0s --apply >"$dir/out" || bad 'the command'
same 'what is between goes' 1 "$(($(grep -c '^snapshot' "$dir/out") >= 2))"
sed -i 's/count: 100/count: 200/' "$dir/gap.yaml"
flow gap
same 'the flow goes on' '203	203' "$(readers duck rest shop.gap 'select count(*), count(distinct id) from t')"
readers make rest shop.step 'id long, v string' || bad 'a table'
{ echo "source: {type: stdio, config: {path: $dir/row.jsonl}}"; to_table rest step; } >"$dir/goes.yaml"
source_of rest step "incrementalBySnapshot: true"
readers append rest shop.step '[{"id":1,"v":"a"}]'
flow step
readers append rest shop.step '[{"id":2,"v":"b"}]'
expire goes --older-than 0s --apply >/dev/null || bad 'the command'
flow step
same 'a reader goes on when what it has read went' '1 2' "$(ids step)"

# ---- what is refused -----------------------------------------------------------------------------
refused() { # WHAT TEXT ARGUMENTS…
    expire past "${@:3}" >/dev/null
    same "$1" 1 "$(grep -cF -- "$2" "$dir/log")"
}
refused 'no number' '--keep: a number from 1 on, not "0"' --keep 0
refused 'no duration' '--older-than: a duration like 72h, not "x"' --older-than x
dfproc iceberg orphans "$dir/past.yaml" --apply 2>"$dir/log"
same 'not with orphans' 1 "$(grep -cF -- '--apply goes with expire' "$dir/log")"
past keep shop.past || bad 'a property'
refused 'gc.enabled' 'gc.enabled=false: its files may belong to others too' --older-than 0s --apply

# ---- files in S3 ---------------------------------------------------------------------------------
coproc PEER { exec python3 "$here/../support/iceberg_catalog.py"; }
read -r port <&"${PEER[0]}" || bad 'a catalog'
curl -sS -o /dev/null "http://127.0.0.1:$port/v1/namespaces/shop/tables" -d '{"name": "cloud", "location": "s3://lake/cloud",
 "schema": {"type": "struct", "fields": [{"id": 1, "name": "id", "type": "long", "required": false}]}}'
keys=("s3Endpoint: $DF_S3" "accessKey: \${env:DF_S3_KEY}" "secretAccessKey: \${env:DF_S3_SECRET}")
export DF_ICEBERG=http://127.0.0.1:$port
for id in 1 2 3; do
    echo "{\"id\":$id}" >"$dir/cloud.jsonl"
    sink rest cloud "${keys[@]}"
    flow cloud
done
lists() { find "$dir/s3/data/lake/cloud/metadata" -name 'snap-*.avro' | wc -l; }
same 'objects before' 3 "$(lists)"
expire cloud --older-than 0s --apply >"$dir/out" || bad "the command: $(tail -n 1 "$dir/log")"
same 'objects that went' '1 2 2' "$(lists) $(grep -c '^snapshot' "$dir/out") $(grep -c 'snap-.*avro' "$dir/out")"
source_of rest cloud "${keys[@]}"
flow cloud
same 'all rows are there' '1 2 3' "$(ids cloud | tr ' ' '\n' | sort -n | paste -sd' ')"
kill "$PEER_PID"
finish
