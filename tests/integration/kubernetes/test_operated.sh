#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# A DataFlow on a real node, looked after by the operator from its chart, Kafka to PostgreSQL: nothing is
# lost when the spec changes, a pod is killed, the operator is killed, the flow is suspended and goes on;
# a wrong secret is told and a right one heals it without a hand.
# ctest: no-servers kubernetes timeout=1500
. "$(dirname "$0")/../kube_lib.sh"
start_node
start_servers_of_node

limit=150 run 'the chart' 0 "$DF_HELM" install df "$source/deploy/helm/dataflow-operator" --namespace dataflow --create-namespace \
    --set image.repository="${image%:*}" --set image.tag="${image#*:}" --set image.pullPolicy=Never \
    --set webhook.enabled=true --set webhook.selfSigned=true --wait --timeout 140s
operator=deployment/df-dataflow-operator
run 'the secret' 0 kubectl -n shop create secret generic db --from-literal=url="$DF_PG"
cat >"$dir/flow.yaml" <<YAML
apiVersion: dataflow.dataflow.io/v1
kind: DataFlow
metadata: {name: orders, namespace: shop}
spec:
  source:
    type: kafka
    config: {brokers: "$DF_KAFKA", topic: orders, consumerGroup: orders, properties: {session.timeout.ms: "6000"}}
  sink:
    type: postgresql
    config: {table: orders, connectionStringSecretRef: {name: db, key: url}}
YAML
# Only the library knows conditions: the CRD lets this one pass.
sed 's/^  sink:/  transformations: [{type: filter, config: {condition: "$.a =="}}]\n  sink:/' "$dir/flow.yaml" >"$dir/wrong.yaml"
asked() { ! kubectl apply -f "$dir/wrong.yaml" >"$dir/said" 2>&1 && grep -q 'condition' "$dir/said"; }
within 'the webhook refuses a wrong condition' 20 asked
run 'a flow' 0 kubectl apply -f "$dir/flow.yaml"
run '  it runs' 0 kubectl -n shop wait --for=condition=Ready --timeout=55s dataflow/orders
[ $failed = 0 ] || { kubectl -n shop describe dataflow orders; kubectl -n dataflow logs $operator; exit 1; }

from=0
half() { # NAME COMMAND...: 20,000 records more
    local name=$1
    shift
    while_producing "$name" $from 20000 5000 "$@"
    from=$((from + 20000))
}
arrived() { [ "$(sql 'select count(distinct (producer, seq)) from orders')" = "$from" ]; }
half 'the spec changes under load' kubectl -n shop patch dataflow orders --type merge -p '{"spec":{"sink":{"config":{"batchSize":500}}}}'
within '  all rows' 90 arrived
half 'a pod is killed' kubectl -n shop delete pod -l dataflow.dataflow.io/name=orders --grace-period=0 --force
within '  all rows' 90 arrived
half 'the operator is killed' kubectl -n dataflow delete pod -l app.kubernetes.io/instance=df --grace-period=0 --force
within '  all rows' 90 arrived
run '  it is back' 0 kubectl -n dataflow rollout status $operator --timeout=55s
half 'suspended under load' kubectl -n shop patch dataflow orders --type merge -p '{"spec":{"maintenance":{"suspended":true}}}'
no_pods() { [ -z "$(kubectl -n shop get pods -l dataflow.dataflow.io/name=orders -o name)" ]; }
within '  its pod ends' 60 no_pods
message() { kubectl -n shop get dataflow orders -o 'jsonpath={.status.message}'; }
suspended() { [ "$(message)" = 'Processor suspended manually' ]; }
within '  it says so' 30 suspended
run '  no more' 0 kubectl -n shop patch dataflow orders --type merge -p '{"spec":{"maintenance":{"suspended":false}}}'
within '  all rows' 90 arrived
run 'nothing lost' 0 $DF_KUBE_INSIDE dfaudit check --source table --table orders --count "$from" --no-gaps

run 'a wrong secret' 0 kubectl -n shop create secret generic wrong --from-literal=url=postgres://nobody:hidden-word@10.99.0.1:1/x
run '  is used' 0 kubectl -n shop patch dataflow orders --type merge -p '{"spec":{"sink":{"config":{"connectionStringSecretRef":{"name":"wrong"}}}}}'
not_ready() { kubectl -n shop get dataflow orders -o 'jsonpath={.status.conditions[?(@.type=="ProcessorDeploymentReady")].status}' | grep -q False; }
within '  it is not ready' 60 not_ready
run '  the right one' 0 kubectl -n shop create secret generic wrong --from-literal=url="$DF_PG" --dry-run=client -o yaml
cp "$dir/out" "$dir/secret.yaml"
run '  under the same name' 0 kubectl apply -f "$dir/secret.yaml"
half '  heals it' true
limit=150 run '  by itself' 0 kubectl -n shop wait --for=condition=Ready --timeout=140s dataflow/orders
within '  all rows' 90 arrived

kubectl -n dataflow logs $operator >"$dir/out" 2>&1
kubectl -n shop logs deploy/df-orders >>"$dir/out" 2>&1
kubectl -n shop get dataflow,configmap,deployment,events -o yaml >>"$dir/out" 2>&1
password=${DF_PG#*:*:}
if grep -qF "${password%%@*}" "$dir/out" || grep -qF hidden-word "$dir/out"; then bad 'a password is shown'; else ok 'no password is shown'; fi
run 'deleted' 0 kubectl -n shop delete dataflow orders --timeout=50s
gone() { [ -z "$(kubectl -n shop get deployments,pods,configmaps,serviceaccounts -l dataflow.dataflow.io/owned=true -o name)" ]; }
within '  nothing of it is left' 60 gone
exit $failed
