#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Secrets of other namespaces, with the chart's rights: refused without the opt-in and without the grant;
# with both a copy is made before the pods, follows its Secret, and goes with the grant, the reference and
# the flow, also when the operator was away. No value is ever shown, no Secret listed.
# ctest: no-servers kubernetes timeout=600
. "$(dirname "$0")/../operator_lib.sh"
start_operated_cluster --set secrets.otherNamespaces=true
word=hidden-word-of-the-vault
kubectl create namespace vault >/dev/null
kubectl -n vault create secret generic db --from-literal=url="postgres://u:$word@db/x" --from-literal=other="$word-2" >/dev/null
copies() { kubectl get secrets -l dataflow.dataflow.io/owned=true -o 'jsonpath={.items[*].metadata.name}'; }
copy=
value() { kubectl get secret "$copy" -o "jsonpath={.data.$1}" | base64 -d; }
spec='source: {type: kafka, config: {brokers: "kafka:9092", topic: t, consumerGroup: g}}
sink: {type: postgresql, config: {connectionStringSecretRef: {namespace: vault, name: db, key: url}, table: orders}}'

# ---- without the opt-in
start_operator 1
apply_flow 'a flow with a Secret of another namespace' orders "$spec"
within '  is not made' 40 is False condition orders SpecResolved status
has 'set secrets.otherNamespaces in its chart' condition orders SpecResolved message && ok '  and says what to do' || bad '  and says what to do'
stop_operator "$operator"

# ---- without the grant
export SECRETS_OF_OTHER_NAMESPACES=true
start_operator 2
told() { has 'kubectl -n vault annotate secret db dataflow.dataflow.io/allow-namespaces=default' condition orders SpecResolved message; }
within 'with the opt-in it says how to allow it' 60 told
within '  in an event' 20 has SecretResolutionFailed kubectl get events.events.k8s.io
[ -z "$(copies)" ] && ok '  no copy' || bad "  no copy: $(copies)"
run 'allowed to others' 0 kubectl -n vault annotate secret db dataflow.dataflow.io/allow-namespaces='shop, default-not'
sleep 1
told && ok '  is not allowed' || bad '  is not allowed'

# ---- the copy
run 'allowed' 0 kubectl -n vault annotate --overwrite secret db dataflow.dataflow.io/allow-namespaces='shop,default'
has_copy() { copy=$(copies); [ -n "$copy" ]; }
within '  there is a copy' 60 has_copy
within '  and a Deployment' 20 kubectl get deployment df-orders
is "postgres://u:$word@db/x" value url && ok '  with the value' || bad '  with the value'
[ -z "$(value other)" ] && ok '  and no key that is not named' || bad '  and no key that is not named'
is DataFlow kubectl get secret "$copy" -o 'jsonpath={.metadata.ownerReferences[0].kind}' || bad '  owned by the flow'
has "\"name\":\"$copy\"" kubectl get configmap df-orders-spec -o 'jsonpath={.data.spec\.json}' && ok '  the spec names it' || bad '  the spec names it'
has "$copy/url" kubectl get deployment df-orders -o json && ok '  the pod mounts it' || bad '  the pod mounts it'
within '  the condition' 20 is True condition orders SpecResolved status
run 'the Secret changes' 0 kubectl -n vault patch secret db --type merge -p '{"stringData":{"url":"postgres://u:hidden-word-new@db/x"}}'
within '  the copy follows within a minute' 60 is 'postgres://u:hidden-word-new@db/x' value url
run 'the copy is removed by hand' 0 kubectl delete secret "$copy"
within '  it comes again' 60 has_copy
run 'the copy is changed by hand' 0 kubectl patch secret "$copy" --type merge -p '{"stringData":{"url":"wrong"}}'
within '  it is set right' 60 is 'postgres://u:hidden-word-new@db/x' value url

# ---- its end
run 'the grant goes' 0 kubectl -n vault annotate secret db dataflow.dataflow.io/allow-namespaces-
no_copy() { [ -z "$(copies)" ]; }
within '  so does the copy' 60 no_copy
within '  the condition' 20 is False condition orders SpecResolved status
run 'the grant is back, for all' 0 kubectl -n vault annotate secret db dataflow.dataflow.io/allow-namespaces='*'
within '  so is the copy' 60 has_copy
stop_operator "$operator" KILL
apply_flow 'the reference goes while no operator is there' orders "${spec/namespace: vault, name: db/name: own}"
start_operator 3
within '  so does the copy' 60 no_copy
own() { has '"name":"own"' kubectl get configmap df-orders-spec -o 'jsonpath={.data.spec\.json}'; }
within '  the spec names the own one' 20 own
has /copies kubectl get configmap df-orders-spec -o 'jsonpath={.metadata.annotations}' && bad '  and no copy' || ok '  and no copy'
apply_flow 'the reference is back' orders "$spec"
within '  so is the copy' 60 has_copy
{
    printf 'apiVersion: dataflow.dataflow.io/v1\nkind: DataFlowCron\nmetadata: {name: nightly}\nspec:\n  schedule: "0 3 * * *"\n'
    sed 's/^/  /' <<<"$spec"
} >"$dir/cron.yaml"
run 'a cron with it' 0 kubectl apply -f "$dir/cron.yaml"
copies_are() { [ "$(copies | wc -w)" = "$1" ]; }
within '  has a copy of its own' 60 copies_are 2
within '  and a CronJob' 20 kubectl get cronjob dfc-nightly
run 'the cron goes' 0 kubectl delete dataflowcron nightly --timeout=30s
within '  so does its copy' 60 copies_are 1
run 'the flow goes' 0 kubectl delete dataflow orders --timeout=30s
within '  so does the copy' 60 no_copy
stop_operator "$operator"

# ---- what was seen of it
{ cat "$dir"/operator.*; kubectl get events.events.k8s.io,dataflows,configmaps,deployments -A -o yaml; } >"$dir/out" 2>&1
if grep -q 'hidden-word' "$dir/out"; then bad 'a value is shown'; else ok 'no value is shown'; fi
verbs() {
    python3 -c '
import json, sys
rows = [json.loads(line) for line in open(sys.argv[1])]
print(*sorted({r["verb"] for r in rows if r["user"]["username"] == sys.argv[2] and r.get("objectRef", {}).get("resource") == "secrets"}))' \
        "$dir/audit.jsonl" "$account"
}
is 'create delete get update' verbs && ok 'no Secret is listed or watched' || bad "what was asked of Secrets: $(verbs)"
exit $failed
