#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# The operator against a real API server, with the chart's rights only: a flow's life, what belongs to
# others, wrong specs, idling, death of the operator at work, two operators.
# ctest: no-servers kubernetes timeout=600
. "$(dirname "$0")/../operator_lib.sh"
start_operated_cluster
start_operator 1
first=$operator begun=$SECONDS
within 'the operator is ready' 30 is_ready 1
said() { grep -q -- "$1" "$dir/operator.$2"; }

kafka='source: {type: kafka, config: {brokers: "kafka:9092", topic: t, consumerGroup: g}}
sink: {type: postgresql, config: {connectionStringSecretRef: {name: shop, key: url}, table: orders}}'

# ---- a flow's life
apply_flow 'a flow' orders "$kafka"
within '  it waits for its pod' 20 is Pending flow orders
within '  its pod is made' 20 has df-orders- kubectl get pods -o name
run '  its spec' 0 kubectl get configmap df-orders-spec -o 'jsonpath={.data.spec\.json}'
grep -q '"connectionStringSecretRef":{' "$dir/out" || bad '  has the reference'
run '  its secrets' 0 kubectl get deployment df-orders -o 'jsonpath={.spec.template.spec.volumes[?(@.name=="secrets")].projected.sources}'
grep -q '"path":"shop/url"' "$dir/out" || bad '  are a volume'
run '  it rolls' 0 kubectl get deployment df-orders -o 'jsonpath={.spec.strategy.type}'
grep -q RollingUpdate "$dir/out" || bad '  RollingUpdate for kafka'
within '  events' 20 has DeploymentCreated kubectl get events.events.k8s.io

replicas() { kubectl get deployment df-orders -o 'jsonpath={.spec.replicas}'; }
hash() { kubectl get deployment df-orders -o 'jsonpath={.spec.template.metadata.annotations.dataflow\.dataflow\.io/spec-hash}'; }
before=$(hash)
apply_flow 'the spec changes' orders "${kafka/table: orders/table: orders2}"
changed() { [ "$(hash)" != "$before" ]; }
within '  the pods are renewed' 20 changed
before=$(hash)
run 'scaled' 0 kubectl scale dataflow/orders --replicas 3
within '  three pods' 20 is 3 replicas
run 'suspended' 0 kubectl patch dataflow orders --type merge -p '{"spec":{"maintenance":{"suspended":true}}}'
within '  no pod' 20 is 0 replicas
within '  it says so' 20 is 'Processor suspended manually' flow orders .status.message
run 'no more' 0 kubectl patch dataflow orders --type merge -p '{"spec":{"maintenance":{"suspended":false}}}'
within '  three pods again' 20 is 3 replicas
[ "$(hash)" = "$before" ] && ok '  the same pods otherwise' || bad '  the same pods otherwise'
budget() { kubectl get poddisruptionbudget df-orders -o 'jsonpath={.spec.unhealthyPodEvictionPolicy}' --ignore-not-found; }
run 'a budget for disruptions' 0 kubectl patch dataflow orders --type merge -p '{"spec":{"podDisruptionBudget":true}}'
within '  is there, and keeps no pod that is not ready from leaving its node' 20 is AlwaysAllow budget
run '  scaled to one pod' 0 kubectl scale dataflow/orders --replicas 1
within '  it goes: it would hold a drain up for ever' 20 is '' budget
run '  three pods' 0 kubectl scale dataflow/orders --replicas 3
within '  it is back' 20 is AlwaysAllow budget
[ "$(hash)" = "$before" ] && ok '  the same pods all the while' || bad '  the same pods all the while'

# ---- what is wrong, and what belongs to others
run 'a wrong transformation' 0 kubectl patch dataflow orders --type merge -p '{"spec":{"transformations":[{"type":"filter","config":{"condition":"$.a =="}}]}}'
within '  its condition' 20 is False condition orders SpecValid status
[ "$(hash)" = "$before" ] && ok '  the pods of the last good spec go on' || bad '  the pods of the last good spec go on'
run 'right again' 0 kubectl patch dataflow orders --type merge -p '{"spec":{"transformations":[]}}'
within '  its condition' 20 is True condition orders SpecValid status
run 'somebody else has the name' 0 kubectl create configmap df-taken-spec --from-literal=theirs=yes
apply_flow '  of a child' taken "$kafka"
within '  it is told' 20 is Error flow taken
has 'df-taken-spec' flow taken .status.message || bad '  with the name'
is yes kubectl get configmap df-taken-spec -o 'jsonpath={.data.theirs}' || bad '  theirs stays'
run '  it is removed' 0 kubectl delete configmap df-taken-spec
within '  the flow goes on' 60 is Pending flow taken
run 'a child is deleted' 0 kubectl delete deployment df-orders
within '  it comes again' 20 kubectl get deployment df-orders
run 'a child is changed' 0 kubectl patch deployment df-orders --type json -p '[{"op":"replace","path":"/spec/template/spec/terminationGracePeriodSeconds","value":5}]'
within '  it is set right' 20 is 600 kubectl get deployment df-orders -o 'jsonpath={.spec.template.spec.terminationGracePeriodSeconds}'

# ---- idle
quiet() { # no write for 3 s
    local n
    n=$(writes "$account")
    sleep 3
    [ "$(writes "$account")" = "$n" ]
}
until [ $((SECONDS - begun)) -ge 25 ]; do sleep 1; done # it tells a lack after 20 s
within 'the operator comes to rest' 60 quiet
n=$(writes "$account")
[ "$n" -gt 10 ] && ok "  after $n writes" || bad "  the audit counts its writes: $n"
said 'definitions' 1 && bad '  it finds something that its definitions lack' || ok '  its definitions lack nothing'
stop_operator "$first" KILL
start_operator 2
second=$operator
within 'another one takes over from a killed one' 30 grep -q leads "$dir/operator.2"
within '  and comes to rest' 60 quiet
[ "$(writes "$account")" = "$n" ] && ok '  without a write' || bad "  without a write: $(($(writes "$account") - n))"

# ---- two operators
start_operator 3
third=$operator
within 'a third one waits' 20 grep -q 'waits to lead' "$dir/operator.3"
within '  it is ready all the same' 20 is_ready 3
begin=$(date +%s%N)
stop_operator "$second"
within '  and leads at once when the lease is given back' 10 grep -q '"[^"]* leads"' "$dir/operator.3"
took=$((($(date +%s%N) - begin) / 1000000))
[ "$took" -lt 5000 ] && ok "  after $took ms" || bad "  after $took ms"
grep -qi 'secret\|postgres://' "$dir"/operator.* && bad 'no secret in a log'

# ---- a flow that holds a replication slot: a Job of its own drops it before the flow goes
slot='source: {type: postgresql-cdc, config: {connectionStringSecretRef: {name: shop, key: url}, slotName: s, publicationName: p, tables: [t]}}
sink: {type: "null"}'
finalizer() { kubectl get dataflow "$1" -o 'jsonpath={.metadata.finalizers[0]}'; }
job_command() { kubectl get job "df-$1-end" -o 'jsonpath={.spec.template.spec.containers[0].args[0]} {.spec.template.spec.containers[0].args[1]}'; }
end_job() { # flow, status of its pod
    local pod
    pod=$(kubectl get pods -l "batch.kubernetes.io/job-name=df-$1-end" -o 'jsonpath={.items[0].metadata.name}')
    [ -n "$pod" ] && kubectl patch pod "$pod" --subresource=status --type merge -p "{\"status\":$2}"
}
no_flow() { [ -z "$(kubectl get dataflow "$1" -o name --ignore-not-found)" ]; }
for name in dropped left; do
    apply_flow 'a flow with a slot' $name "$slot"
    within '  is held' 20 is dataflow.dataflow.io/finalizer finalizer $name
    within '  has its pod' 20 kubectl get deployment "df-$name"
    run '  deleted' 0 kubectl delete dataflow $name --wait=false
    within '  a Job' 30 is 'slot drop' job_command $name
done
within '  is done' 20 end_job dropped '{"phase":"Succeeded"}'
within '  the flow goes' 60 no_flow dropped
wrong='{"phase":"Failed","containerStatuses":[{"name":"processor","image":"i","imageID":"i","ready":false,"restartCount":0,
    "state":{"terminated":{"exitCode":2,"reason":"Error"}}}]}'
within '  the other one is wrong' 20 end_job left "$wrong"
within '  that flow goes, too' 60 no_flow left
within '  which is told' 20 has CleanupFailed kubectl get events.events.k8s.io

# A source of another kind: the slot of the one before goes first, with the spec that its pods had.
source_of() { kubectl get configmap "df-$1-spec" -o 'jsonpath={.data.spec\.json}' | grep -oE 'postgresql-cdc|generate'; }
no_job() { [ -z "$(kubectl get job "df-$1-end" -o name --ignore-not-found)" ]; }
apply_flow 'a flow with a slot' moved "$slot"
within '  has its pod' 20 kubectl get deployment df-moved
apply_flow '  gets another source' moved 'source: {type: generate, config: {count: 1}}
sink: {type: "null"}'
within '  a Job' 30 is 'slot drop' job_command moved
within '  which is told' 20 has 'The source was changed' flow moved .status.message
is postgresql-cdc source_of moved && ok '  it has the old spec' || bad '  it has the old spec'
kubectl get deployment df-moved >/dev/null 2>&1 && bad '  no pods yet' || ok '  no pods yet'
within '  is done' 20 end_job moved '{"phase":"Succeeded"}'
within '  the new pods come' 60 kubectl get deployment df-moved
is generate source_of moved && ok '  with the new spec' || bad '  with the new spec'
is '' finalizer moved && ok '  nothing holds the flow' || bad '  nothing holds the flow'
within '  the Job goes' 30 no_job moved

# Positions that no watch shows any more are not gone.
owned() { kubectl get configmap df-moved-checkpoint -o 'jsonpath={.metadata.labels.dataflow\.dataflow\.io/owned}'; }
generation() { kubectl get deployment df-moved -o 'jsonpath={.metadata.generation}'; }
before=$(generation)
run 'its positions lose our label' 0 kubectl label configmap df-moved-checkpoint dataflow.dataflow.io/owned-
within '  and get it back' 20 is true owned
within '  which is told' 20 has LabelsRestored kubectl get events.events.k8s.io
is "$before" generation && ok '  its pods go on' || bad '  its pods go on'
is True condition moved HasPositions status && ok '  the flow has its positions' || bad '  the flow has its positions'

# ---- the end
run 'deleted' 0 kubectl delete dataflow orders taken moved --timeout=30s
within '  nothing of it is left' 60 no_children orders
within '  nothing of the other' 60 no_children taken
stop_operator "$third"

# ---- settings, and definitions of an older release
SECRETS_OF_OTHER_NAMESPACES=perhaps start_operator 4
wait "$operator"
said 'SECRETS_OF_OTHER_NAMESPACES is true or false, not "perhaps"' 4 && ok 'a wrong setting is refused' || bad 'a wrong setting is refused'
RECONCILE_PENDING_REQUEUE_SECONDS=0 start_operator 5
wait "$operator"
said 'RECONCILE_PENDING_REQUEUE_SECONDS is a number from 1 to' 5 && ok '  and another' || bad '  and another'
WATCH_SILENCE_SECONDS=239 start_operator 8
wait "$operator"
said 'WATCH_SILENCE_SECONDS is a number from 240 to' 8 && ok '  and one that a quiet watch would not keep' || bad '  and one that a quiet watch would not keep'
older='[{"op":"remove","path":"/spec/versions/0/schema/openAPIV3Schema/properties/spec/properties/upgradePolicy"},
{"op":"remove","path":"/spec/versions/0/schema/openAPIV3Schema/properties/status/properties/lag"}]'
run 'an older definition' 0 kubectl patch crd dataflows.dataflow.dataflow.io --type json -p "$older"
OPERATOR_NAMESPACE=dataflow POD_NAME=operator-6 WATCH_SECRETS=false dfoperator run --kubeconfig "$operator_config" --log-file "$dir/operator.6" \
    --metrics-bind-address 0 --health-probe-bind-address 0 >"$dir/out" 2>"$dir/log" &
sixth=$!
operators+=("$sixth")
within '  is told when it stays so' 60 said 'lack is lost: DataFlow: spec.upgradePolicy, status.lag\. Bring them up to date' 6
within '  it works all the same' 30 has 'definitions lack fields' is_ready 6
[ -s "$dir/log" ] && bad '  --log-file has all lines' || ok '  --log-file has all lines'
mv "$dir/operator.6" "$dir/operator.7"
kill -HUP "$sixth"
within '  SIGHUP opens it again' 10 test -e "$dir/operator.6"
stop_operator "$sixth"
said stopped 6 && ok '  what comes then is in the new one' || bad '  what comes then is in the new one'
exit $failed
