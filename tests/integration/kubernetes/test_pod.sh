#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# The image on a real node, in a namespace that admits restricted pods only: a flow becomes ready,
# and a deleted pod delivers what it read and ends with 0.
# ctest: no-servers kubernetes timeout=1500
. "$(dirname "$0")/../kube_lib.sh"
start_node

cat >"$dir/flow.yaml" <<'YAML'
source: {type: generate, config: {rate: 200}}
transformations: [{type: select, config: {fields: [id]}}]
sink: {type: "null"}
YAML
run 'the manifest' 0 kubectl -n shop create configmap flow --from-file="$dir/flow.yaml"
{
    cat <<'YAML'
apiVersion: v1
kind: Pod
metadata:
  name: flow
  namespace: shop
  # Keeps the object until its end was read.
  finalizers: [dataflow.example/test]
spec:
  restartPolicy: Never
YAML
    pod_spec 'args: [run, --metrics-port, ":9090", /etc/dataflow/flow.yaml]' 'configMap: {name: flow}' | sed 's/^/  /'
} >"$dir/pod.yaml"
sed 's/readOnlyRootFilesystem: true, capabilities: {drop: .ALL.}/privileged: true/; s/name: flow$/name: bad/' "$dir/pod.yaml" >"$dir/bad.yaml"
run 'another pod is refused' 1 kubectl create -f "$dir/bad.yaml"
run 'the pod is admitted' 0 kubectl create -f "$dir/pod.yaml"
run 'it becomes ready' 0 kubectl -n shop wait --for=condition=Ready --timeout=50s pod/flow || kubectl -n shop describe pod flow
[ $failed = 0 ] || { kubectl -n shop logs flow; exit 1; }

pod() { kubectl -n shop get pod flow -o "jsonpath={$1}"; }
run 'its metrics' 0 kubectl get --raw /api/v1/namespaces/shop/pods/flow:9090/proxy/metrics
grep -q '^dataflow_' "$dir/out" || bad '  none'
run 'its log' 0 kubectl -n shop logs flow
run 'no shell in it' 1 kubectl -n shop exec flow -- sh -c true
if [ "$(pod .status.containerStatuses[0].restartCount)" = 0 ]; then ok 'no restart'; else bad 'a restart'; fi

kubectl -n shop logs -f flow >"$dir/log" &
follow=$!
run 'it is deleted' 0 kubectl -n shop delete pod flow --wait=false
within '  it ends' 30 bash -c '[ -n "$(kubectl -n shop get pod flow -o "jsonpath={.status.containerStatuses[0].state.terminated.finishedAt}")" ]'
if [ "$(pod .status.containerStatuses[0].state.terminated.exitCode)" = 0 ]; then ok '  with 0'; else
    bad "  with $(pod .status.containerStatuses[0].state.terminated)"
fi
wait $follow
cp "$dir/log" "$dir/out"
if tail -n 1 "$dir/log" | python3 -c '
import json, sys
end = json.load(sys.stdin)
sys.exit(end["result"] != "done" or not end["received"] == end["sent"] > 0 or end["in_flight"] or end["uncommitted"])'; then
    ok '  everything that it read was delivered'
else
    bad '  everything that it read was delivered'
fi
run 'the pod goes' 0 kubectl -n shop patch pod flow --type=json -p '[{"op":"remove","path":"/metadata/finalizers"}]'

stop_leaves_nothing
exit $failed
