# SPDX-License-Identifier: Apache-2.0
# operator_lib.sh: a cluster without a node, the chart's CRDs and rights in it, and operators of this
# build beside it, each with the chart's ServiceAccount and nothing more. Sourced.
. "$(dirname "${BASH_SOURCE[0]}")/kube_lib.sh"
account=system:serviceaccount:dataflow:test-dataflow-operator
operators=()

leave() {
    [ "$BASHPID" = $$ ] || return
    [ ${#operators[@]} = 0 ] || kill -KILL "${operators[@]}" 2>/dev/null
    "$bed/kubernetes" stop --dir "$dir/cluster"
    rm -rf "$dir"
}

start_operated_cluster() { # options of helm
    start_cluster --audit "$dir/audit.jsonl"
    run 'the namespace' 0 kubectl create namespace dataflow
    run 'the chart renders' 0 "$DF_HELM" template test "$source/deploy/helm/dataflow-operator" --namespace dataflow "$@" \
        --show-only templates/crds.yaml --show-only templates/rbac.yaml --show-only templates/serviceaccount.yaml
    cp "$dir/out" "$dir/chart.yaml"
    run '  and is applied' 0 kubectl apply --server-side -f "$dir/chart.yaml"
    # One that was made just now has no conditions, which kubectl does not wait for.
    within '  the CRDs are there' 30 kubectl wait --for=condition=Established crd/dataflows.dataflow.dataflow.io \
        crd/dataflowcrons.dataflow.dataflow.io --timeout=10s
    operator_config=$("$bed/kubernetes" kubeconfig --dir "$dir/cluster" --service-account dataflow/test-dataflow-operator) ||
        bad 'a kubeconfig for the operator'
}

# start_operator N: the log in $dir/operator.N, its pid in $operator
start_operator() {
    OPERATOR_NAMESPACE=dataflow POD_NAME=operator-$1 dfoperator run --kubeconfig "$operator_config" \
        --metrics-bind-address 0 --health-probe-bind-address 0 \
        >"$dir/operator.$1" 2>&1 &
    operator=$!
    operators+=("$operator")
}

is_ready() { # N
    local address
    address=$(sed -n 's/.*probes at \([^"]*\).*/\1/p' "$dir/operator.$1")
    [ -n "$address" ] && curl -fs "http://$address/readyz"
}

stop_operator() { # pid [signal]
    kill -"${2:-TERM}" "$1" 2>/dev/null
    wait "$1" 2>/dev/null
}

# Killed, and its Lease given back for it: the next one need not wait until it has lapsed.
kill_operator() { # pid
    stop_operator "$1" KILL
    run '  and the lease is free' 0 kubectl -n dataflow patch lease dataflow-operator.dataflow.io --type merge -p '{"spec":{"holderIdentity":""}}'
}

flow() { # name [jsonpath]
    kubectl get dataflow "$1" -o "jsonpath={${2:-.status.phase}}"
}
is() { # wanted, command
    local wanted=$1
    shift
    [ "$("$@")" = "$wanted" ]
}
has() { # text, command
    local text=$1
    shift
    "$@" | grep -qF -- "$text"
}
condition() { # flow, type, member
    kubectl get dataflow "$1" -o "jsonpath={.status.conditions[?(@.type=='$2')].$3}"
}
no_children() { # flow
    [ -z "$(kubectl get deployments,configmaps,serviceaccounts,pods -l "dataflow.dataflow.io/name=$1" -o name)" ]
}
apply_flow() { # what, name, lines of the spec
    {
        printf 'apiVersion: dataflow.dataflow.io/v1\nkind: DataFlow\nmetadata: {name: %s}\nspec:\n' "$2"
        sed 's/^/  /' <<<"$3"
    } >"$dir/flow.yaml"
    run "$1" 0 kubectl apply -f "$dir/flow.yaml"
}
