#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# The private cluster itself: users, tokens, the audit, a killed API server, nothing left behind.
# ctest: no-servers kubernetes timeout=300
. "$(dirname "$0")/../kube_lib.sh"
start_cluster --audit "$dir/audit.jsonl"

ann=$("$bed/kubernetes" kubeconfig --dir "$dir/cluster" --user ann --group writers) || bad 'a kubeconfig for ann'
run 'an unknown user may do nothing' 1 kubectl --kubeconfig "$ann" create configmap a
run 'her group may' 0 kubectl create clusterrolebinding writers --clusterrole=edit --group=writers
within '  ann writes' 10 kubectl --kubeconfig "$ann" create configmap a --from-literal=x=1
run '  ann writes again' 0 kubectl --kubeconfig "$ann" patch configmap a -p '{"data":{"x":"2"}}'
run 'a service account' 0 kubectl create serviceaccount reader
run '  its rights' 0 kubectl create rolebinding reader --clusterrole=view --serviceaccount=default:reader
reader=$("$bed/kubernetes" kubeconfig --dir "$dir/cluster" --service-account default/reader) || bad 'a kubeconfig for it'
within '  it reads' 10 kubectl --kubeconfig "$reader" get configmap a
run '  it writes nothing' 1 kubectl --kubeconfig "$reader" delete configmap a

if [ "$(writes ann)" = 2 ]; then ok 'the audit has both writes of ann'; else bad "the audit has $(writes ann) writes of ann, not 2"; fi
if [ "$(writes system:serviceaccount:default:reader)" = 0 ]; then ok '  none of the reader'; else bad '  none of the reader'; fi

run 'the controllers work' 0 kubectl create deployment d --image=nowhere/none:1
within '  a pod is made' 30 bash -c '[ -n "$(kubectl get pods -o name)" ]'
run 'helm reaches it' 0 helm list
mkdir -p "$dir/chart/templates"
printf '%s\n' 'apiVersion: v2' 'name: c' 'version: 0.1.0' 'kubeVersion: ">=1.35.0"' >"$dir/chart/Chart.yaml"
run '  and knows its version without it' 0 helm template "$dir/chart"
if [ "$(kubectl get --raw /version | grep -o '"gitVersion": "[^"]*"')" = '"gitVersion": "v1.35.4"' ]; then ok 'its version'; else bad 'its version'; fi

"$bed/kubernetes" kill --dir "$dir/cluster" --program kube-apiserver
run 'a killed API server does not answer' 1 kubectl get --raw /readyz
run '  it comes back' 0 "$bed/kubernetes" restart --dir "$dir/cluster" --program kube-apiserver
run '  with its data' 0 kubectl get configmap a

# A second one beside it, whose parent dies.
bash -c '"$0/kubernetes" start --dir "$1/second" --parent $$ >/dev/null' "$bed" "$dir" 2>"$dir/err" || bad 'a second cluster'
within 'a cluster ends with its parent' 20 bash -c '[ ! -e "$0" ]' "$dir/second"
stop_leaves_nothing
exit $failed
