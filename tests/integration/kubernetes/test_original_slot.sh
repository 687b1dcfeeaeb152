#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# What the original operator leaves of a postgresql-cdc flow: a position that its slot is past, or one of the
# copy of the tables. The pod ends and says why; a reset copies the tables and goes on with the same slot.
# ctest: kubernetes timeout=200
. "$(dirname "$0")/../kube_lib.sh"
name=taken_$$_$RANDOM
admin() { psql "$DF_PG" -XqAt -v ON_ERROR_STOP=1 -c "$1"; }
pid=
leave() {
    [ "$BASHPID" = $$ ] || return
    [ -z "$pid" ] || { kill -KILL "$pid" && wait "$pid"; } 2>/dev/null
    "$bed/kubernetes" stop --dir "$dir/cluster"
    for _ in $(seq 50); do admin "select pg_drop_replication_slot('$name')" >/dev/null 2>&1 && break || sleep 0.1; done
    admin "drop publication $name; drop schema $name cascade" >/dev/null 2>&1
    rm -rf "$dir"
}
start_cluster
run 'a namespace' 0 kubectl create namespace shop
cat >"$dir/flow.yaml" <<END
apiVersion: dataflow.dataflow.io/v1
kind: DataFlow
metadata: {name: orders, namespace: shop}
spec:
  checkpointSaveInterval: 200ms
  source: {type: postgresql-cdc, config: {connectionString: "$DF_PG", slotName: $name, publicationName: $name, tables: [$name.orders]}}
  sink: {type: stdio, config: {path: $dir/out.jsonl}}
END
start_pod() {
    dfproc --spec-path "$dir/flow.yaml" --namespace shop --name orders --checkpoint kubernetes --metrics-port '' \
        --termination-log "$dir/why" "$@" >"$dir/log" 2>&1 &
    pid=$!
}
ends() { # NAME CODE
    local rc
    wait "$pid"
    rc=$?
    pid=
    [ $rc = "$2" ] && ok "$1" || { bad "$1: exit code $rc, not $2"; tail -n 3 "$dir/log"; }
}
says() { grep -qF -- "$1" "$dir/why" && ok "  it says: $1" || { bad "  it does not say: $1"; cat "$dir/why"; }; }
left() { # the original's form
    kubectl -n shop delete configmap df-orders-checkpoint --ignore-not-found >/dev/null
    kubectl -n shop create configmap df-orders-checkpoint --from-literal=checkpoint.json="{\"postgresql-cdc\":{$1,\"slotName\":\"$name\",
        \"publicationName\":\"$name\"}}" >/dev/null
    : >"$dir/why"
}
ids() { grep -o '"id":[0-9]*' "$dir/out.jsonl" | sort -u | wc -l; }
has() { [ "$(ids)" = "$1" ]; }

admin "create schema $name; create table $name.orders (id int primary key, v text);
    insert into $name.orders select g, 'copied' from generate_series(1, 100) g; create publication $name for table $name.orders" >/dev/null
admin "select pg_create_logical_replication_slot('$name', 'pgoutput')" >/dev/null
at=$(admin 'select pg_current_wal_lsn()')
admin "update $name.orders set v = 'between' where id <= 10" >/dev/null
admin "select pg_replication_slot_advance('$name', pg_current_wal_lsn())" >/dev/null
admin "insert into $name.orders values (101, 'later')" >/dev/null

left "\"phase\":\"snapshot\",\"snapshotLSN\":\"$at\",\"snapshotCompletedTables\":[]"
start_pod
ends 'a position of the copy alone ends the pod' 1
says 'forget it with dfproc checkpoint reset, or checkpointReset: true'

left "\"lastAckedLSN\":\"$at\",\"snapshotLSN\":\"$at\",\"phase\":\"streaming\",\"snapshotCompletedTables\":[\"$name.orders\"]"
start_pod
ends 'so does a position that the slot is past' 1
says "slot $name is confirmed up to"
says ", the stored position is $at: the changes between them are gone"

sed 's/^spec:/&\n  checkpointReset: true/' "$dir/flow.yaml" >"$dir/reset.yaml" && mv "$dir/reset.yaml" "$dir/flow.yaml"
start_pod --reset 1
within 'after a reset the tables are copied' 30 has 101
grep -c between "$dir/out.jsonl" | grep -q '^10$' && ok '  as they are now' || bad '  as they are now'
admin "insert into $name.orders values (102, 'streamed')" >/dev/null
within '  and the slot goes on' 30 has 102
kill -TERM "$pid"
ends '  it ends well' 0
: >"$dir/out.jsonl"
start_pod --reset 1
admin "insert into $name.orders values (103, 'again')" >/dev/null
within 'another pod brings what is new' 30 grep -q '"id":103' "$dir/out.jsonl"
[ "$(ids)" = 1 ] && ok '  and nothing else' || bad "  and nothing else: $(ids) ids"
kill -TERM "$pid"
ends '  it ends well' 0
exit $failed
