#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# `dfoperator run --local` beside a real API server without a node: a flow from Kafka to PostgreSQL is a
# process. A missing Secret is told and heals; an edit, a scaling and a suspension lose nothing; Secrets are
# files of a private folder only. A flow with one reader has its positions and its Lease in the cluster, and goes
# on where it was when it is killed. A DataFlowCron runs by its schedule and by hand; its triggers are refused with a
# text. A source that is edited into another kind leaves no replication slot. Processes drain when the operator is
# stopped, and when it is killed.
# ctest: kubernetes timeout=600
. "$(dirname "$0")/../operator_lib.sh"
[ -n "${DF_KAFKA:-}" ] && [ -n "${DF_PG:-}" ] || { echo "skipped: no servers"; exit 77; }
trap leave_all EXIT
leave_all() {
    [ "$BASHPID" = $$ ] || return
    psql "$DF_PG" -Xqc "drop table if exists $table; drop publication if exists $table" \
        -c "select pg_drop_replication_slot(slot_name) from pg_replication_slots where slot_name = '$table'" >/dev/null 2>&1
    leave
}
start_cluster
table=local_$$
topic=local.$$
password=$(sed -n 's|.*://[^:]*:\([^@]*\)@.*|\1|p' <<<"$DF_PG")
sql() { psql "$DF_PG" -XqAt -c "$1"; }
sql "create table $table (id bigint, producer int, seq bigint, key text, amount numeric(12,2), at timestamptz, note text, crc text)"
dfaudit topic create --topic "$topic" --partitions 4 >/dev/null 2>&1 || bad 'a topic'
run 'the definitions' 0 kubectl apply --server-side -f "$source/deploy/crds/dataflows.dataflow.dataflow.io.yaml" \
    -f "$source/deploy/crds/dataflowcrons.dataflow.dataflow.io.yaml"
within '  are there' 30 kubectl wait --for=condition=Established crd/dataflows.dataflow.dataflow.io \
    crd/dataflowcrons.dataflow.dataflow.io --timeout=10s

mkdir "$dir/run"
start_local() { # N
    env -u POD_NAME XDG_RUNTIME_DIR="$dir/run" OPERATOR_NAMESPACE=default dfoperator run --local --kubeconfig "$KUBECONFIG" \
        --context bed --metrics-bind-address 0 --health-probe-bind-address 0 >"$dir/operator.$1" 2>&1 &
    operator=$!
    operators+=("$operator")
}
pids() { pgrep -f "spec-path=$dir/run/.*--name=$1( |\$)"; } # of the processes of a flow
processes() { pids "$1" | wc -l; }
files() { find "$dir/run" -path "*/default.df-$1/*" -type f; }
no_files() { [ -z "$(files "$1")" ]; }
start_local 1

# ---- a DataFlowCron: what it has to do in the next minute is looked at further below
apply_cron() { # name, lines of the spec
    {
        printf 'apiVersion: dataflow.dataflow.io/v1\nkind: DataFlowCron\nmetadata: {name: %s}\nspec:\n' "$1"
        printf '  source: {type: generate, config: {count: 5}}\n  sink: {type: stdio, config: {path: %s/%s.jsonl}}\n' "$dir" "$1"
        sed 's/^/  /' <<<"$2"
    } >"$dir/cron.yaml"
    run "$1, a cron" 0 kubectl apply -f "$dir/cron.yaml"
}
cron() { kubectl get dataflowcron "$1" -o "jsonpath={$2}"; }
apply_cron minutely 'schedule: "* * * * *"
timeZone: Europe/Berlin'
apply_cron nightly 'schedule: "30 2 1 1 *"
triggers: [{name: refresh, image: "psql:17", command: [psql]}]'

from=0
produce() { # 2,000 records more, one after another
    dfaudit produce --topic "$topic" --count 2000 --from $from --partitions 4 >/dev/null 2>"$dir/produce" || bad "produce: $(cat "$dir/produce")"
    from=$((from + 2000))
}
arrived() { [ "$(sql "select count(*), count(distinct (producer, seq)) from $table")" = "$from|$from" ]; }

# ---- from Kafka to PostgreSQL
produce
apply_flow 'a flow' orders "source: {type: kafka, config: {brokers: \"$DF_KAFKA\", topic: $topic, consumerGroup: $topic}}
sink: {type: postgresql, config: {connectionStringSecretRef: {name: db, key: url}, table: $table}}"
# Pending while its process starts once more: phase and text are read at once.
told() { [[ $(flow orders .status.phase}{.status.message) == Error*'Secret db, key url: not found'* ]]; }
within '  its Secret is missing, and its status says which' 30 told
run '  it is made' 0 kubectl create secret generic db --from-literal=url="$DF_PG"
within '  it runs, without a hand' 60 is Running flow orders
within '  all rows' 60 arrived
is True condition orders Ready status && ok '  it is Ready' || bad '  it is Ready'
is '' kubectl get deployments,pods,serviceaccounts -l dataflow.dataflow.io/owned=true -o name &&
    ok '  without a pod' || bad '  without a pod'
first=$(pids orders)
if tr '\0' '\n' <"/proc/$first/cmdline" | grep -qF "$password"; then bad 'the password is in no command line'; fi
if tr '\0' '\n' <"/proc/$first/environ" | grep -v ^DF_PG | grep -qF "$password"; then bad '  in no environment'; fi
[ "$(find "$dir/run" -type f -name url -perm 600 | wc -l)" = 1 ] && ok 'the Secret is a file for us alone' || bad 'the Secret is a file for us alone'
[ -z "$(find "$dir/run" -mindepth 1 -perm /077)" ] && ok '  as all of the folder' || bad '  as all of the folder'

run 'another spec' 0 kubectl patch dataflow orders --type merge -p '{"spec":{"sink":{"config":{"batchSize":500}}}}'
another() { [ "$(processes orders)" = 1 ] && [ "$(pids orders)" != "$first" ]; }
within '  another process' 30 another
produce
within '  all rows, each once' 60 arrived
run 'three replicas' 0 kubectl scale dataflow/orders --replicas 3
within '  three processes, ready' 60 is '3/3 processor replicas ready' flow orders .status.message
is 3 processes orders && ok '  they are there' || bad '  they are there'

# ---- one reader, positions in the cluster
seq 1 500 | sed 's/.*/{"n":&}/' >"$dir/in.jsonl"
apply_flow 'a flow with one reader' lines "checkpointSaveInterval: 500ms
source: {type: stdio, config: {path: $dir/in.jsonl, follow: true}}
sink: {type: stdio, config: {path: $dir/out.jsonl}}"
lines() { wc -l <"$dir/out.jsonl"; }
within '  all lines' 30 is 500 lines
positions() { kubectl get configmap df-lines-checkpoint -o 'jsonpath={.data}'; }
within '  its positions' 20 has in.jsonl positions
run '  its Lease' 0 kubectl get lease df-lines
first=$(pids lines)
kill -KILL "$first"
seq 501 600 | sed 's/.*/{"n":&}/' >>"$dir/in.jsonl"
within '  killed, it goes on where it was' 60 is 600 lines
grep -q 'ended with code 137' "$dir/operator.1" && ok '  which is told' || bad '  which is told'
apply_flow 'what only a run shows to be wrong' broken 'source: {type: stdio, config: {path: /nowhere/in.jsonl}}
sink: {type: stdio, config: {path: /nowhere/out.jsonl}}'
within '  is told' 30 has 'ended with code' flow broken .status.message
run '  it goes' 0 kubectl delete dataflow broken lines --timeout=30s
within '  no process' 20 is 0 processes lines
within '  no file' 10 no_files lines

figure() { [ "$(flow orders .status.processedCount)" -gt 0 ]; }
within 'figures are in the status' 40 figure
run 'suspended' 0 kubectl patch dataflow orders --type merge -p '{"spec":{"maintenance":{"suspended":true}}}'
within '  it says so' 30 is 'Processor suspended manually' flow orders .status.message
is 0 processes orders && ok '  no process' || bad '  no process'
within '  no file of it' 10 no_files orders
run '  no more' 0 kubectl patch dataflow orders --type merge -p '{"spec":{"maintenance":{"suspended":false},"replicas":1}}'
within '  it runs' 30 is 'Processor pod is running' flow orders .status.message

# ---- the crons
scheduled() { [ -n "$(cron minutely '.status.runs[?(@.phase=="Completed")].scheduleTime')" ]; }
within 'a cron ran by its schedule' 90 scheduled
[ "$(($(wc -l <"$dir/minutely.jsonl") % 5))" = 0 ] && ok '  its records are there' || bad '  its records are there'
run 'a run by hand' 0 kubectl annotate dataflowcron nightly dataflow.dataflow.io/run-now=one
within '  its trigger is refused' 30 is Failed cron nightly '.status.runs[0].phase'
has 'Trigger 0 (refresh) failed: NotRun: a trigger is a command in a container of its own image' cron nightly .status.message &&
    ok '  which is told' || bad '  which is told'
[ "$(wc -l <"$dir/nightly.jsonl")" = 5 ] && ok '  after its records' || bad '  after its records'
run '  suspended' 0 kubectl patch dataflowcron minutely --type merge -p '{"spec":{"suspend":true}}'
within '  it says so' 20 is Suspended cron minutely .status.phase
run '  deleted' 0 kubectl delete dataflowcron minutely nightly --timeout=30s
files_of_crons() { find "$dir/run" -path '*/default.dfc-*' -type f; }
within '  no file' 20 is '' files_of_crons

# ---- a source that holds a replication slot becomes another one
slots() { sql "select count(*) from pg_replication_slots where slot_name = '$table'"; }
sql "alter table $table replica identity full"
apply_flow 'a flow with a slot' slot "source: {type: postgresql-cdc, config: {connectionStringSecretRef: {name: db, key: url}, slotName: $table,
  publicationName: $table, tables: [$table]}}
sink: {type: stdio, config: {path: $dir/changes.jsonl}}"
# The server makes a slot when no older transaction writes, of anybody.
within '  has it' 200 is 1 slots
within '  runs' 30 is Running flow slot
apply_flow '  gets another source' slot "source: {type: generate, config: {rate: 1}}
sink: {type: stdio, config: {path: $dir/changes.jsonl}}"
within '  the slot goes' 60 is 0 slots
within '  which is told' 30 has CleanedUp kubectl get events.events.k8s.io
within '  and the new one runs' 60 is Running flow slot
run '  deleted' 0 kubectl delete dataflow slot --timeout=30s

# ---- ends
stop_operator "$operator"
[ $? = 0 ] && ok 'stopped' || bad 'stopped'
is 0 processes '[a-z]*' && ok '  no process' || bad '  no process'
[ -z "$(ls "$dir/run")" ] && ok '  no file' || bad '  no file'
start_local 2
within 'started again' 60 is 1 processes orders
stop_operator "$operator" KILL
within '  and killed: its process drains' 20 is 0 processes orders
no_files orders && bad '  it leaves files' || ok '  it leaves files'
start_local 3
within '  which the next one removes, before it leads' 20 no_files orders
stop_operator "$operator"
grep -qF "$password" "$dir"/operator.* && bad 'no password in a log'
exit $failed
