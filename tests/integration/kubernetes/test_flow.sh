#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Kafka to PostgreSQL by restricted pods of a Deployment, the password from a Secret: a rollout under
# load loses nothing and brings nothing twice; a pod that is killed loses nothing.
# ctest: no-servers kubernetes timeout=1500
. "$(dirname "$0")/../kube_lib.sh"
start_node
start_servers_of_node

cat >"$dir/spec.json" <<JSON
{"source": {"type": "kafka", "config": {"brokers": "$DF_KAFKA", "topic": "orders", "consumerGroup": "orders",
   "properties": {"session.timeout.ms": "6000"}}},
 "sink": {"type": "postgresql", "config": {"table": "orders", "connectionStringSecretRef": {"name": "db", "key": "url"}}}}
JSON
run 'the manifest' 0 kubectl -n shop create configmap orders --from-file="$dir/spec.json"
run 'the secret' 0 kubectl -n shop create secret generic db --from-literal=url="$DF_PG"
{
    cat <<'YAML'
apiVersion: apps/v1
kind: Deployment
metadata: {name: orders, namespace: shop}
spec:
  strategy: {type: Recreate}
  selector: {matchLabels: {app: orders}}
  template:
    metadata: {labels: {app: orders}}
    spec:
YAML
    pod_spec 'command: [/processor, --spec-path=/etc/dataflow/spec.json, --namespace=shop, --name=orders]' \
        '{configMap: {name: orders}}, {secret: {name: db, items: [{key: url, path: secrets/db/url}]}}' | sed 's/^/      /'
} >"$dir/deployment.yaml"
run 'a deployment' 0 kubectl create -f "$dir/deployment.yaml"
run 'it is available' 0 kubectl -n shop wait --for=condition=Available --timeout=50s deployment/orders
[ $failed = 0 ] || { kubectl -n shop logs deploy/orders; exit 1; }

arrived() { [ "$(sql 'select count(distinct (producer, seq)) from orders')" = "$1" ]; }
await_rows() {
    local end=$((SECONDS + 60 * slack))
    until arrived "$1"; do
        [ $SECONDS -lt $end ] || { bad "$(rows) rows, not $1"; break; }
        sleep 0.3
    done
}
while_producing 'a rollout under load' 0 40000 10000 kubectl -n shop rollout restart deployment/orders
await_rows 40000
run 'nothing lost, nothing twice' 0 $DF_KUBE_INSIDE dfaudit check --source table --table orders --count 40000 \
    --expect-count 40000 --no-gaps --max-duplicates 0
while_producing 'a pod is killed' 40000 40000 10000 kubectl -n shop delete pod -l app=orders --grace-period=0 --force
await_rows 80000
run 'nothing lost' 0 $DF_KUBE_INSIDE dfaudit check --source table --table orders --count 80000 --no-gaps
kubectl -n shop logs deploy/orders >"$dir/out"
password=${DF_PG#*:*:}
if grep -qF "${password%%@*}" "$dir/out"; then bad 'the password is in the log'; else ok 'no password in the log'; fi
exit $failed
