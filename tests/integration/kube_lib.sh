# SPDX-License-Identifier: Apache-2.0
# kube_lib.sh: what the Kubernetes tests share: a cluster of their own, with kubectl and helm in
# PATH as its administrator. Sourced.
. "$(dirname "${BASH_SOURCE[0]}")/cli_lib.sh"
bed=${DF_BED:-$source/tests/bed}

free_ports() ( # N
    server=
    . "$bed/lib.sh"
    free_ports "$1"
)

leave() {
    [ "$BASHPID" = $$ ] || return
    "$bed/kubernetes" stop --dir "$dir/cluster"
    rm -rf "$dir"
}

start_cluster() { # options of tests/bed/kubernetes start
    trap leave EXIT
    trap 'exit 143' INT TERM HUP
    "$bed/kubernetes" start --dir "$dir/cluster" --parent $$ "$@" >"$dir/out" 2>"$dir/err" ||
        { bad 'the cluster starts'; exit 1; }
    set -a
    . "$dir/cluster/env"
    set +a
    export KUBECONFIG=$DF_KUBECONFIG PATH=${DF_KUBECTL%/*}:$PATH
    ok 'the cluster starts'
}

# A function, or a program for at most a minute.
call() {
    if [ "$(type -t "$1")" = function ]; then "$@"; else timeout 60 "$@"; fi
}

# within NAME SECONDS COMMAND...: until it succeeds
within() {
    local name=$1 end=$((SECONDS + $2 * slack))
    shift 2
    until call "$@" >"$dir/out" 2>"$dir/err"; do
        [ $SECONDS -lt $end ] || { bad "$name"; return; }
        sleep 0.2
    done
    ok "$name"
}

# ---- a node and the image on it --------------------------------------------------------------------
image=localhost/dataflow:test

# What a node needs of the machine and no package brings; prints what is missing.
node_lacks() {
    local group=/sys/fs/cgroup
    [ "$(id -u)" = 0 ] || { echo "root"; return; }
    unshare --net --mount --pid --fork true 2>/dev/null || { echo "namespaces"; return; }
    mkdir -p "$dir/lacks"
    unshare --mount sh -c 'd=$1 && mount -t tmpfs t "$d" && mkdir "$d/l" "$d/u" "$d/w" "$d/m" &&
        mount -t overlay -o "lowerdir=$d/l,upperdir=$d/u,workdir=$d/w" o "$d/m"' sh "$dir/lacks" 2>/dev/null || { echo "overlay mounts"; return; }
    [ -d $group/memory ] && group=$group/memory
    mkdir "$group/dataflow-test.$$" 2>/dev/null || { echo "control groups that can be made"; return; }
    rmdir "$group/dataflow-test.$$"
}

start_node() {
    local lacks
    lacks=$(node_lacks)
    [ -z "$lacks" ] || { echo "skipped: this machine has no $lacks, which a node needs"; exit 77; }
    limit=700 run 'the image is built' 0 "$source/packaging/oci/build" --name $image --build "$DF_BUILD_DIR/oci" \
        --output "$dir/image.tar"
    start_cluster --kubelet
    run 'the node takes it' 0 "$bed/kubernetes" import --dir "$dir/cluster" "$dir/image.tar"
    run 'a namespace for restricted pods' 0 kubectl create namespace shop
    run '  enforced' 0 kubectl label namespace shop pod-security.kubernetes.io/enforce=restricted
    [ $failed = 0 ] || exit 1
}

# A Kafka with the topic orders and a PostgreSQL with the table orders, beside the pods: in the node's
# network, at its address. With options of the Kafka.
start_servers_of_node() {
    local server
    trap leave_servers EXIT
    for server in kafka postgresql; do
        limit=200 run "$server" 0 $DF_KUBE_INSIDE "$bed/$server" start --host 10.99.0.1 --dir "$dir/$server" --parent $$ "$@"
        set -- # the Kafka's
    done
    [ $failed = 0 ] || exit 1
    set -a
    . "$dir/kafka/env"
    . "$dir/postgresql/env"
    set +a
    sql 'create table orders (id bigint, producer int, seq bigint, key text, amount numeric(12,2), at timestamptz, note text, crc text)'
    run 'a topic' 0 $DF_KUBE_INSIDE dfaudit topic create --topic orders --partitions 4
}

leave_servers() {
    [ "$BASHPID" = $$ ] || return
    "$bed/kafka" stop --dir "$dir/kafka"
    "$bed/postgresql" stop --dir "$dir/postgresql"
    leave
}

sql() { $DF_KUBE_INSIDE psql "$DF_PG" -XqAt -c "$1"; }
rows() { sql 'select count(*) from orders'; }

# while_producing NAME FROM COUNT RATE COMMAND...: records into the topic, and the command when some of
# them have arrived in the table
while_producing() {
    local name=$1 from=$2 count=$3 rate=$4 before
    shift 4
    before=$(rows)
    $DF_KUBE_INSIDE dfaudit produce --topic orders --count "$count" --from "$from" --partitions 4 --rate "$rate" 2>"$dir/produce" &
    until [ "$(rows)" -gt "$before" ] || ! kill -0 $! 2>/dev/null; do sleep 0.1; done
    run "$name" 0 "$@"
    wait $! || bad "  produce: $(cat "$dir/produce")"
}

# The spec of a restricted pod: arguments of dfproc, items of the projected volume /etc/dataflow.
pod_spec() {
    cat <<YAML
automountServiceAccountToken: false
terminationGracePeriodSeconds: 30
securityContext: {runAsNonRoot: true, seccompProfile: {type: RuntimeDefault}}
containers:
- name: processor
  image: $image
  imagePullPolicy: Never
  $1
  ports: [{containerPort: 9090}]
  readinessProbe: {httpGet: {path: /readyz, port: 9090}, periodSeconds: 1}
  livenessProbe: {httpGet: {path: /livez, port: 9090}, periodSeconds: 5}
  resources: {limits: {cpu: "1", memory: 256Mi}, requests: {cpu: 100m, memory: 64Mi}}
  securityContext: {allowPrivilegeEscalation: false, readOnlyRootFilesystem: true, capabilities: {drop: [ALL]}}
  volumeMounts: [{name: flow, mountPath: /etc/dataflow}, {name: state, mountPath: /var/lib/dataflow}]
volumes:
- name: flow
  projected: {sources: [$2]}
- {name: state, emptyDir: {}}
YAML
}

stop_leaves_nothing() {
    local pids folder pid left
    pids=$(cat "$dir"/cluster/pid.*)
    folder=$(sed -n 's/^data=//p' "$dir/cluster/settings" | tr -d "\"'")
    "$bed/kubernetes" stop --dir "$dir/cluster"
    left=$(for pid in $pids; do [ -d "/proc/$pid" ] && tr '\0' ' ' <"/proc/$pid/cmdline"; done
        ls -d "$dir/cluster" ${folder:+"$folder" /sys/fs/cgroup/"${folder##*/}" /sys/fs/cgroup/*/"${folder##*/}"} 2>/dev/null
        [ -n "$folder" ] && grep -F "$folder" /proc/self/mounts)
    if [ -z "$left" ]; then ok 'stop leaves nothing'; else bad "stop leaves: $left"; fi
}

# Writes of a user that succeeded, as the audit in $dir/audit.jsonl has them; Leases apart, which are
# renewed for ever, and `kind` only when it is said.
writes() { # user [resource]
    python3 -c '
import json, sys
rows = [json.loads(line) for line in open(sys.argv[1])]
print(sum(r["user"]["username"] == sys.argv[2] and r["verb"] in ("create", "update", "patch", "delete") and
          r["objectRef"]["resource"] == (sys.argv[3] or r["objectRef"]["resource"]) and
          r["objectRef"]["resource"] != "leases" and r["responseStatus"]["code"] < 300 for r in rows))' \
        "$dir/audit.jsonl" "$1" "${2:-}"
}
