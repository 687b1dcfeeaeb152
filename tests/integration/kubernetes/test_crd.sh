#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# The CustomResourceDefinitions on a real API server: they are taken, they take every manifest of
# ours and of the original, and they refuse what docs/crd.md says (crd_cases.py, crd_judge.py), as do the webhook
# of an operator and dfproc validate.
# ctest: no-servers kubernetes timeout=900
. "$(dirname "$0")/../operator_lib.sh"
here=$(cd "$(dirname "$0")" && pwd)
crds=$source/deploy/crds
start_cluster

# Objects that were accepted before there was a definition that refuses them.
loose() {
    python3 - "$1" <<'PYTHON'
import json, subprocess, sys
text = subprocess.run(["kubectl", "create", "--dry-run=client", "-o", "json", "-f", sys.argv[1]], capture_output=True, text=True, check=True).stdout
crd = json.loads(text)
crd["spec"]["versions"][0]["schema"] = {"openAPIV3Schema": {"type": "object", "x-kubernetes-preserve-unknown-fields": True}}
json.dump(crd, sys.stdout)
PYTHON
}
loose "$crds/dataflows.dataflow.dataflow.io.yaml" >"$dir/loose.json"
run 'an older definition' 0 kubectl apply -f "$dir/loose.json"
run '  is established' 0 kubectl wait --for=condition=Established --timeout=30s crd/dataflows.dataflow.dataflow.io
cat >"$dir/old.yaml" <<'YAML'
apiVersion: dataflow.dataflow.io/v1
kind: DataFlow
metadata: {name: stored, finalizers: [dataflow.example/test]}
spec:
  source: {type: memory, config: {partitions: 0, server: s}}
  sink: {type: postgresql, config: {connectionString: "host=h", table: t, softDeleteColumn: d}}
  replicas: 3
  stopTimeout: 10s
YAML
within '  takes anything' 20 kubectl apply -f "$dir/old.yaml"

# They are too large for the annotation in which kubectl keeps what it applies by itself. The older one was made by it.
run 'the definitions' 0 kubectl apply --server-side --force-conflicts --validate=strict -f "$crds"
if grep -qi warning "$dir/out" "$dir/err"; then bad '  without a warning'; else ok '  without a warning'; fi
for name in dataflows dataflowcrons; do
    run "  $name is established" 0 kubectl wait --for=condition=Established --timeout=30s "crd/$name.dataflow.dataflow.io"
    if kubectl get "crd/$name.dataflow.dataflow.io" -o yaml | grep -q 'type: NonStructuralSchema'; then
        bad "  $name is structural"
    fi
    # etcd has room for 1.5 MiB.
    bytes=$(kubectl get --raw "/apis/apiextensions.k8s.io/v1/customresourcedefinitions/$name.dataflow.dataflow.io" | wc -c)
    if [ "$bytes" -gt 1000 ] && [ "$bytes" -lt 1000000 ]; then ok "  $bytes bytes"; else bad "  $name: $bytes bytes"; fi
done
# A server takes a definition into use a moment after it says so.
sed 's/name: stored/name: other/' "$dir/old.yaml" >"$dir/other.yaml"
within '  they are in use' 20 bash -c '! kubectl create --dry-run=server -f "$0"' "$dir/other.yaml"

# ---- manifests that must be taken -----------------------------------------------------------------
takes() { run "${1##*/} is taken" 0 kubectl apply --dry-run=server --validate=strict -f "$1"; }
for file in "$source"/examples/*.yaml; do
    if grep -q '^apiVersion: dataflow' "$file"; then takes "$file"; fi
done
samples=${DF_SAMPLES:-$source/../shared/data/original-samples}
if [ -d "$samples" ]; then
    for file in "$samples"/*.yaml; do takes "$file"; done
else
    ok "SKIPPED: the manifests of the original: no folder $samples"
fi

# ---- who refuses what -----------------------------------------------------------------------------
mkdir "$dir/cases" "$dir/hook"
openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 30 -subj /CN=df \
    -keyout "$dir/hook/tls.key" -out "$dir/hook/tls.crt" 2>/dev/null
OPERATOR_NAMESPACE=default WEBHOOK_CERT_DIR=$dir/hook dfoperator run --metrics-bind-address 127.0.0.1:0 \
    --health-probe-bind-address 127.0.0.1:0 --webhook-bind-address 127.0.0.1:0 >"$dir/operator.1" 2>&1 &
operators+=($!)
listens() { grep -q 'webhook at' "$dir/operator.1"; }
within 'an operator with a webhook' 20 listens
DF_WEBHOOK=$(sed -n 's/.*webhook at \([^"]*\).*/\1/p' "$dir/operator.1")
export DF_WEBHOOK
if timeout 800 python3 "$here/crd_judge.py" "$source" "$DF_BUILD_DIR" "$dir/cases" >"$dir/out" 2>"$dir/err"; then
    ok "$(tail -n 1 "$dir/out")"
else
    bad 'who refuses what'
fi

stop_operator "${operators[0]}" # it has nothing to do with what follows

# ---- what was accepted stays ----------------------------------------------------------------------
run 'a label on a flow that is stored and wrong' 0 kubectl label dataflow/stored a=b
run '  another field of it' 0 kubectl patch df stored --type=merge -p '{"metadata":{"annotations":{"c":"d"}}}'
run '  its status' 0 kubectl patch df stored --subresource=status --type=merge -p '{"status":{"phase":"Error"}}'
run '  a wrong part stays wrong' 1 kubectl patch df stored --type=merge -p '{"spec":{"source":{"config":{"partitions":-1}}}}'
run '  it is mended' 0 kubectl patch df stored --type=merge \
    -p '{"spec":{"replicas":1,"source":{"config":{"partitions":1}},"sink":{"config":{"softDeleteColumn":null}}}}'
run '  and does not become wrong again' 1 kubectl patch df stored --type=merge -p '{"spec":{"source":{"config":{"partitions":0}}}}'
run 'a flow that is stored and wrong is deleted' 0 kubectl delete --wait=false dataflow/stored
run '  its finalizer goes' 0 kubectl patch df stored --type=json -p '[{"op":"remove","path":"/metadata/finalizers"}]'
within '  it is gone' 10 bash -c '! kubectl get df stored'

# ---- names, columns, scale, status ----------------------------------------------------------------
flow() { # name, source
    printf 'apiVersion: dataflow.dataflow.io/v1\nkind: DataFlow\nmetadata: {name: %s}\nspec: {source: %s, sink: {type: "null"}, maxUncommited: 5}\n' "$@"
}
run 'a flow' 0 kubectl create -f <(flow kafka '{type: kafka, config: {brokers: [a], topic: t, topik: u}}')
run 'a flow that one pod reads' 0 kubectl create -f <(flow poll '{type: generate}')
fields=$(kubectl get df kafka -o 'jsonpath={.spec.maxUncommited} {.spec.source.config.topik} {.spec.replicas}')
if [ "$fields" = '5 u 1' ]; then ok 'unknown fields are kept'; else bad "unknown fields are kept: $fields"; fi
run 'a status' 0 kubectl patch df kafka --subresource=status --type=merge -p '{"status":{"phase":"Running","replicas":1,
    "selector":"a=b","processedCount":7,"errorCount":2,"lag":9,"observedGeneration":1,"conditions":[{"type":"Ready","status":"True",
    "lastTransitionTime":"2026-01-02T03:04:05Z","reason":"Running","message":"","observedGeneration":1}]}}'
columns=$(kubectl get df kafka | awk '{$NF = ""; print}' | tr -s '\n ' ' ')
if [ "$columns" = 'NAME PHASE READY PROCESSED ERRORS LAG kafka Running True 7 2 9 ' ]; then ok 'columns'; else bad "columns: $columns"; fi
run 'the short names' 0 kubectl get df,dfc
run 'a selector for the autoscaler' 0 kubectl get --raw /apis/dataflow.dataflow.io/v1/namespaces/default/dataflows/kafka/scale
if grep -q '"selector":"a=b"' "$dir/out"; then ok '  it is there'; else bad '  it is there'; fi
run 'scale of a kafka source' 0 kubectl scale df/kafka --replicas=4
run 'scale of a source that one pod reads' 1 kubectl scale df/poll --replicas=2
if grep -q 'more than one replica needs a kafka source' "$dir/err"; then ok '  says why'; else bad '  says why'; fi
run '  to none' 0 kubectl scale df/poll --replicas=0
exit $failed
