#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# What the original operator left, taken over at a real API server with the chart's rights: Deployments with
# a selector of their own, ConfigMaps without our labels, read positions of both kinds, a flow with a
# replication slot that is deleted already. No node: pods end by hand.
# ctest: no-servers kubernetes timeout=300
. "$(dirname "$0")/../operator_lib.sh"
start_operated_cluster

polled='source: {type: postgresql, config: {connectionStringSecretRef: {name: shop, key: url}, table: t, orderByColumn: id, changeTrackingColumn: u}}
sink: {type: "null"}'
slot='source: {type: postgresql-cdc, config: {connectionStringSecretRef: {name: shop, key: url}, slotName: s, publicationName: p, tables: [t]}}
sink: {type: "null"}'
owner_of() { # kind, name
    printf '[{apiVersion: dataflow.dataflow.io/v1, kind: %s, name: %s, controller: true, uid: %s}]' "$1" "$2" \
        "$(kubectl get "$1" "$2" -o 'jsonpath={.metadata.uid}')"
}
had() { # kind, name, finalizer: the original had it in hand
    run '  of the original' 0 kubectl patch "$1" "$2" --type merge -p "{\"metadata\":{\"finalizers\":[\"dataflow.dataflow.io/$3\"]}}"
    run '  with a status' 0 kubectl patch "$1" "$2" --subresource=status --type merge \
        -p '{"status":{"phase":"Running","message":"Processor pod is running"}}'
}
make_deployment() { # name, flow
    run "  its Deployment $1" 0 kubectl create -f - <<END
{apiVersion: apps/v1, kind: Deployment, metadata: {name: $1, ownerReferences: $(owner_of DataFlow "$2")}, spec: {replicas: 1,
  selector: {matchLabels: {app: dataflow-processor, of: $1}}, template: {metadata: {labels: {app: dataflow-processor, of: $1}},
  spec: {containers: [{name: processor, image: "original:1"}]}}}}
END
    within '  has a pod' 30 has "pod/$1-" kubectl get pods -l "of=$1" -o name
}
make_map() { # name, kind, flow, data
    run "  its ConfigMap $1" 0 kubectl create -f - <<END
{apiVersion: v1, kind: ConfigMap, metadata: {name: $1, ownerReferences: $(owner_of "$2" "$3")}, data: $4}
END
}
saved() { kubectl get configmap "$1" -o 'jsonpath={.data.checkpoint\.json}'; }
label() { kubectl get "$1" "$2" -o 'jsonpath={.metadata.labels.dataflow\.dataflow\.io/owned}'; }
is_gone() { [ -z "$(kubectl get "$1" "$2" -o name --ignore-not-found)" ]; }
selector() { kubectl get deployment "$1" -o 'jsonpath={.spec.selector.matchLabels.dataflow\.dataflow\.io/kind}'; }

# ---- left by the original
apply_flow 'a flow' orders "$polled"
had dataflow orders finalizer
make_deployment dataflow-orders orders
make_deployment df-orders orders
make_map df-orders-spec DataFlow orders '{spec.json: "hunter2"}'
make_map df-orders-checkpoint DataFlow orders '{checkpoint.json: "of the original"}'
apply_flow 'a flow with a slot' held "$slot"
had dataflow held finalizer
make_deployment df-held held
run '  deleted' 0 kubectl delete dataflow held --wait=false
{
    printf 'apiVersion: dataflow.dataflow.io/v1\nkind: DataFlowCron\nmetadata: {name: nightly}\nspec:\n  schedule: "30 2 1 1 *"\n'
    sed 's/^/  /' <<<"$polled"
} >"$dir/cron.yaml"
run 'a cron' 0 kubectl apply -f "$dir/cron.yaml"
had dataflowcron nightly cron-finalizer
make_map df-nightly-checkpoint DataFlowCron nightly '{checkpoint.json: "of the cron"}'
run '  its CronJob' 0 kubectl create -f - <<END
{apiVersion: batch/v1, kind: CronJob, metadata: {name: dfc-nightly, ownerReferences: $(owner_of DataFlowCron nightly)}, spec: {
  schedule: "30 2 1 1 *", jobTemplate: {spec: {template: {spec: {restartPolicy: Never,
  containers: [{name: processor, image: "original:1"}]}}}}}}
END

# ---- taken over
start_operator 1
within 'the operator is ready' 30 is_ready 1
within 'one Deployment goes' 60 is_gone deployment dataflow-orders
within '  the other one becomes ours' 60 is DataFlow selector df-orders
is '' kubectl get pods -l of=df-orders -o name && ok '  after its pod' || bad '  after its pod'
within '  the flow waits for its own pod' 30 is True condition orders HasPositions status
is 'of the original' saved df-orders-checkpoint && ok '  with the positions' || bad '  with the positions'
is true label configmap df-orders-checkpoint && ok '  which are seen' || bad '  which are seen'
has hunter2 kubectl get configmaps -o yaml && bad '  no value of a Secret is left' || ok '  no value of a Secret is left'
# that an apply of another selector is refused, as the fake server of the fault tests does
run 'a selector never changes' 1 kubectl patch deployment df-orders --type merge -p '{"spec":{"selector":{"matchLabels":{"x":"y"}}}}'
within 'the positions of the cron move' 60 is 'of the cron' saved dfc-nightly-checkpoint
within '  to one place' 30 is_gone configmap df-nightly-checkpoint
within '  its CronJob is ours' 30 is true label cronjob dfc-nightly
is false kubectl get cronjob dfc-nightly -o 'jsonpath={.spec.suspend}' && ok '  and goes on' || bad '  and goes on'
within 'the Deployment of the deleted flow goes' 60 is_gone deployment df-held
end_job() {
    local pod
    pod=$(kubectl get pods -l batch.kubernetes.io/job-name=df-held-end -o 'jsonpath={.items[0].metadata.name}')
    [ -n "$pod" ] && kubectl patch pod "$pod" --subresource=status --type merge -p '{"status":{"phase":"Succeeded"}}'
}
within '  a Job drops the slot' 60 end_job
within '  the flow goes' 60 is_gone dataflow held
within '  which is told' 30 has CleanedUp kubectl get events.events.k8s.io
has CleanupFailed kubectl get events.events.k8s.io && bad '  nothing is left' || ok '  nothing is left'
run 'deleted' 0 kubectl delete dataflow orders --timeout=60s
run '  and the cron' 0 kubectl delete dataflowcron nightly --timeout=60s
stop_operator "$operator"
grep -qi 'hunter2\|postgres://' "$dir"/operator.* && bad 'no secret in a log'
exit $failed
