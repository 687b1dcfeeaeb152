#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# A flow with one reader in a real cluster, with the rights of a pod and no more: its positions in a
# ConfigMap, its turn by a Lease, through hand over, SIGKILL, SIGSTOP and a deleted ConfigMap.
# ctest: no-servers kubernetes timeout=300
. "$(dirname "$0")/../kube_lib.sh" || exit 1
start_cluster || exit 1
read -r -a port < <(free_ports 11)

# until NAME SECONDS FUNCTION...: calls it again and again until it is true
soon() {
    local name=$1 end=$((SECONDS + $2 * slack))
    shift 2
    until "$@" >"$dir/out"; do
        [ $SECONDS -lt $end ] || { bad "$name" >&3; tail -n 3 "$dir"/log.* >&3; return; }
        sleep 0.1
    done 3>&1 2>/dev/null
    ok "$name"
}
lines() { seq "$1" "$2" | sed 's/.*/{"n":&}/' >>"$dir/in.jsonl"; }
# Each of 1..$1 is there; at most $2 (0) lines more.
has_all() {
    local all unique
    all=$(wc -l <"$dir/out.jsonl")
    unique=$(sort -u "$dir/out.jsonl" | wc -l)
    [ "$unique" = "$1" ] && [ "$all" -le $(($1 + ${2:-0})) ]
}
# pod NAME PORT [OPTION...]: a process with the rights of the flow's service account
declare -A pids
pod() {
    local name=$1 port=$2
    shift 2
    KUBECONFIG=$rights dfproc --spec-path "$dir/flow.yaml" --namespace shop --name orders --uid "$uid" \
        --checkpoint kubernetes --metrics-port "127.0.0.1:$port" "$@" >"$dir/log.$name" 2>&1 &
    pids[$name]=$!
}
# ended POD CODE: it ends with that exit code
ended() { wait "${pids[$1]}" 2>/dev/null; [ $? = "$2" ]; }
probe() { curl -s "http://127.0.0.1:$1/readyz"; }
is_ready() { [ "$(probe "$1")" = ready ]; }
positions() { kubectl -n shop get configmap df-orders-checkpoint -o 'jsonpath={.data.checkpoint\.json}'; }
is_saved() { [[ $(positions) == *'"writer"'* ]]; }
waits() { [[ $(probe "$1") == 'not ready: lease shop/df-orders is held by '* ]]; }
moved() { [ "$(positions)" != "$before" ]; }
holder() { kubectl -n shop get lease df-orders -o 'jsonpath={.spec.holderIdentity}'; }

cat >"$dir/flow.yaml" <<END
apiVersion: dataflow.dataflow.io/v1
kind: DataFlow
metadata: {name: orders, namespace: shop}
spec:
  checkpointSaveInterval: 500ms
  source: {type: stdio, config: {path: $dir/in.jsonl, follow: true}}
  sink: {type: stdio, config: {path: $dir/out.jsonl}}
END
run 'a namespace' 0 kubectl create namespace shop
run 'the account of the flow' 0 kubectl -n shop create serviceaccount df-orders-processor
run 'its rights' 0 kubectl -n shop apply -f - <<END
apiVersion: rbac.authorization.k8s.io/v1
kind: Role
metadata: {name: df-orders-processor}
rules:
- {apiGroups: [""], resources: [configmaps], verbs: [get, patch], resourceNames: [df-orders-checkpoint]}
- {apiGroups: [""], resources: [configmaps], verbs: [create]}
- {apiGroups: [coordination.k8s.io], resources: [leases], verbs: [get, update], resourceNames: [df-orders]}
- {apiGroups: [coordination.k8s.io], resources: [leases], verbs: [create]}
END
run '  bound' 0 kubectl -n shop create rolebinding df-orders --role=df-orders-processor --serviceaccount=shop:df-orders-processor
rights=$("$bed/kubernetes" kubeconfig --dir "$dir/cluster" --service-account shop/df-orders-processor)
# The flow's kind is not installed here: any object can own its children.
run 'an owner' 0 kubectl -n shop create configmap owner
uid=$(kubectl -n shop get configmap owner -o 'jsonpath={.metadata.uid}')
run 'another' 0 kubectl -n shop create configmap other
make_map() { # NAME, its owner, the owner's uid
    run "$1" 0 kubectl -n shop apply -f - <<END
apiVersion: v1
kind: ConfigMap
metadata:
  name: df-orders-checkpoint
  labels: {app: dataflow-processor}
  ownerReferences: [{apiVersion: v1, kind: ConfigMap, name: $2, uid: $3, controller: true}]
END
}

lines 1 1000
pod none "${port[0]}"
ended none 1 && grep -q 'checkpoint reset --namespace shop --name orders' "$dir/log.none" &&
    ok 'without its ConfigMap nothing begins' || bad "without its ConfigMap: $(cat "$dir/log.none")"
make_map 'the ConfigMap of an older flow' other "$(kubectl -n shop get configmap other -o 'jsonpath={.metadata.uid}')"
pod old "${port[0]}"
ended old 75 && grep -q 'an older flow of the same name' "$dir/log.old" &&
    ok 'that of an older flow is not touched' || bad "an older flow: $(cat "$dir/log.old")"
kubectl -n shop delete configmap df-orders-checkpoint --ignore-not-found >/dev/null 2>&1
make_map 'its own ConfigMap' owner "$uid"

pod a "${port[1]}"
soon 'a reads' 20 is_ready "${port[1]}"
soon '  all that is there' 20 has_all 1000
soon '  positions are saved' 20 is_saved
pod b "${port[2]}"
soon 'b waits and says for whom' 20 waits "${port[2]}"
lines 1001 2000
soon '  a goes on' 20 has_all 2000
start=$SECONDS
kill -TERM "${pids[a]}"
ended a 0 && ok 'a ends' || bad "a ended badly: $(tail -3 "$dir/log.a")"
soon '  b reads within four seconds' 4 is_ready "${port[2]}"
lines 2001 3000
soon '  where a stopped, each line once' 20 has_all 3000
echo "        handed over in $((SECONDS - start)) s at most"

before=$(positions)
kill -KILL "${pids[b]}"
wait "${pids[b]}" 2>/dev/null
start=$SECONDS
lines 3001 4000
pod c "${port[3]}"
soon 'after SIGKILL c reads when the Lease has lapsed' 25 is_ready "${port[3]}"
[ $((SECONDS - start)) -le $((18 * slack)) ] && ok "  within $((SECONDS - start)) s" || bad "  only after $((SECONDS - start)) s"
soon '  nothing is missing' 20 has_all 4000 1000
soon '  positions go on' 20 moved

kubectl -n shop delete configmap df-orders-checkpoint >/dev/null
lines 4001 5000
soon 'a deleted ConfigMap is made again' 20 is_saved
run '  with its owner' 0 grep -q "$uid" <(kubectl -n shop get configmap df-orders-checkpoint -o yaml)

pod d "${port[4]}"
kill -STOP "${pids[c]}"
soon 'd reads after c was stopped for too long' 25 is_ready "${port[4]}"
who=$(holder)
lines 5001 6000
soon '  where c was' 20 has_all 6000 1000
sleep 1
before=$(positions)
kill -CONT "${pids[c]}"
ended c 75 && ok '  c ends with 75 when it wakes' || bad "c: $(tail -3 "$dir/log.c")"
[ "$(holder)" = "$who" ] && [ "$(positions)" = "$before" ] && ok '  and has written nothing' || bad '  c wrote after it woke'
kill -TERM "${pids[d]}"
ended d 0 && ok 'd ends' || bad "d: $(tail -3 "$dir/log.d")"
[ -z "$(holder)" ] && ok '  and gives the Lease back' || bad "  the Lease is held by $(holder)"

pod e "${port[5]}"
soon 'e reads' 20 is_ready "${port[5]}"
"$bed/kubernetes" pause --dir "$dir/cluster" --program kube-apiserver
start=$SECONDS
ended e 75 && [ $((SECONDS - start)) -le $((13 * slack)) ] && ok "without an API server e ends with 75 after $((SECONDS - start)) s" ||
    bad "e after $((SECONDS - start)) s: $(tail -3 "$dir/log.e")"
"$bed/kubernetes" resume --dir "$dir/cluster" --program kube-apiserver
soon '  it is back' 20 kubectl get --raw /readyz --request-timeout 2s
lines 6001 7000
pod f "${port[6]}"
# Once more each line that b had not saved, and what c still wrote when it woke: a Lease does not fence.
soon '  f goes on' 25 has_all 7000 2000
kill -TERM "${pids[f]}"
ended f 0 && ok 'f ends' || bad "f: $(tail -3 "$dir/log.f")"

run 'dfproc checkpoint show' 0 dfproc checkpoint show --namespace shop --name orders
grep -q "^stdio $dir/in.jsonl: " "$dir/out" && ok '  has the position' || bad '  has no position'
run 'dfproc checkpoint reset' 0 dfproc checkpoint reset --namespace shop --name orders
[ "$(positions)" = '{}' ] && ok '  forgets it' || bad "  left $(positions)"
run '  and keeps its owner' 0 grep -q "$uid" <(kubectl -n shop get configmap df-orders-checkpoint -o yaml)

# ---- checkpointReset with the operator's number: once for each number, however often a pod starts
number() { kubectl -n shop get configmap df-orders-checkpoint -o 'jsonpath={.data.reset}'; }
reset_pod() { # NAME PORT NUMBER WHAT LINES SIGNAL
    : >"$dir/out.jsonl"
    pod "$1" "$2" --reset "$3"
    soon "$4" 25 has_all "$5"
    soon '  positions are saved' 20 is_saved
    [ "$(number)" = "$3" ] && ok "  the reset of number $3 is kept" || bad "  the number is $(number)"
    kill -"$6" "${pids[$1]}"
    wait "${pids[$1]}" 2>/dev/null
}
echo '  checkpointReset: true' >>"$dir/flow.yaml"
reset_pod g "${port[7]}" 1 'a reset: all is read' 7000 TERM
lines 7001 7100
reset_pod h "${port[8]}" 1 'the same pod starts again: only what is new' 100 TERM
reset_pod i "${port[9]}" 2 'another reset: all is read' 7100 KILL
lines 7101 7200
reset_pod j "${port[10]}" 2 'it was killed: only what is new' 100 TERM
exit $failed
