#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# The chart: what it renders for each value, in strict form; what it refuses, with what to do; its alerts.
# ctest: no-servers kubernetes timeout=300
. "$(dirname "$0")/../kube_lib.sh"
chart=$source/deploy/helm/dataflow-operator
start_cluster
kubectl create namespace dataflow >/dev/null
render() { "$DF_HELM" template t "$chart" --namespace dataflow "$@" 2>"$dir/err"; }
run 'lint' 0 "$DF_HELM" lint --strict "$chart"

# refused VALUES TEXT
refused() {
    if render --set "$1" >"$dir/out"; then bad "$1 is refused"; else
        grep -qF -- "$2" "$dir/err" && ok "$1 is refused" || bad "$1 is refused with its reason"
    fi
}
refused webhook.enabled=true 'set webhook.selfSigned, webhook.certManager, or'
refused webhook.enabled=true,webhook.selfSigned=true,webhook.certManager=true 'set one of them'
refused gui.enabled=true 'there is no GUI yet'
refused sentry.enabled=true 'not sent to Sentry yet'
refused monitoring.dashboard.enabled=true 'there is no dashboard yet'
refused serviceMonitor.enabled=true,metrics.enabled=false 'needs metrics.enabled'

# The server takes all of it, with every field known to it; kinds of others are only rendered.
for values in a=b watchNamespace=shop replicaCount=2 crds.keep=false crds.install=false rbac.create=false \
    serviceAccount.create=false,serviceAccount.name=mine metrics.enabled=false metrics.port=8080 service.type=NodePort \
    webhook.enabled=true,webhook.selfSigned=true webhook.enabled=true,webhook.secretName=s,webhook.caBundle=Y2E= \
    fullnameOverride=other nameOverride=short image.tag=1.2.3,image.pullPolicy=Always processorImage=mine:1 \
    processorProgressTimeoutSeconds=0 'nodeSelector.disk=ssd' 'tolerations[0].operator=Exists' priorityClassName=high \
    'podAnnotations.a=b,podLabels.c=d' 'imagePullSecrets[0].name=pull' logLevel=debug,processorLogLevel=warn health.probePort=8081; do
    kubectl create namespace shop >/dev/null 2>&1
    render --set "$values" >"$dir/chart.yaml" || { bad "$values renders"; continue; }
    run "$values" 0 kubectl apply --dry-run=server --server-side --validate=strict -f "$dir/chart.yaml"
done
for values in webhook.enabled=true,webhook.certManager=true serviceMonitor.enabled=true monitoring.prometheusRule.enabled=true; do
    render --set "$values" >"$dir/out" && ok "$values" || bad "$values"
done
render --set crds.keep=true | grep -q 'helm.sh/resource-policy: keep' && ok 'the CRDs are kept' || bad 'the CRDs are kept'
render --set crds.keep=false | grep -q 'helm.sh/resource-policy' && bad 'or not' || ok 'or not'
render | grep -q 'name: dataflows.dataflow.dataflow.io' && ok 'their name' || bad 'their name'
render | grep -A40 'kind: ClusterRole$' | grep -q secrets && bad 'no right to read Secrets' || ok 'no right to read Secrets'
render --set processorImage=mine:1 | grep -A1 'name: PROCESSOR_IMAGE' | grep -q '"mine:1"' && ok 'the image of pods' || bad 'the image of pods'

# ---- alerts
cp "$chart/files/alerts.yaml" "$dir/alerts_of_the_chart.yaml"
cp "$(dirname "$0")/alerts.yaml" "$dir/alerts.yaml"
run 'the alerts are rules' 0 promtool check rules "$dir/alerts_of_the_chart.yaml"
run 'each alert fires, and does not fire' 0 promtool test rules "$dir/alerts.yaml"
# Every series that an alert asks for is one that we emit.
for series in $(grep -o 'dataflow_[a-z0-9_]*' "$dir/alerts_of_the_chart.yaml" | sed 's/_bucket$//' | sort -u); do
    grep -q "\b$series\b" "$source/docs/metrics.md" || bad "$series is no metric of ours"
done
exit $failed
