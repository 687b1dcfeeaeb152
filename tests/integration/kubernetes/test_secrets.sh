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
copies() { kubectl get secrets -l dataflow.dataflow.io/owned=true,dataflow.dataflow.io/name=orders -o 'jsonpath={.items[*].metadata.name}'; }
copies_of() { kubectl get secrets -l "dataflow.dataflow.io/owned=true,dataflow.dataflow.io/name=$1" -o 'jsonpath={.items[*].metadata.name}'; }
copy_name() { # flow namespace/name
    printf 'df-%s-secret-%.8s' "$1" "$(printf %s "$2" | sha256sum)"
}
grant=dataflow.dataflow.io/allow-namespaces
copy=
value() { kubectl get secret "$copy" -o "jsonpath={.data.$1}" | base64 -d; }
spec='source: {type: kafka, config: {brokers: "kafka:9092", topic: t, consumerGroup: g}}
sink: {type: postgresql, config: {connectionStringSecretRef: {namespace: vault, name: db, key: url}, table: orders}}'

{
    printf 'apiVersion: dataflow.dataflow.io/v1\nkind: DataFlow\nmetadata: {name: flow}\nspec:\n'
    sed 's/^/  /' <<<"$spec"
} >"$dir/brief.yaml"

# ---- without the opt-in
start_operator 1
apply_flow 'a flow with a Secret of another namespace' orders "$spec"
within '  is not made' 40 is False condition orders SpecResolved status
has 'set secrets.otherNamespaces in its chart' condition orders SpecResolved message && ok '  and says what to do' || bad '  and says what to do'
stop_operator "$operator"

# ---- without the grant
export SECRETS_OF_OTHER_NAMESPACES=true SECRETS_REFRESH_SECONDS=2
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

# ---- Secrets and keys of odd kinds
head -c 1000000 /dev/urandom >"$dir/blob"
long=$(printf 's%.0s' {1..253})
run 'a Secret of nearly a mebibyte' 0 kubectl -n vault create secret generic "$long" --from-file=blob="$dir/blob"
run '  allowed' 0 kubectl -n vault annotate secret "$long" $grant=default
longest=large-$(printf 'n%.0s' {1..200})
apply_flow '  of a flow, both with long names' "$longest" "${spec/name: db, key: url/name: $long, key: blob}"
apply_flow 'a flow that names a key which is not there' lacking "${spec/key: url/key: absent}"
kubectl create -f - >"$dir/out" <<YAML
apiVersion: v1
kind: Secret
metadata:
  name: $(copy_name taken vault/db)
  labels: {dataflow.dataflow.io/owned: "true", dataflow.dataflow.io/name: taken, dataflow.dataflow.io/kind: DataFlow, app: dataflow-processor}
stringData: {url: of somebody else}
YAML
apply_flow "a flow for whose copy's name somebody has made a Secret, with our labels" taken "$spec"
odd='namespace: "..", name: ".."'
apply_flow 'a flow with names that no Secret has' hostile "${spec/namespace: vault, name: db/$odd}"
run 'a namespace that will go' 0 kubectl create namespace brief
run '  allowed' 0 kubectl -n vault annotate --overwrite secret db $grant='shop,default,brief'
run '  with a flow' 0 kubectl -n brief apply -f "$dir/brief.yaml"
within '  the odd names are refused' 40 has 'can be no Secret and its key' condition hostile SpecResolved message
within '  the taken name is told' 40 has 'taken by a Secret of somebody else' condition taken SpecResolved message
is 'of somebody else' eval "kubectl get secret $(copy_name taken vault/db) -o 'jsonpath={.data.url}' | base64 -d" && ok '  and that Secret stays as it is' || bad '  and that Secret stays as it is'
whole() { kubectl get secrets -o json | python3 -c '
import base64, json, sys
found = [s for s in json.load(sys.stdin)["items"] if list(s.get("data", {})) == ["blob"]]
sys.exit(len(found) != 1 or base64.b64decode(found[0]["data"]["blob"]) != open(sys.argv[1], "rb").read())' "$dir/blob"; }
within '  all bytes of the large one are copied' 60 whole
has_copy_in_brief() { kubectl -n brief get secret "$(copy_name flow vault/db)"; }
within '  there is a copy in the namespace' 60 has_copy_in_brief
run '  which goes as a whole' 0 kubectl delete namespace brief --timeout=50s
run 'the taken name is free again' 0 kubectl delete secret "$(copy_name taken vault/db)"

# ---- a spec that waits for another Secret takes none from the pods of the last good one
apply_flow 'a spec with another key, and a Secret that is not allowed' orders "${spec/key: url/key: other}
errors: {type: postgresql, config: {connectionStringSecretRef: {namespace: vault, name: none, key: url}, table: bad}}"
within '  is not resolved' 40 is False condition orders SpecResolved status
within '  the copy has the other key' 20 is "$word-2" value other
is "postgres://u:$word@db/x" value url && ok '  and the one of the running pods' || bad '  and the one of the running pods'
apply_flow '  the spec is as it was' orders "$spec"
within '  the other key goes' 40 is '' value other
run 'somebody freezes the copy' 0 kubectl patch secret "$copy" --type merge -p '{"immutable":true}'
run 'the Secret changes' 0 kubectl -n vault patch secret db --type merge -p '{"stringData":{"url":"postgres://u:hidden-word-new@db/x"}}'
within '  the copy follows within a minute, though it was frozen' 60 is 'postgres://u:hidden-word-new@db/x' value url
run 'the copy is removed by hand' 0 kubectl delete secret "$copy"
within '  it comes again' 60 has_copy
run 'the copy is changed by hand' 0 kubectl patch secret "$copy" --type merge -p '{"stringData":{"url":"wrong"}}'
within '  it is set right' 60 is 'postgres://u:hidden-word-new@db/x' value url

# ---- its end
run 'the grant goes' 0 kubectl -n vault annotate secret db dataflow.dataflow.io/allow-namespaces-
no_copy() { [ -z "$(copies)" ]; }
within '  so does the copy' 60 no_copy
within '  the condition' 20 is False condition orders SpecResolved status
run 'the Secret is made anew, of another type' 0 kubectl -n vault delete secret db
kubectl -n vault create secret generic db --type=kubernetes.io/basic-auth --from-literal=password="$word" --from-literal=url=x --from-literal=other=y >/dev/null
run '  allowed to all' 0 kubectl -n vault annotate secret db $grant='*'
within '  the copy is back' 60 has_copy
is x value url && ok '  with its value' || bad '  with its value'
has_taken() { has "$(copy_name taken vault/db)" copies_of taken; }
within '  and there is one where the name was taken' 60 has_taken
kill_operator "$operator"
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
within '  has a copy of its own' 60 has dfc-nightly-secret copies_of nightly
within '  and a CronJob' 20 kubectl get cronjob dfc-nightly
run 'the cron goes' 0 kubectl delete dataflowcron nightly --timeout=30s
gone_of() { [ -z "$(copies_of "$1")" ]; }
within '  so does its copy' 60 gone_of nightly
has_copy && ok '  and no other' || bad '  and no other'
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
updates_of() { # name of a Secret
    python3 -c '
import json, sys
rows = [json.loads(line) for line in open(sys.argv[1])]
print(sum(r["user"]["username"] == sys.argv[2] and r.get("objectRef", {}).get("resource") == "secrets" and r["verb"] == "update"
          and r["objectRef"].get("name") == sys.argv[3] for r in rows))' \
        "$dir/audit.jsonl" "$account" "$1"
}
lacking=$(copy_name lacking vault/db)
is "$lacking" copies_of lacking && ok 'the flow that lacks a key has an empty copy' || bad 'the flow that lacks a key has an empty copy'
updates=$(updates_of "$lacking")
[ "$updates" = 0 ] && ok '  which is not written again and again' || bad "  which is not written again and again: $updates"
is 'create delete get update' verbs && ok 'no Secret is listed or watched' || bad "what was asked of Secrets: $(verbs)"
exit $failed
