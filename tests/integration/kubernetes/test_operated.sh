#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# A DataFlow on a real node, looked after by the operator from its chart, Kafka to PostgreSQL: nothing is
# lost when the spec changes, a pod is killed, the operator is killed, the flow is suspended and goes on;
# passwords of both servers change under load, one of them in a Secret of another namespace, and no pod is renewed;
# a wrong secret is told and a right one heals it without a hand. The node is drained while one flow has one pod and
# another one pods that never get ready, both with a disruption budget. Of two pods of a flow with one reader, one
# waits; images that do not exist and too little memory are told, and healed by an edit. A run of a DataFlowCron whose pod
# is evicted goes on in the next one before its trigger begins; one whose image does not exist fails. Uninstalled, pods go on,
# and their namespace can be deleted.
# ctest: no-servers kubernetes timeout=1500
. "$(dirname "$0")/../kube_lib.sh"
start_node
start_servers_of_node --secure --conf listener.name.sasl.scram-sha-512.connections.max.reauth.ms=5000

limit=150 run 'the chart' 0 "$DF_HELM" install df "$source/deploy/helm/dataflow-operator" --namespace dataflow --create-namespace \
    --set image.repository="${image%:*}" --set image.tag="${image#*:}" --set image.pullPolicy=Never \
    --set webhook.enabled=true --set webhook.selfSigned=true --set secrets.otherNamespaces=true \
    --set 'extraEnv[0].name=STEP_START_TIMEOUT_SECONDS' --set-string 'extraEnv[0].value=20' \
    --set 'extraEnv[1].name=SECRETS_REFRESH_SECONDS' --set-string 'extraEnv[1].value=3' --wait --timeout 140s
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

# ---- rotation: user and password of the broker in two edits, the password of the database in a Secret of
# another namespace, of which the operator keeps a copy. The servers are first: what the pod has is refused.
sql "create role loader login password 'first-word'; grant create on schema public to loader;
    create table rotated (like orders); alter table rotated owner to loader" >/dev/null
run 'a Secret with user and password' 0 kubectl -n shop create secret generic kafka --from-literal=user=carol --from-literal=password=carol-pw
kubectl create namespace vault >/dev/null
run 'one of another namespace' 0 kubectl -n vault create secret generic loader --from-literal=url="postgres://loader:first-word@${DF_PG#*@}"
run '  allowed' 0 kubectl -n vault annotate secret loader dataflow.dataflow.io/allow-namespaces=shop
cat >"$dir/rotated.yaml" <<YAML
apiVersion: dataflow.dataflow.io/v1
kind: DataFlow
metadata: {name: rotated, namespace: shop}
spec:
  deliveryGuarantee: exactlyOnce
  source:
    type: kafka
    config:
      {brokers: "$DF_KAFKA_SASL", topic: orders, consumerGroup: rotated, properties: {session.timeout.ms: "6000"}, sasl: {
       mechanism: scram-sha-512, usernameSecretRef: {name: kafka, key: user}, passwordSecretRef: {name: kafka, key: password}}}
  sink:
    type: postgresql
    config: {table: rotated, connectionStringSecretRef: {namespace: vault, name: loader, key: url}}
YAML
cat >"$dir/rotate" <<'END'
set -ef
users() { $DF_KUBE_INSIDE $DF_KAFKA_JAVA kafka.admin.ConfigCommand --bootstrap-server "$DF_KAFKA" --alter --entity-type users "$@"; }
# until it is in the log of the pod
until_told() { until kubectl -n shop logs deployment/df-rotated | grep -q "$1"; do sleep 0.2; done; }
# The database first: nothing is written any more when nothing can be read.
$DF_KUBE_INSIDE psql "$DF_PG" -Xq -c "alter role loader password 'second-word'" -c "select pg_terminate_backend(pid) from pg_stat_activity where usename = 'loader'"
until_told 'password authentication failed'
users --entity-name dave --add-config 'SCRAM-SHA-512=[iterations=4096,password=second-pw]' &
users --entity-name carol --delete-config SCRAM-SHA-512
wait $!
until_told 'check user and password'
kubectl -n shop patch secret kafka --type merge -p '{"stringData":{"user":"dave"}}'
kubectl -n shop patch secret kafka --type merge -p '{"stringData":{"password":"second-pw"}}'
kubectl -n vault patch secret loader --type merge -p "{\"stringData\":{\"url\":\"postgres://loader:second-word@${DF_PG#*@}\"}}"
END
pod_of_rotated() { kubectl -n shop get pods -l dataflow.dataflow.io/name=rotated -o 'jsonpath={range .items[*]}{.metadata.uid} {.status.containerStatuses[0].restartCount}{end}'; }
arrived_rotated() { [ "$(sql 'select count(*) from rotated')" = "$from" ]; }
run 'a flow with both' 0 kubectl apply -f "$dir/rotated.yaml"
run '  runs' 0 kubectl -n shop wait --for=condition=Ready --timeout=55s dataflow/rotated
within '  all rows' 60 arrived_rotated
before=$(pod_of_rotated)
since() { kubectl -n shop get dataflow rotated -o 'jsonpath={.status.secretsTime}'; }
is_told() { [ -n "$(since)" ]; }
within '  its status says since when its Secrets are used' 60 is_told
used=$(since)
limit=150 while_producing 'passwords change under load' $from 20000 1000 bash "$dir/rotate"
changed=$SECONDS
from=$((from + 20000))
within '  all rows' 90 arrived_rotated
[ $failed = 0 ] || kubectl -n shop logs deployment/df-rotated
ok "    $((SECONDS - changed)) s after the last edit at most"
run '  nothing lost, nothing twice' 0 $DF_KUBE_INSIDE dfaudit check --source table --table rotated --count "$from" --expect-count "$from" \
    --no-gaps --max-duplicates 0
is_as_before() { [ "$(pod_of_rotated)" = "$before" ]; }
is_as_before && ok '  by the same pod' || bad "  by the same pod: $(pod_of_rotated), not $before"
is_newer() { [[ $(since) > $used ]]; }
within '  the status says that newer Secrets are used' 60 is_newer
kubectl -n shop logs deploy/df-rotated >"$dir/out" 2>&1
kubectl -n shop describe dataflow rotated >>"$dir/out" 2>&1
kubectl -n dataflow logs $operator >>"$dir/out" 2>&1
grep -qE '(first|second)-(word|pw)|carol-pw' "$dir/out" && bad '  no password is shown' || ok '  no password is shown'
run '  deleted' 0 kubectl -n shop delete dataflow rotated --timeout=50s

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

# ---- one reader: a second pod, which no ReplicaSet knows of, waits for the Lease
sql 'create table numbers (id bigint)'
cat >"$dir/numbers.yaml" <<YAML
apiVersion: dataflow.dataflow.io/v1
kind: DataFlow
metadata: {name: numbers, namespace: shop}
spec:
  checkpointSaveInterval: 1s
  source: {type: generate, config: {rate: 200, template: '{"id":\${seq}}'}}
  sink: {type: postgresql, config: {table: numbers, connectionStringSecretRef: {name: db, key: url}}}
YAML
numbers() { sql "select $1 from numbers"; }
more() { [ "$(numbers 'coalesce(max(id), 0)')" -gt $((before + 200)) ]; }
goes_on() { # NAME
    before=$(numbers 'coalesce(max(id), 0)')
    within "$1" 60 more
}
pods() { kubectl -n shop get pods -l dataflow.dataflow.io/name=numbers --field-selector=status.phase=Running "$@"; }
readyz() { $DF_KUBE_INSIDE curl -s "http://$(kubectl -n shop get pod "$1" -o 'jsonpath={.status.podIP}'):9090/readyz"; }
waits() { [[ $(readyz "$1") == 'not ready: lease shop/df-numbers is held by '* ]]; }
one_of_two() { # one reads, and the other one waits for it
    local states=
    for pod in $(pods -o 'jsonpath={.items[*].metadata.name}'); do states+="$(readyz "$pod" | cut -c1-30);"; done
    [ "$states" = 'ready;not ready: lease shop/df-numbe;' ] || [ "$states" = 'not ready: lease shop/df-numbe;ready;' ]
}
run 'a flow with one reader' 0 kubectl apply -f "$dir/numbers.yaml"
run '  runs' 0 kubectl -n shop wait --for=condition=Ready --timeout=55s dataflow/numbers
goes_on '  reads'
first=$(pods -o 'jsonpath={.items[0].metadata.name}')
kubectl -n shop get deployment df-numbers -o json | python3 -c '
import json, sys
template = json.load(sys.stdin)["spec"]["template"]
template.update(apiVersion="v1", kind="Pod")
template["metadata"].update(name="second", namespace="shop")
json.dump(template, sys.stdout)' >"$dir/second.json"
run '  a second pod of it' 0 kubectl create -f "$dir/second.json"
within '    waits, and says for whom' 40 waits second
goes_on '  the first one goes on'
run '  the first one is forced away' 0 kubectl -n shop delete pod "$first" --grace-period=0 --force
goes_on '  another one reads'
within '  one of two' 60 one_of_two
run '  the second pod goes' 0 kubectl -n shop delete pod second --timeout=50s
goes_on '  the flow goes on'

says() { kubectl -n shop get dataflow "$1" -o 'jsonpath={.status.phase}: {.status.message}' | grep -qE "$2"; }
is() { local wanted=$1; shift; [ "$("$@")" = "$wanted" ]; }

# ---- the node is drained: budgets hold up neither the only pod nor those that never get ready
budgets() { kubectl -n shop get poddisruptionbudgets -o name | tr '\n' ' '; }
run 'a budget for the only pod' 0 kubectl -n shop patch dataflow numbers --type merge -p '{"spec":{"podDisruptionBudget":true}}'
sed -e 's/name: orders, n/name: stuck, n/; s/consumerGroup: orders/consumerGroup: stuck/; s/key: url/key: none/' "$dir/flow.yaml" >"$dir/stuck.yaml"
echo '  replicas: 2
  podDisruptionBudget: true' >>"$dir/stuck.yaml"
run 'two pods that never get ready' 0 kubectl apply -f "$dir/stuck.yaml"
within '  are told' 60 says stuck 'key none'
within '  have a budget, and the only pod has none' 20 is 'poddisruptionbudget.policy/df-stuck ' budgets
node=$(kubectl get nodes -o 'jsonpath={.items[0].metadata.name}')
begin=$SECONDS
limit=90 run 'the node is drained' 0 kubectl drain "$node" --ignore-daemonsets --delete-emptydir-data --timeout=80s \
    --pod-selector='dataflow.dataflow.io/name in (numbers, stuck)'
ok "  in $((SECONDS - begin)) s"
within '  which its status tells' 40 says numbers 'No node takes pod'
run '  it takes pods again' 0 kubectl uncordon "$node"
goes_on '  the flow goes on'
run '  the others go' 0 kubectl -n shop delete dataflow stuck --timeout=50s

# ---- runs: one pod of a step at a time, and no trigger before everything was read: looked at further below
sql 'create table nightly (id bigint)'
cat >"$dir/nightly.yaml" <<YAML
apiVersion: dataflow.dataflow.io/v1
kind: DataFlowCron
metadata: {name: nightly, namespace: shop}
spec:
  schedule: "30 2 1 1 *"
  timeZone: Europe/Berlin
  source: {type: generate, config: {count: 4000, rate: 500, template: '{"id":\${seq}}'}}
  sink: {type: postgresql, config: {table: nightly, connectionStringSecretRef: {name: db, key: url}}}
  triggers: [{name: after, image: $image, command: [dfproc, version]}]
YAML
sed 's/name: nightly/name: absent/; s#^  schedule#  processorImage: localhost/none:1\n&#' "$dir/nightly.yaml" >"$dir/absent.yaml"
cron() { kubectl -n shop get dataflowcron "$1" -o "jsonpath={$2}"; }
run 'a cron' 0 kubectl apply -f "$dir/nightly.yaml" -f "$dir/absent.yaml"
run '  a run' 0 kubectl -n shop annotate dataflowcron nightly absent dataflow.dataflow.io/run-now=1
some_rows() { [ "$(sql 'select count(*) from nightly')" -gt 500 ]; }
within '  reads' 60 some_rows
pod=$(kubectl -n shop get pods -l dataflow.dataflow.io/name=nightly -o 'jsonpath={.items[0].metadata.name}')
printf '{"apiVersion":"policy/v1","kind":"Eviction","metadata":{"name":"%s","namespace":"shop"}}' "$pod" >"$dir/eviction.json"
run '  its pod is evicted' 0 kubectl create --raw "/api/v1/namespaces/shop/pods/$pod/eviction" -f "$dir/eviction.json"

# ---- what keeps a pod from running is told, and an edit heals it
edit() { run "$1" 0 kubectl -n shop patch dataflow numbers --type merge -p "{\"spec\":$2}"; }
edit 'an image that is not there' '{"processorImage":"localhost/none:1"}'
within '  is told' 60 says numbers '^Error: Image localhost/none:1 of pod .* cannot be pulled'
edit 'an image that can be none' '{"processorImage":"localhost/No//Image"}'
within '  is told' 60 says numbers '^Error: Image localhost/No//Image of pod .* cannot be pulled'
edit 'one that is there' '{"processorImage":null}'
goes_on '  heals it'
within '  and is told' 40 says numbers '^Running: '

# The table is locked, so the records stay in the pod, which may have 64 MiB of them and has 24 in all.
sql 'create table hungry (id bigint, pad text)'
$DF_KUBE_INSIDE psql "$DF_PG" -Xqc 'begin; lock table hungry; select pg_sleep(100)' >/dev/null 2>&1 &
lock=$!
sed -e 's/numbers/hungry/; s/rate: 200/rate: 0/; s/"id":[^}]*}/&,"pad":"${string:20000}"/' "$dir/numbers.yaml" >"$dir/hungry.yaml"
echo '  resources: {limits: {memory: 24Mi}, requests: {memory: 24Mi}}' >>"$dir/hungry.yaml"
run 'too little memory' 0 kubectl apply -f "$dir/hungry.yaml"
within '  is told' 60 says hungry 'needed more memory than resources.limits.memory'
# The server goes on with what a client asked for that is gone.
sql "select pg_terminate_backend(pid) from pg_stat_activity where query like '%lock table hungry%' and pid <> pg_backend_pid()" >/dev/null
wait $lock
run '  enough of it' 0 kubectl -n shop patch dataflow hungry --type merge -p '{"spec":{"resources":null,"source":{"config":{"rate":10}}}}'
within '  heals it' 60 says hungry '^Running: '
run '  deleted' 0 kubectl -n shop delete dataflow hungry --timeout=50s

within 'the run whose pod was evicted is complete' 60 is Completed cron nightly .status.phase
[ "$(sql 'select count(distinct id) from nightly')" = 4000 ] && ok '  of all records' || bad "  of all records: $(sql 'select count(distinct id) from nightly')"
kubectl -n shop get pods -l dataflow.dataflow.io/name=nightly -o json | python3 -c '
import json, sys
spans = []
for pod in json.load(sys.stdin)["items"]:
    end = pod["status"]["containerStatuses"][0]["state"]["terminated"]
    spans.append((end["startedAt"], end["finishedAt"], end["exitCode"]))
spans.sort()
print(spans)
sys.exit(any(a[1] > b[0] for a, b in zip(spans, spans[1:])) or len(spans) < 2)' >"$dir/out" && ok '  pods one after another' || bad '  pods one after another'
within 'that of an image that does not exist fails' 60 is Failed cron absent .status.phase
cron absent .status.message | grep -q 'did not begin within 20 s' && ok '  with the reason' || bad "  with the reason: $(cron absent .status.message)"
run '  deleted' 0 kubectl -n shop delete dataflowcron nightly absent --timeout=50s

kubectl -n dataflow logs $operator >"$dir/out" 2>&1
kubectl -n shop logs deploy/df-orders >>"$dir/out" 2>&1
kubectl -n shop get dataflow,configmap,deployment,events -o yaml >>"$dir/out" 2>&1
password=${DF_PG#*:*:}
if grep -qF "${password%%@*}" "$dir/out" || grep -qF hidden-word "$dir/out"; then bad 'a password is shown'; else ok 'no password is shown'; fi
run 'deleted' 0 kubectl -n shop delete dataflow orders --timeout=50s
gone() { [ -z "$(kubectl -n shop get deployments,pods,configmaps,serviceaccounts -l dataflow.dataflow.io/name=orders -o name)" ]; }
within '  nothing of it is left' 60 gone

# ---- without the operator
run 'the chart is uninstalled' 0 "$DF_HELM" uninstall df --namespace dataflow --wait --timeout 55s
goes_on '  the flow goes on'
no_webhook() { [ -z "$(kubectl get validatingwebhookconfigurations -o name)" ]; }
no_webhook && ok '  nobody is asked any more' || bad '  nobody is asked any more'
run '  a flow can be stored' 0 kubectl apply --dry-run=server -f "$dir/flow.yaml"
limit=100 run 'the namespace goes, without a hand' 0 kubectl delete namespace shop --timeout=90s
[ "$(numbers 'count(distinct id) = max(id) - min(id) + 1')" = t ] && ok '  no number is missing' || bad '  a number is missing'
twice=$(numbers 'count(*) - count(distinct id)')
[ "$twice" -le 2000 ] && ok "  $twice came twice" || bad "  $twice came twice"
exit $failed
