#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Kafka to PostgreSQL by restricted pods of a Deployment, the password from a Secret: a rollout under
# load loses nothing and brings nothing twice; a pod that is killed loses nothing.
# ctest: no-servers kubernetes timeout=1500
. "$(dirname "$0")/../kube_lib.sh"
start_node
leave_servers() {
    [ "$BASHPID" = $$ ] || return
    "$bed/kafka" stop --dir "$dir/kafka"
    "$bed/postgresql" stop --dir "$dir/postgresql"
    leave
}
trap leave_servers EXIT

# Beside the pods: in the node's network, at its address.
for server in kafka postgresql; do
    limit=200 run "$server" 0 $DF_KUBE_INSIDE "$bed/$server" start --host 10.99.0.1 --dir "$dir/$server" --parent $$
done
[ $failed = 0 ] || exit 1
set -a
. "$dir/kafka/env"
. "$dir/postgresql/env"
set +a
sql() { $DF_KUBE_INSIDE psql "$DF_PG" -XqAt -c "$1"; }
sql 'create table orders (id bigint, producer int, seq bigint, key text, amount numeric(12,2), at timestamptz, note text, crc text)'
run 'a topic' 0 $DF_KUBE_INSIDE dfaudit topic create --topic orders --partitions 4

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

rows() { sql 'select count(*) from orders'; }
# half NAME FROM COMMAND...: 40,000 records more, and the command when some of them have arrived
half() {
    local name=$1 from=$2 before
    shift 2
    before=$(rows)
    $DF_KUBE_INSIDE dfaudit produce --topic orders --count 40000 --from "$from" --partitions 4 --rate 10000 2>"$dir/produce" &
    until [ "$(rows)" -gt "$before" ] || ! kill -0 $!; do sleep 0.1; done
    run "$name" 0 "$@"
    wait $! || bad "  produce: $(cat "$dir/produce")"
}
arrived() { [ "$(sql 'select count(distinct (producer, seq)) from orders')" = "$1" ]; }
await_rows() {
    local end=$((SECONDS + 60))
    until arrived "$1"; do
        [ $SECONDS -lt $end ] || { bad "$(rows) rows, not $1"; break; }
        sleep 0.3
    done
}
half 'a rollout under load' 0 kubectl -n shop rollout restart deployment/orders
await_rows 40000
run 'nothing lost, nothing twice' 0 $DF_KUBE_INSIDE dfaudit check --source table --table orders --count 40000 \
    --expect-count 40000 --no-gaps --max-duplicates 0
half 'a pod is killed' 40000 kubectl -n shop delete pod -l app=orders --grace-period=0 --force
await_rows 80000
run 'nothing lost' 0 $DF_KUBE_INSIDE dfaudit check --source table --table orders --count 80000 --no-gaps
kubectl -n shop logs deploy/orders >"$dir/out"
password=${DF_PG#*:*:}
if grep -qF "${password%%@*}" "$dir/out"; then bad 'the password is in the log'; else ok 'no password in the log'; fi
exit $failed
