#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# The dashboard and the samples for autoscalers ask for what is there: every query of them, put to a real
# Prometheus that reads a real operator, which reads three running flows, has an answer with its labels. The sample
# for the cluster's own autoscaler makes it scale a flow that falls behind, and an operator that comes leaves that.
# ctest: kubernetes timeout=400
. "$(dirname "$0")/../operator_lib.sh"
: "${DF_KAFKA:?a Kafka broker is needed: tests/bed/with-servers $0}"
topic=dashboard.$$
command -v prometheus >/dev/null || { echo 'skipped: no prometheus (tools/setup test installs it)'; exit 77; }
free_port() { python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])'; }
start_operated_cluster

# ---- an operator with a webhook
mkdir "$dir/hook"
openssl req -x509 -newkey rsa:2048 -nodes -days 30 -subj /CN=df -keyout "$dir/hook/tls.key" -out "$dir/hook/tls.crt" 2>/dev/null
OPERATOR_NAMESPACE=dataflow POD_NAME=operator-1 WEBHOOK_CERT_DIR=$dir/hook dfoperator run --kubeconfig "$operator_config" \
    --metrics-bind-address 127.0.0.1:0 --health-probe-bind-address 127.0.0.1:0 --webhook-bind-address 127.0.0.1:0 >"$dir/operator.1" 2>&1 &
operators+=($!)
within 'the operator is ready' 30 is_ready 1

# ---- three flows: one that works and refuses some records, one whose sink is not there, one that waits for its
# sink and falls behind. Their pods run beside
# the cluster, which has no node: the addresses are written into their statuses.
dfaudit topic create --topic "$topic" --partitions 2 >/dev/null 2>&1 || bad 'a topic'
flow_of() { # NAME SINK [FILE]: records that are refused go there; without it none is, and there are more of them
    local from=$topic
    [ -n "${3:-}" ] || from+=.many
    apply_flow "flow $1" "$1" "source: {type: kafka, config: {brokers: '$DF_KAFKA', topic: $from, consumerGroup: $topic-$1}}
sink: $2
memoryLimit: 8MiB
${3:+transformations: [{type: cast, config: {spec: {amount: int64\}\}\}]
errors: {type: stdio, config: {path: $3\}\}}"
    cp "$dir/flow.yaml" "$dir/$1.yaml"
}
run_pod() { # NAME ADDRESS: a process in the place of the flow's pod
    local pod
    within "  a pod of $1" 20 has "df-$1-" kubectl get pods -l "dataflow.dataflow.io/name=$1" -o name
    pod=$(kubectl get pods -l "dataflow.dataflow.io/name=$1" -o 'jsonpath={.items[0].metadata.name}')
    dfproc --spec-path "$dir/$1.yaml" --namespace default --name "$1" --checkpoint none --metrics-port "$2:9090" >"$dir/pod.$1" 2>&1 &
    operators+=($!)
    run '  runs' 0 kubectl patch pod "$pod" --subresource status --type merge \
        -p "{\"status\":{\"phase\":\"Running\",\"podIP\":\"$2\",\"podIPs\":[{\"ip\":\"$2\"}]}}"
}
flow_of orders "{type: stdio, config: {path: $dir/orders.out}}" "$dir/orders.errors"
run_pod orders 127.77.0.2
flow_of broken "{type: postgresql, config: {connectionString: 'postgres://u@127.0.0.1:1/x', table: t}}" "$dir/broken.errors"
run_pod broken 127.77.0.3
dfaudit topic create --topic "$topic.many" --partitions 2 >/dev/null 2>&1 &&
    dfaudit produce --topic "$topic.many" --count 60000 --partitions 2 >/dev/null 2>&1 || bad 'many records'
flow_of late "{type: postgresql, config: {connectionString: 'postgres://u@127.0.0.1:1/x', table: t}}"
run_pod late 127.77.0.4
produce() {
    for i in $(seq 1 600); do
        printf '{"amount":"%s"}\n' "$i" no | kcat -P -b "$DF_KAFKA" -t "$topic" 2>/dev/null
        sleep 0.2
    done
}
produce &
operators+=($!)

# ---- Prometheus
port=$(free_port)
address=$(sed -n 's/.*metrics at \([^ ,"]*\).*/\1/p' "$dir/operator.1")
cat >"$dir/prometheus.yml" <<YAML
global: {scrape_interval: 2s}
scrape_configs:
  - job_name: operator
    honor_labels: true
    static_configs: [{targets: ["$address"]}]
YAML
prometheus --config.file="$dir/prometheus.yml" --storage.tsdb.path="$dir/tsdb" --web.listen-address="127.0.0.1:$port" \
    --log.level=error >"$dir/prometheus" 2>&1 &
operators+=($!)
within 'Prometheus is ready' 30 curl -fs "http://127.0.0.1:$port/-/ready"

cat >"$dir/ask.py" <<'PYTHON'
import json, re, sys, urllib.parse, urllib.request, yaml
base, dashboard, keda, hpa = sys.argv[1:]

def ask(expr):
    with urllib.request.urlopen(f"{base}/api/v1/query?" + urllib.parse.urlencode({"query": expr})) as reply:
        return json.load(reply)["data"]["result"]

def queries():
    board = json.load(open(dashboard))
    for panel in board["panels"]:
        for target in panel.get("targets", []):
            yield panel["title"], (target["expr"].replace("$namespace", ".+").replace("$name", ".+")
                                   .replace("$__rate_interval", "30s"))
    for variable in board["templating"]["list"]:
        asked = re.fullmatch(r"label_values\((.*), (\w+)\)", str(variable.get("definition", "")))
        if asked:
            series = asked[1].replace("$namespace", ".+")
            yield "variable " + variable["name"], f"count by ({asked[2]}) ({series})"
    scaled = yaml.safe_load(open(keda))["spec"]["triggers"][0]["metadata"]["query"]
    yield "keda.yaml", scaled.replace('"replicas"', '"orders"')
    metric = yaml.safe_load(open(hpa))["spec"]["metrics"][0]["external"]["metric"]
    yield "hpa.yaml", metric["name"] + '{name="orders", namespace="default"}'

failed = count = 0
for title, expr in queries():
    rows = ask(expr)
    labels = re.search(r"by \(([^)]*)\)", expr)
    wanted = {x.strip() for x in labels[1].split(",")} - {"le", "route"} if labels else set()
    lacking = [l for l in wanted if not all(r["metric"].get(l) for r in rows)]
    count += 1
    if not rows or lacking:
        failed += 1
        print(f"{title}: {expr}: " + (f"no label {lacking}" if rows else "no data"))
print(count, "queries,", failed, "without an answer")
sys.exit(failed > 0 or count < 30)
PYTHON
answered() {
    python3 "$dir/ask.py" "http://127.0.0.1:$port" "$source/deploy/helm/dataflow-operator/files/dashboard.json" \
        "$source/deploy/samples/keda.yaml" "$source/deploy/samples/hpa.yaml"
}
within 'every query has an answer' 90 answered
cat "$dir/out"

# ---- the sample for an autoscaler, at work: the cluster's own, which asks for the lag as the sample's rule says.
# The flow that cannot deliver falls behind; the other one does not.
python3 "${0%/*}/external_metrics.py" "http://127.0.0.1:$port" "$source/deploy/samples/hpa.yaml" "$dir/hook/tls.crt" "$dir/hook/tls.key" \
    >"$dir/adapter" 2>"$dir/adapter.log" &
operators+=($!)
within 'an adapter' 20 test -s "$dir/adapter"
cat >"$dir/adapter.yaml" <<YAML
apiVersion: v1
kind: Service
metadata: {name: adapter, namespace: dataflow}
spec: {type: ExternalName, externalName: localhost}
---
apiVersion: apiregistration.k8s.io/v1
kind: APIService
metadata: {name: v1beta1.external.metrics.k8s.io}
spec:
  service: {name: adapter, namespace: dataflow, port: $(cat "$dir/adapter")}
  group: external.metrics.k8s.io
  version: v1beta1
  insecureSkipTLSVerify: true
  groupPriorityMinimum: 100
  versionPriority: 100
YAML
run '  is known' 0 kubectl apply -f "$dir/adapter.yaml"
lag() { kubectl get --raw "/apis/external.metrics.k8s.io/v1beta1/namespaces/default/dataflow_watermark_lag_records?labelSelector=name%3D$1"; }
within '  and tells the lag' 30 lag late
for name in orders late; do
    sed "s/replicas}$/$name}/; s/name: replicas$/name: $name/; s/{name: replicas}/{name: $name}/; s/\"10000\"/\"2\"/" \
        "$source/deploy/samples/hpa.yaml" >"$dir/hpa.yaml"
    run "an autoscaler of $name" 0 kubectl apply -f "$dir/hpa.yaml"
done
replicas() { kubectl get deployment "df-$1" -o 'jsonpath={.spec.replicas}'; }
many() { [ "$(replicas late)" -ge 5 ]; } # at first
within '  more pods for the one that falls behind' 60 many
scaled() { kubectl get hpa late -o 'jsonpath={.status.conditions[?(@.type=="AbleToScale")].status}'; }
within '  by its scale subresource' 20 is True scaled
[ "$(replicas orders)" = 1 ] && ok '  and none for the other' || bad '  and none for the other'
stop_operator "${operators[0]}"
OPERATOR_NAMESPACE=dataflow POD_NAME=operator-2 dfoperator run --kubeconfig "$operator_config" --metrics-bind-address 127.0.0.1:0 \
    --health-probe-bind-address 127.0.0.1:0 >"$dir/operator.2" 2>&1 &
operators+=($!)
within 'another operator' 40 has ' leads' cat "$dir/operator.2"
sleep 2
many && ok '  leaves them' || bad "  leaves them: $(replicas late)"
exit $failed
