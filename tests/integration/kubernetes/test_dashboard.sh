#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# The dashboard and the samples for autoscalers ask for what is there: every query of them, put to a real
# Prometheus that reads a real operator, which reads two running flows, has an answer with its labels.
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

# ---- two flows: one that works and refuses some records, one whose sink is not there. Their pods run beside
# the cluster, which has no node: the addresses are written into their statuses.
dfaudit topic create --topic "$topic" --partitions 2 >/dev/null 2>&1 || bad 'a topic'
flow_of() { # NAME SINK
    apply_flow "flow $1" "$1" "source: {type: kafka, config: {brokers: '$DF_KAFKA', topic: $topic, consumerGroup: $topic-$1}}
transformations:
  - {type: cast, config: {spec: {amount: int64}}}
sink: $2
errors: {type: stdio, config: {path: $dir/$1.errors}}"
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
flow_of orders "{type: stdio, config: {path: $dir/orders.out}}"
run_pod orders 127.77.0.2
flow_of broken "{type: postgresql, config: {connectionString: 'postgres://u@127.0.0.1:1/x', table: t}}"
run_pod broken 127.77.0.3
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
exit $failed
