#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# The chart's life in a real API server: an older release installed, brought up to date, rolled back, brought
# up to date again, uninstalled, installed again. The operator works beside the cluster with the rights that the
# release gives at that moment. Flows and their Deployments are the same objects all the while.
# ctest: no-servers kubernetes timeout=400
. "$(dirname "$0")/../operator_lib.sh"
start_cluster
chart=$source/deploy/helm/dataflow-operator
helm() { timeout 60 "$DF_HELM" --namespace dataflow "$@"; }
release() { # WHAT, arguments of helm
    local what=$1
    shift
    helm "$@" >"$dir/out" 2>"$dir/err" && ok "$what" || { bad "$what"; exit 1; }
}
# One that knows neither of a field nor of a member of the status.
cp -rL "$chart" "$dir/older"
sed -i 's/^version: .*/version: 0.0.9/; s/^appVersion: .*/appVersion: "0.0.9"/' "$dir/older/Chart.yaml"
python3 - "$dir/older/files/crds" <<'END' || bad 'an older chart'
import pathlib, sys, yaml
for path in pathlib.Path(sys.argv[1]).glob("dataflow*.yaml"):
    crd = yaml.safe_load(path.read_text())
    members = crd["spec"]["versions"][0]["schema"]["openAPIV3Schema"]["properties"]
    members["spec"]["properties"].pop("upgradePolicy", None)
    members["status"]["properties"].pop("observedGeneration", None) # which is always written
    path.write_text(yaml.safe_dump(crd))
END

established() {
    kubectl wait --for=condition=Established crd/dataflows.dataflow.dataflow.io crd/dataflowcrons.dataflow.dataflow.io --timeout=10s
}
knows_policy() { kubectl get crd dataflows.dataflow.dataflow.io -o 'jsonpath={.spec.versions[0].schema.openAPIV3Schema.properties.spec.properties.upgradePolicy.type}'; }
image() { kubectl -n dataflow get deployment r-dataflow-operator -o 'jsonpath={.spec.template.spec.containers[0].image}'; }
# The object, how often its spec was written, and which pods it asks for.
identity() { kubectl get deployment df-orders -o 'jsonpath={.metadata.uid} {.metadata.generation}'; }
flow_uid() { kubectl get dataflow orders -o 'jsonpath={.metadata.uid}'; }
table_is() { has "\"$1\"" kubectl get configmap df-orders-spec -o 'jsonpath={.data.spec\.json}'; }
# with_rights N: an operator with what the release of this moment allows
with_rights() {
    operator_config=$("$bed/kubernetes" kubeconfig --dir "$dir/cluster" --service-account dataflow/r-dataflow-operator) ||
        bad 'a kubeconfig for the operator'
    start_operator "$1"
    within '  an operator with its rights' 40 is_ready "$1"
    within '  leads' 40 grep -q '"[^"]* leads"' "$dir/operator.$1"
}
set_table() { # NAME
    run "  a changed spec" 0 kubectl patch dataflow orders --type merge -p "{\"spec\":{\"sink\":{\"config\":{\"table\":\"$1\"}}}}"
    within '  reaches the pods' 30 table_is "$1"
}
same() { # WHAT
    [ -n "$uid" ] && [ "$(flow_uid)" = "$uid" ] && [ "$(identity)" = "$before" ] && ok "  $1" || bad "  $1: $(identity), not $before"
}

# ---- the older one
release 'the older release is installed' install r "$dir/older" --create-namespace
within '  its CRDs' 30 established
is '' knows_policy && ok '  lack a field' || bad '  lack a field'
with_rights 1
apply_flow 'a flow' orders 'source: {type: kafka, config: {brokers: "kafka:9092", topic: t, consumerGroup: g}}
sink: {type: postgresql, config: {connectionStringSecretRef: {name: shop, key: url}, table: first}}'
within '  has its Deployment' 30 kubectl get deployment df-orders
within '  and a status' 30 is Pending flow orders
# After 20 s, or later under load: the server makes its document of a new definition when it has time.
within 'the lack is told' 130 grep -q 'lack is lost: .*spec.upgradePolicy' "$dir/operator.1"
grep -q 'lack is lost: .*everything' "$dir/operator.1" && bad '  and no more than is lacking' || ok '  and no more than is lacking'
uid=$(flow_uid) before=$(identity)
stop_operator "$operator"

# ---- up to date
release 'it is brought up to date' upgrade r "$chart" --set logLevel=debug
within '  with the CRDs' 30 is string knows_policy
within '  its Deployment has the new image' 10 has ':0.1.0' image
same 'the flow is as it was'
with_rights 2
begun=$SECONDS
run '  the new field' 0 kubectl patch dataflow orders --type merge -p '{"spec":{"upgradePolicy":"OnSpecChange"}}'
is OnSpecChange flow orders .spec.upgradePolicy && ok '  is kept' || bad '  is kept'
same 'no pod was renewed for it'
set_table second
until [ $((SECONDS - begun)) -ge 25 ]; do sleep 1; done # it tells a lack after 20 s
grep -q 'lack is lost' "$dir/operator.2" && bad '  nothing is lacking' || ok '  nothing is lacking'
stop_operator "$operator"

# ---- back, and forth
before=$(identity)
release 'it is rolled back' rollback r 1
within '  with the CRDs' 30 is '' knows_policy
within '  and the image' 10 has ':0.0.9' image
same 'the flow is as it was'
with_rights 3
set_table third
stop_operator "$operator"
before=$(identity)
release 'it is brought up to date again' upgrade r "$chart"
within '  with the CRDs' 30 is string knows_policy
same 'the flow is as it was'

# ---- away, and back
release 'it is uninstalled' uninstall r
within '  its operator is gone' 30 is '' kubectl -n dataflow get deployments -o name
kubectl get clusterroles -o name | grep -q r-dataflow && bad '  its rights are gone' || ok '  its rights are gone'
is string knows_policy && ok '  the CRDs are kept' || bad '  the CRDs are kept'
same 'the flow is as it was'
release 'it is installed over them' install r "$chart"
with_rights 4
set_table fourth
run 'the flow is deleted' 0 kubectl delete dataflow orders --timeout=30s
within '  nothing of it is left' 60 no_children orders
stop_operator "$operator"
exit $failed
