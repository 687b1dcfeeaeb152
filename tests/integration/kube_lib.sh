# SPDX-License-Identifier: Apache-2.0
# kube_lib.sh: what the Kubernetes tests share: a cluster of their own, with kubectl and helm in
# PATH as its administrator. Sourced.
. "$(dirname "${BASH_SOURCE[0]}")/cli_lib.sh"
bed=${DF_BED:-$source/tests/bed}

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

# within NAME SECONDS COMMAND...: until it succeeds
within() {
    local name=$1 end=$((SECONDS + $2))
    shift 2
    until timeout 60 "$@" >"$dir/out" 2>"$dir/err"; do
        [ $SECONDS -lt $end ] || { bad "$name"; return; }
        sleep 0.2
    done
    ok "$name"
}
