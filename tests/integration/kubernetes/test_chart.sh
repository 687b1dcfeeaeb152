#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# The chart: what it renders for each value (chart/: the default whole, the others as what differs from it),
# that a server takes it in strict form, and what is refused, with what to do. The same for deploy/kustomize
# and deploy/samples, and the alerts. With --update it writes chart/ and deploy/kustomize/operator.yaml.
# ctest: no-servers kubernetes timeout=500
. "$(dirname "$0")/../kube_lib.sh"
here=$(cd "$(dirname "$0")" && pwd)
chart=$source/deploy/helm/dataflow-operator
golden=$here/chart
update=${1:-}
start_cluster
kubectl create namespace dataflow >/dev/null
kubectl create namespace shop >/dev/null
render() { "$DF_HELM" template t "$chart" --namespace dataflow "$@" 2>"$dir/err"; }
run 'lint' 0 "$DF_HELM" lint --strict "$chart"

# ---- what is refused
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
refused serviceMonitor.enabled=true,metrics.enabled=false 'needs metrics.enabled'
refused secrets.otherNamespaces=true,watchNamespace=shop 'set one of them'
refused metrics.port=9091 'set different ports'
# Each value, of a wrong type: the text names the place and what is expected there.
while read -r value text; do
    refused "$value" "$text"
done <<'VALUES'
replicaCout=2 additional properties 'replicaCout' not allowed
replicaCount=two at '/replicaCount': got string, want integer
crds.install=maybe at '/crds/install': got string, want boolean
crds.kep=true at '/crds': additional properties 'kep' not allowed
image.tag=1 at '/image/tag': got number, want string
image.pullPolicy=Sometimes at '/image/pullPolicy': value must be one of
processorImage=true at '/processorImage': got boolean, want string
imagePullSecrets[0]=pull at '/imagePullSecrets/0': got string, want object
fullnameOverride=Big at '/fullnameOverride': 'Big' does not match pattern
nameOverride=a_b at '/nameOverride': 'a_b' does not match pattern
watchNamespace=Shop at '/watchNamespace': 'Shop' does not match pattern
secrets.otherNamespaces=shop at '/secrets/otherNamespaces': got string, want boolean
serviceAccount.create=1 at '/serviceAccount/create': got number, want boolean
serviceAccount.annotations.a=1 at '/serviceAccount/annotations/a': got number, want string
rbac.create=no at '/rbac/create': got string, want boolean
podAnnotations.a=true at '/podAnnotations/a': got boolean, want string
podLabels.a=1 at '/podLabels/a': got number, want string
podSecurityContext=root at '/podSecurityContext': got string, want object
securityContext=root at '/securityContext': got string, want object
resources.limit.cpu=1 at '/resources': additional properties 'limit' not allowed
metrics.port=99999 at '/metrics/port': maximum: got 99,999, want 65,535
metrics.enabled=yes at '/metrics/enabled': got string, want boolean
logLevel=loud at '/logLevel': value must be one of
processorLogLevel=loud at '/processorLogLevel': value must be one of
processorProgressTimeoutSeconds=1h at '/processorProgressTimeoutSeconds': got string, want integer
extraEnv=a at '/extraEnv': got string, want array
sentry.tracesSampleRate=2 at '/sentry/tracesSampleRate': maximum: got 2, want 1
health.probePort=0 at '/health/probePort': minimum: got 0, want 1
webhook.timeoutSeconds=60 at '/webhook/timeoutSeconds': maximum: got 60, want 30
webhook.failurePolicy=Maybe at '/webhook/failurePolicy': value must be one of
service.type=ExternalName at '/service/type': value must be one of
service.port=http at '/service/port': got string, want integer
serviceMonitor.interval=30 at '/serviceMonitor/interval': got number, want string
monitoring.dashboard.enabled=on at '/monitoring/dashboard/enabled': got string, want boolean
monitoring.prometheusRule.labels.a=b at '/monitoring/prometheusRule': additional properties 'labels' not allowed
gui.ingres.enabled=true at '/gui': additional properties 'ingres' not allowed
gui.port=http at '/gui/port': got string, want integer
nodeSelector=ssd at '/nodeSelector': got string, want object
tolerations.a=b at '/tolerations': got object, want array
affinity=none at '/affinity': got string, want object
VALUES

# ---- what is rendered
# Only what a values file changes is kept of it, with its surroundings; CRDs are compared elsewhere.
keep() { # NAME: what is on stdin is what chart/NAME says
    if [ "$update" = --update ]; then cat >"$golden/$1"; return; fi
    cat >"$dir/now"
    diff -u "$golden/$1" "$dir/now" >"$dir/out" 2>&1 && ok "  as $1 says" || bad "  as $1 says (--update writes it)"
}
plain() { render --set crds.install=false --set "${1:-a=}"; }
difference() { diff -U 2 --label default --label "$1" "$dir/default.yaml" "$dir/one.yaml" | sed 's/^@@.*/@@/'; }
plain global.a=b >"$dir/default.yaml" || bad 'the default renders'
keep default.yaml <"$dir/default.yaml"
takes() { run "  a server takes it" 0 kubectl apply --dry-run=server --server-side --validate=strict -f "$1"; }
takes "$dir/default.yaml"
# The server does not have the kinds of cert-manager and of Prometheus's operator.
without_foreign() {
    python3 -c 'import sys, yaml
foreign = ("cert-manager.io/", "monitoring.coreos.com/")
yaml.safe_dump_all([o for o in yaml.safe_load_all(sys.stdin) if o and not o["apiVersion"].startswith(foreign)], sys.stdout)'
}
while read -r name values; do
    plain "$values" >"$dir/one.yaml" && ok "$name: $values" || { bad "$name: $values renders"; continue; }
    difference "$values" | keep "$name.diff"
    without_foreign <"$dir/one.yaml" >"$dir/chart.yaml"
    takes "$dir/chart.yaml"
done <<'VALUES'
one-namespace watchNamespace=shop
own-namespace watchNamespace=dataflow
two-replicas replicaCount=2
no-rights rbac.create=false
own-account serviceAccount.create=false,serviceAccount.name=mine
account-annotations serviceAccount.annotations.a=b
no-metrics metrics.enabled=false
other-ports metrics.port=8080,health.probePort=8081,service.port=80
node-port service.type=NodePort
webhook-self-signed webhook.enabled=true,webhook.selfSigned=true
webhook-secret webhook.enabled=true,webhook.secretName=s,webhook.caBundle=Y2E=,webhook.failurePolicy=Ignore
webhook-cert-manager webhook.enabled=true,webhook.certManager=true
webhook-one-namespace webhook.enabled=true,webhook.selfSigned=true,watchNamespace=shop
full-name fullnameOverride=other
name nameOverride=short
image image.repository=mine/dataflow,image.tag=1.2.3,image.pullPolicy=Always
processor-image processorImage=mine:1
pull-secret imagePullSecrets[0].name=pull
no-progress-limit processorProgressTimeoutSeconds=0
place nodeSelector.disk=ssd,tolerations[0].operator=Exists,priorityClassName=high
pod-marks podAnnotations.a=b,podLabels.c=d
levels logLevel=debug,processorLogLevel=warn
extra-env extraEnv[0].name=TZ,extraEnv[0].value=UTC
resources resources.limits.memory=2Gi,resources.requests.memory=1Gi
secrets-of-others secrets.otherNamespaces=true
service-monitor serviceMonitor.enabled=true,serviceMonitor.additionalLabels.release=prom
rules monitoring.prometheusRule.enabled=true
dashboard monitoring.dashboard.enabled=true,monitoring.dashboard.folder=Data
VALUES

render --show-only templates/crds.yaml --set crds.keep=true >"$dir/one.yaml"
takes "$dir/one.yaml"
grep -q 'helm.sh/resource-policy: keep' "$dir/one.yaml" && ok 'the CRDs are kept' || bad 'the CRDs are kept'
render --set crds.keep=false | grep -q 'helm.sh/resource-policy' && bad 'or not' || ok 'or not'
render | grep -q 'name: dataflows.dataflow.dataflow.io' && ok 'their name' || bad 'their name'
grep -A40 'kind: ClusterRole$' "$dir/default.yaml" | grep -q secrets && bad 'no right to read Secrets' || ok 'no right to read Secrets'
plain secrets.otherNamespaces=true | grep -A1 'resources: \[secrets\]' | grep -q 'verbs: \[get, create, update, delete\]' &&
    ok 'with the opt-in: no list, no watch' || bad 'with the opt-in: no list, no watch'

# ---- what a person reads after the installation
notes() { "$DF_HELM" install t "$chart" --namespace dataflow --dry-run=client "$@" 2>"$dir/err" | sed -n '/^NOTES:/,$p'; }
says() { # TEXT VALUES
    notes --set "$2" >"$dir/out"
    grep -qF -- "$1" "$dir/out" && ok "the notes say: $1" || bad "the notes say: $1"
}
says 'rollout status deployment/t-dataflow-operator' global.a=b
says 'the flows of all namespaces' global.a=b
says 'the flows of namespace shop' watchNamespace=shop
says 'kubectl delete crd dataflows.dataflow.dataflow.io' global.a=b
says 'allow-namespaces' secrets.otherNamespaces=true
notes --set crds.keep=false | grep -q 'delete crd' && bad '  no CRDs to remove when they go' || ok '  no CRDs to remove when they go'

# ---- without Helm
operator() {
    "$DF_HELM" template dataflow-operator "$chart" --namespace dataflow --set crds.install=false 2>/dev/null |
        sed -e '/helm\.sh\/chart: /d' -e '/app\.kubernetes\.io\/managed-by: /d' -e '/^# Source: /d'
}
if [ "$update" = --update ]; then operator >"$source/deploy/kustomize/operator.yaml"; fi
operator | diff -u "$source/deploy/kustomize/operator.yaml" - >"$dir/out" && ok 'kustomize: the operator of the chart' || bad 'kustomize: the operator of the chart'
run 'kustomize builds' 0 kubectl kustomize "$source/deploy/kustomize"
cp "$dir/out" "$dir/base.yaml"
[ "$(grep -c 'ghcr.io/dataflow-operator/dataflow:0.1.0' "$dir/base.yaml")" = 2 ] && ok '  one image for both' || bad '  one image for both'
takes "$dir/base.yaml"
mkdir "$dir/over" && cp -r "$source/deploy/crds" "$source/deploy/kustomize" "$dir/over"
sed -i 's/newTag: .*/newTag: 9.9.9/' "$dir/over/kustomize/kustomization.yaml"
kubectl kustomize "$dir/over/kustomize" >"$dir/out"
[ "$(grep -c 'dataflow-operator/dataflow:9.9.9' "$dir/out")" = 2 ] && ok '  another image for both' || bad '  another image for both'

# ---- samples
run 'the CRDs' 0 kubectl apply --server-side -f "$dir/one.yaml"
run '  are there' 0 kubectl wait --for=condition=Established crd --all --timeout=30s
for file in "$source"/deploy/samples/*.yaml; do
    if grep -q '^apiVersion: keda' "$file"; then # its definition is not here
        run "${file##*/} is YAML" 0 python3 -c 'import sys, yaml; yaml.safe_load(open(sys.argv[1]))' "$file"
        continue
    fi
    within "${file##*/} is taken" 20 kubectl apply --dry-run=server --server-side --validate=strict -f "$file"
    if grep -q '^kind: DataFlow' "$file"; then run '  and valid' 0 dfproc validate "$file"; fi
done
# Both ask for the lag that an autoscaler can act on, of the sample that is there.
for file in hpa keda; do
    grep -q 'kind: DataFlow, name: replicas' "$source/deploy/samples/$file.yaml" &&
        grep -q 'dataflow_watermark_lag_records' "$source/deploy/samples/$file.yaml" || bad "$file.yaml: its metric"
done

# ---- alerts
cp "$chart/files/alerts.yaml" "$dir/alerts_of_the_chart.yaml"
cp "$here/alerts.yaml" "$dir/alerts.yaml"
run 'the alerts are rules' 0 promtool check rules "$dir/alerts_of_the_chart.yaml"
run 'each alert fires, and does not fire' 0 promtool test rules "$dir/alerts.yaml"
# Every series that an alert asks for is one that we emit.
for series in $(grep -o 'dataflow_[a-z0-9_]*' "$dir/alerts_of_the_chart.yaml" | sed 's/_bucket$//' | sort -u); do
    grep -q "\b$series\b" "$source/docs/metrics.md" || bad "$series is no metric of ours"
done
exit $failed
