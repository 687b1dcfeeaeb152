#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Why a pod's run ended stands in the file that the kubelet reads, whole and in one line; nothing of a run
# that ends well, and no secret.
# ctest: no-servers timeout=120
. "$(dirname "$0")/../cli_lib.sh"
cd "$dir" || exit 1
mkdir secrets

# pod CODE NAME SPEC: a run in the form for pods, with the file from an earlier run
pod() {
    cat >spec.json <<<"$3"
    printf 'of an earlier run\n' >why
    run "$2" "$1" dfproc --spec-path=spec.json --namespace=shop --name=orders --metrics-port= --until-exhausted \
        --checkpoint=none --secrets-dir=secrets --termination-log=why
}
says() { if grep -qE -- "$1" why; then ok "  it says: $1"; else cp why out; bad "  it does not say: $1"; fi; }
is_one_line() { if [ "$(wc -l <why)" = 0 ] && [ -s why ]; then ok '  in one line'; else cp why out; bad '  in one line'; fi; }

pod 2 'a wrong spec' '{"source": {"type": "stdio", "config": {}}, "sink": {"type": "stdio", "config": {"pth": "x"}}}'
says 'sink.config.pth'
is_one_line

long=$(printf 'x%.0s' {1..120})
pod 1 'a sink that cannot be opened' \
    '{"source": {"type": "generate", "config": {"count": 3}}, "sink": {"type": "stdio", "config": {"path": "/nowhere/'"$long"'/out"}}}'
says "/nowhere/$long/out"
is_one_line
grep -q 'earlier run' why && bad '  what was there is gone' || ok '  what was there is gone'

pod 2 'a wrong spec with a secret' '{"source": {"type": "stdio", "config": {}}, "sink": {"type": "postgresql", "config":
    {"connectionString": "postgres://u:hunter2-hunter2@127.0.0.1:1/x", "tabel": "t"}}}'
is_one_line
grep -q 'hunter2' why && bad '  no secret' || ok '  no secret'

pod 0 'a run that ends well' '{"source": {"type": "generate", "config": {"count": 3}}, "sink": {"type": "null"}}'
[ "$(cat why)" = 'of an earlier run' ] && ok '  says nothing' || bad '  says nothing'

# As from a node that is drained: triggers would begin with half of the records.
stop_pod() { # NAME CODE OPTION...
    local name=$1 code=$2
    shift 2
    rm -f records
    : >why
    dfproc --spec-path=spec.json --namespace=shop --name=orders --metrics-port= --checkpoint=none --termination-log=why "$@" 2>out &
    until [ -s records ] || ! kill -0 $! 2>/dev/null; do sleep 0.05; done
    kill -TERM $!
    wait $!
    rc=$?
    [ $rc = "$code" ] && ok "$name" || bad "$name: exit code $rc, not $code"
}
echo '{"source": {"type": "generate", "config": {"rate": 100}}, "sink": {"type": "stdio", "config": {"path": "records"}}}' >spec.json
stop_pod 'a flow that is stopped' 0
stop_pod 'a run that is stopped before its end' 75 --until-exhausted
says 'stopped before everything was read'

rm -f why
run 'a folder that is not there' 1 dfproc --spec-path=nothing.json --namespace=shop --name=orders --metrics-port= \
    --checkpoint=none --termination-log=no/such/why
[ ! -e no ] && ok '  nothing is made for it' || bad '  nothing is made for it'
mkfifo fifo
run 'a file that is none' 1 dfproc --spec-path=nothing.json --namespace=shop --name=orders --metrics-port= \
    --checkpoint=none --termination-log=fifo
exit $failed
