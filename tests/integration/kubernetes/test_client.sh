#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# The Kubernetes client against a real API server: tests/tools/kube_try.c.
# ctest: no-servers kubernetes timeout=120
. "$(dirname "$0")/../kube_lib.sh" || exit 1
start_cluster || exit 1
run 'a namespace' 0 kubectl create namespace try
run 'a ConfigMap of another author' 0 kubectl -n try apply --server-side --field-manager other -f - <<END
{apiVersion: v1, kind: ConfigMap, metadata: {name: try}, data: {x: theirs}}
END
run 'a Deployment' 0 kubectl -n try create deployment try --image=nowhere/none:1 --replicas=0
run 'the client' 0 kube_try "$KUBECONFIG" try
cat "$dir/out"
exit $failed
