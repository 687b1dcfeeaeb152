#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# A DataFlowCron against a real API server with its CronJob and Job controllers: runs by hand, triggers
# in order, a failure, refusals, death of the operator at work, the end; pods that a quota or a limit range
# refuses, also those of a DataFlow. No node: pods end by hand.
# ctest: no-servers kubernetes timeout=600
. "$(dirname "$0")/../operator_lib.sh"
start_operated_cluster
start_operator 1
first=$operator
within 'the operator is ready' 30 is_ready 1

cat >"$dir/cron.yaml" <<'EOF'
apiVersion: dataflow.dataflow.io/v1
kind: DataFlowCron
metadata: {name: nightly}
spec:
  schedule: "30 2 1 1 *"
  timeZone: Europe/Berlin
  source: {type: kafka, config: {brokers: "kafka:9092", topic: t, consumerGroup: g}}
  sink: {type: postgresql, config: {connectionStringSecretRef: {name: shop, key: url}, table: orders}}
  triggers:
    - {name: refresh, image: "psql:17", command: [psql], env: [{name: PGHOST, value: db}]}
    - {image: "curl:8", args: [--fail]}
EOF
cron() { kubectl get dataflowcron nightly -o "jsonpath={$1}"; }
cron_job() { kubectl get cronjob dfc-nightly -o "jsonpath={$1}"; }
active() { cron .status.activeJobName; }
names() { [[ $(active) == $1 ]]; } # a pattern
phase() { [ "$(cron .status.phase)" = "$1" ]; }
pod_of() { kubectl get pods -l "batch.kubernetes.io/job-name=$1" -o 'jsonpath={.items[0].metadata.name}'; }
has_pod() { [ -n "$(pod_of "$1")" ]; }
end_pod() { # job, phase
    within "  a pod of $1" 20 has_pod "$1"
    run "  it ends: $2" 0 kubectl patch pod "$(pod_of "$1")" --subresource=status --type merge -p "{\"status\":{\"phase\":\"$2\"}}"
}

# ---- looked at below: what is refused needs a while, and what is skipped two minutes
sed -e 's/name: nightly/name: busy/' -e 's/schedule: .*/schedule: "* * * * *"/' -e '/^  triggers/,$d' "$dir/cron.yaml" >"$dir/busy.yaml"
echo '  startingDeadlineSeconds: 10' >>"$dir/busy.yaml"
run 'a namespace for a cron that is due each minute' 0 kubectl create namespace busy
run '  it' 0 kubectl -n busy apply -f "$dir/busy.yaml"
run 'a namespace without room for a pod' 0 kubectl create namespace full
run '  by a quota' 0 kubectl -n full create quota none --hard=pods=0
run '  a cron in it' 0 kubectl -n full apply -f "$dir/cron.yaml"
run '  a run by hand' 0 kubectl -n full annotate dataflowcron nightly dataflow.dataflow.io/run-now=1
run 'a namespace for small pods' 0 kubectl create namespace small
run '  by a limit range' 0 kubectl -n small create -f - <<'EOF'
{apiVersion: v1, kind: LimitRange, metadata: {name: small}, spec: {limits: [{type: Container, max: {memory: 64Mi}}]}}
EOF
sed '/schedule:/d; /timeZone:/d; /triggers:/,$d; s/DataFlowCron/DataFlow/' "$dir/cron.yaml" >"$dir/small.yaml"
run '  a flow in it' 0 kubectl -n small apply -f "$dir/small.yaml"

run 'a cron' 0 kubectl apply -f "$dir/cron.yaml"
within '  it is scheduled' 20 phase Scheduled
within '  its CronJob' 20 is 'Europe/Berlin Forbid 200' cron_job '.spec.timeZone} {.spec.concurrencyPolicy} {.spec.startingDeadlineSeconds'

# ---- a run
run 'a run by hand' 0 kubectl annotate dataflowcron nightly dataflow.dataflow.io/run-now=1
within '  the processor' 20 names 'dfc-nightly-manual-*'
job=$(active)
is '' cron '.metadata.annotations.dataflow\.dataflow\.io/run-now' || bad '  the mark is taken away'
within '  it holds the schedule' 20 is true cron_job .spec.suspend
run 'another one' 0 kubectl annotate dataflowcron nightly dataflow.dataflow.io/run-now=2
within '  is refused' 20 has RunRefused kubectl get events.events.k8s.io
end_pod "$job" Succeeded
within '  the first trigger' 20 names '*-trigger-0'
is psql kubectl get job "$(active)" -o 'jsonpath={.spec.template.spec.containers[0].command[0]}' || bad '  has its command'
stop_operator "$first" KILL
end_pod "$(active)" Succeeded
start_operator 2
within '  the second one, after another operator came' 40 names '*-trigger-1'
end_pod "$(active)" Succeeded
within '  it is complete' 20 phase Completed
[ "$(kubectl get jobs -o name | wc -l)" = 3 ] && ok '  of three Jobs' || bad "  of three Jobs: $(kubectl get jobs -o name)"
is_open() { [ "$(cron_job .spec.suspend)" != true ]; }
within "  the schedule goes on" 20 is_open
within '  events' 20 has RunCompleted kubectl get events.events.k8s.io

# ---- a Job of the CronJob itself, which fails
run 'a run of the CronJob' 0 kubectl create job --from=cronjob/dfc-nightly scheduled
within '  it is seen' 20 names scheduled
end_pod scheduled Failed
within '  it failed' 20 phase Failed
has 'Processor failed' cron .status.message || bad '  it says what'
run 'a Job goes before its end is seen' 0 kubectl create job --from=cronjob/dfc-nightly lost
within '  it is seen' 20 names lost
run '  it goes' 0 kubectl delete job lost
within '  its end is unknown' 20 has 'removed before its end' cron .status.message

# ---- idle, and the end
quiet() { # no write for 3 s
    local n
    n=$(writes "$account")
    sleep 3
    [ "$(writes "$account")" = "$n" ]
}
within 'the operator comes to rest' 40 quiet
gone() { [ -z "$(kubectl get jobs,cronjobs,configmaps,serviceaccounts -l dataflow.dataflow.io/kind=DataFlowCron -o name)" ]; }
run 'deleted' 0 kubectl delete dataflowcron nightly --timeout=30s
within '  nothing of it is left' 60 gone

# ---- what is refused
says() { kubectl -n "$1" get "$2" -o 'jsonpath={.items[0].status.phase}: {.items[0].status.message}'; }
tells() { kubectl -n "$1" get events.events.k8s.io --field-selector reason=PodsRefused -o 'jsonpath={.items[*].note}'; }
within 'a run without room for its pod is told in the words of the server' 60 has 'exceeded quota: none' says full dataflowcrons
has 'Error: ' says full dataflowcrons && ok '  as an error' || bad '  as an error'
within '  and in an event' 20 has 'exceeded quota: none' tells full
within 'so is a flow whose pods are too large' 60 has 'maximum memory usage per Container is 64Mi' says small dataflows
has 'Error: ' says small dataflows && ok '  as an error' || bad '  as an error'
within '  and in an event' 20 has 'maximum memory usage per Container is 64Mi' tells small
run 'the quota goes' 0 kubectl -n full delete quota none
pods_in() { [ -n "$(kubectl -n "$1" get pods -o name)" ]; }
# The cluster's controllers try again after a pause that grows: an edit of the Job spares it.
try_again() { kubectl -n full annotate jobs --all --overwrite "tried=$SECONDS" && pods_in full; }
within '  a pod comes' 60 try_again
cleared() { ! says "$@" | grep -q 'exceeded quota\|maximum memory\|^Error'; }
within '  and the words go' 30 cleared full dataflowcrons
run 'so does the limit range' 0 kubectl -n small delete limitrange small
try_again() { kubectl -n small annotate replicasets --all --overwrite "tried=$SECONDS" && pods_in small; }
within '  a pod comes' 60 try_again
within '  and the words go' 30 cleared small dataflows

# ---- neither an edit nor the end of a suspension starts a run for a time before it
at() { date -u -d "$1" '+%M %H * * *'; }
cron_yaml() { sed -e "s/name: nightly/name: $1/" -e "s/schedule: .*/schedule: \"$2\"/" -e 's/timeZone: .*/timeZone: UTC/' -e '/^  triggers/,$d' "$dir/cron.yaml"; }
ran() { # CronJob, when: as if its last run was then
    kubectl patch cronjob "$1" --subresource=status --type merge -p "{\"status\":{\"lastScheduleTime\":\"$(date -u -d "$2" +%FT%H:%M:00Z)\"}}"
}
# As ours, without the limit that we set: the cluster starts a run of it, and has seen ours by then.
beside() { # NAME, when it ran last
    kubectl get cronjob dfc-edited -o json | python3 -c 'import json, sys
o = json.load(sys.stdin)
del o["spec"]["startingDeadlineSeconds"]
json.dump({"apiVersion": o["apiVersion"], "kind": o["kind"], "metadata": {"name": sys.argv[1]}, "spec": o["spec"]}, sys.stdout)' "$1" |
        kubectl create -f - && ran "$1" "$2"
}
edited() { kubectl get cronjob dfc-edited -o "jsonpath={.spec.$1}"; }
no_run() { ! kubectl get jobs -o name | grep -q dfc-edited; }
cron_yaml edited "$(at '2 hours')" >"$dir/edited.yaml"
run 'a cron that is due in two hours' 0 kubectl apply -f "$dir/edited.yaml"
within '  its CronJob' 20 kubectl get cronjob dfc-edited
within '  ran yesterday' 10 ran dfc-edited '1 day ago'
past=$(at '6 minutes ago')
run 'it is to be six minutes ago' 0 kubectl patch dataflowcron edited --type merge -p "{\"spec\":{\"schedule\":\"$past\"}}"
within '  which its CronJob has' 20 is "$past" edited schedule
within '  another one like it' 10 beside unlimited '1 day ago'
within '  runs at once' 40 has job.batch/unlimited- kubectl get jobs -o name
no_run && ok '  ours does not' || bad '  ours does not'
run 'it is suspended' 0 kubectl patch dataflowcron edited --type merge -p '{"spec":{"suspend":true}}'
within '  so is its CronJob' 20 is true edited suspend
within '  for three days' 10 ran dfc-edited '3 days ago'
run '  and no more' 0 kubectl patch dataflowcron edited --type merge -p '{"spec":{"suspend":false}}'
within '  nor is its CronJob' 20 is false edited suspend
within '  another one like it' 10 beside unlimited2 '3 days ago'
within '  runs at once' 40 has job.batch/unlimited2- kubectl get jobs -o name
no_run && ok '  ours does not' || bad '  ours does not'
run '  deleted' 0 kubectl delete dataflowcron edited --timeout=30s
run '  and those beside it' 0 kubectl delete cronjob unlimited unlimited2

# ---- runs that do not begin: the first one has no node to run on, and holds those of the next minutes
skips() { kubectl -n busy get dataflowcron busy -o "jsonpath={.status.skips.$1}"; }
skipped() { [ "$(skips count)" -ge 1 ]; }
within 'the second run of a busy cron does not begin' 160 skipped
within '  an event says why' 20 has 'another run went on, and concurrencyPolicy is Forbid' kubectl -n busy get events.events.k8s.io -o 'jsonpath={.items[*].note}'
[ -n "$(skips lastTime)" ] && ok '  the status says when' || bad '  the status says when'
run '  deleted' 0 kubectl -n busy delete dataflowcron busy --timeout=30s
stop_operator "$operator"
exit $failed
