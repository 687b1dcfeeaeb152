#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Manifests as people keep them for kubectl: several documents, Secrets, other kinds.
# ctest: no-servers timeout=60
. "$(dirname "$0")/../cli_lib.sh"
cd "$dir" || exit 1

# says FILE < LINES: all of it, exactly
says() {
    if diff "$dir/$1" - >"$dir/diff"; then ok "  std$1"; else cat "$dir/diff"; bad "  std$1"; fi
}

cat >one.yaml <<'YAML'
apiVersion: v1
kind: Secret
metadata: {name: db}
stringData: {path: out.jsonl}
---
# The flow
apiVersion: dataflow.dataflow.io/v1
kind: DataFlow
metadata: {name: orders}
spec:
  source:
    type: stdio
    stdio: {}
  sink:
    type: stdio
    stdio: {path: out.jsonl}
---
apiVersion: v1
kind: ConfigMap
metadata: {name: other}
YAML
run 'a Secret and a flow' 0 dfproc validate one.yaml
says out <<<'one.yaml: ok'
says err <<'TEXT'
one.yaml:1:1: note: the Secret db is not read; --secrets-from-file takes it
one.yaml:17:1: note: the ConfigMap other is left out
TEXT
run 'it runs' 0 dfproc run -u one.yaml <<<'{"a":1}'
if [ "$(cat out.jsonl)" = '{"a":1}' ]; then ok '  the record'; else bad '  the record'; fi
run 'its plan' 0 dfproc explain one.yaml
run 'preview' 0 dfproc preview one.yaml <<<'{"a":1}'
sed 's/    stdio: {/    config: {/' one.yaml >new.yaml
run 'fmt changes the flow alone' 0 dfproc fmt one.yaml
says out <new.yaml
run 'fmt --check' 0 dfproc fmt --check new.yaml
run 'problems have their line' 2 bash -c "sed 's/kind: DataFlow/&s/' one.yaml | dfproc validate -"
says err <<'TEXT'
-:1:1: note: the Secret db is not read; --secrets-from-file takes it
-:17:1: note: the ConfigMap other is left out
-:8:7: error: kind: "DataFlows" is no flow: expects DataFlow or DataFlowCron
TEXT

sed 's/name: orders/name: refunds, namespace: shop/; s/out.jsonl/two.jsonl/' one.yaml >two.yaml
{ cat one.yaml; echo ---; cat two.yaml; } >both.yaml
run 'two flows are checked' 0 dfproc validate both.yaml
says out <<'TEXT'
both.yaml: orders: ok
both.yaml: refunds: ok
TEXT
run 'one of them' 0 dfproc validate --name shop/refunds both.yaml
run 'two flows, which one' 2 dfproc run -u both.yaml
grep -qF 'both.yaml: 2 flows in one file: --name chooses one of orders, refunds' err || bad '  it says so'
run 'no such flow' 2 dfproc run -u --name order both.yaml
grep -qF 'both.yaml: no flow is named \"order\"; its flows: orders, refunds' err || bad '  it says so'
run 'that one' 0 dfproc run -u --name refunds both.yaml <<<'{"b":1}'
if [ "$(cat two.jsonl)" = '{"b":1}' ]; then ok '  the record'; else bad '  the record'; fi
printf 'manifest: both.yaml\nflow: orders\ncases: [{name: a, input: [{payload: 1}], expect: {sink: [1]}}]\n' >cases.yaml
run 'cases of one of them' 0 dfproc test cases.yaml

# ---- flows that have no name of their own
flow='spec: {source: {type: generate}, sink: {type: "null"}}'
printf 'apiVersion: dataflow.dataflow.io/v1\nkind: DataFlow\n%s\n' "$flow" >bare.yaml
{ cat bare.yaml; echo ---; cat bare.yaml; } >bares.yaml
run 'two flows without a name' 0 dfproc validate bares.yaml
says out <<'TEXT'
bares.yaml: the flow of line 1: ok
bares.yaml: the flow of line 4: ok
TEXT
says err <<'TEXT'
bares.yaml:1:1: note: --name cannot choose this flow: give it a metadata.name of its own
bares.yaml:4:1: note: --name cannot choose this flow: give it a metadata.name of its own
TEXT
run '  as JSON' 0 dfproc validate --json bares.yaml
grep -qF '"flows":[{"file":"bares.yaml","name":null,"line":1,"ok":true},{"file":"bares.yaml","name":null,"line":4,"ok":true}]' out || bad '  with their lines'
run '  which one' 2 dfproc run bares.yaml
grep -qF 'bares.yaml: 2 flows in one file: --name chooses one of the flow of line 1, the flow of line 4' err || bad '  it says so'
{ sed 's/^spec/metadata: {name: a, namespace: n}\nspec/' bare.yaml; echo ---; sed 's/^spec/metadata: {name: a, namespace: m}\nspec/' bare.yaml; } >spaces.yaml
run 'two flows of one name' 0 dfproc validate spaces.yaml
says out <<'TEXT'
spaces.yaml: n/a: ok
spaces.yaml: m/a: ok
TEXT
run '  one is chosen by its namespace' 0 dfproc validate --name m/a spaces.yaml
run '  not by the name alone' 2 dfproc validate --name a spaces.yaml
grep -qF 'spaces.yaml: 2 flows are named "a": give each a metadata.name of its own, or choose by NAMESPACE/NAME; its flows: n/a, m/a' err || bad '  it says so'
sed 's/namespace: m/namespace: n/' spaces.yaml >twins.yaml
run 'one name and one namespace' 0 dfproc validate twins.yaml
says out <<'TEXT'
twins.yaml: a, the flow of line 1: ok
twins.yaml: a, the flow of line 5: ok
TEXT

printf 'kind: Secret\n---\nkind: ConfigMap\n' >none.yaml
run 'no flow at all' 2 dfproc validate none.yaml
grep -qF 'none.yaml: no DataFlow in it, only: Secret, ConfigMap' err || bad '  it says so'

# ---- values of Secrets ------------------------------------------------------------------------
secret() { # MEMBERS OF THE SECRET
    printf 'kind: Secret\nmetadata: {name: db, namespace: n}\n%s\n---\n' "$1"
    cat <<'YAML'
apiVersion: dataflow.dataflow.io/v1
kind: DataFlow
metadata: {name: secret, namespace: n}
spec:
  source: {type: stdio}
  sink: {type: postgresql, config: {table: t, connectionStringSecretRef: {name: db, key: url}}}
YAML
}
if dfproc connectors --words sink | grep -qx postgresql; then
    for members in 'stringData: {url: "postgresql://u:hushhush@127.0.0.1:1/nosuch"}' \
        "data: {url: $(printf 'postgresql://u:hushhush@127.0.0.1:1/nosuch' | base64 -w0)}"; do
        secret "$members" >secret.yaml
        run "${members%%:*} without the switch" 2 dfproc run -u secret.yaml </dev/null
        grep -qF 'needs --secrets-dir DIR with the value in DIR/db/url, or --secrets-from-file' err || bad '  it says so'
        # the value arrives: the address in it is the one that refuses
        dfproc run -u --secrets-from-file --log-format text secret.yaml <<<'{"a":1}' >out 2>err &
        pid=$!
        for _ in $(seq 200); do
            grep -q '127.0.0.1' err && break
            sleep 0.05
        done
        kill -KILL $pid
        wait $pid 2>>/dev/null
        if grep -q '127.0.0.1' err; then ok '  it is used'; else bad '  it is used'; fi
        if grep -q hushhush out err; then bad '  it is shown'; else ok '  it is not shown'; fi
    done
    secret 'data: {url: "no-base64"}' >secret.yaml
    run 'a value that is no base64' 2 dfproc run -u --secrets-from-file secret.yaml </dev/null
    grep -qF 'the Secret db, key url: its value is not base64' err || bad '  it says so'
    secret 'data: {uri: Zm9v}' >secret.yaml
    run 'a key that is not there' 2 dfproc run -u --secrets-from-file secret.yaml </dev/null
    grep -qF 'the Secret db, key url: it has no such key' err || bad '  it says so'
    secret 'data: {url: Zm9v}' | sed '2s/namespace: n/namespace: other/' >secret.yaml
    run 'a Secret of another namespace' 2 dfproc run -u --secrets-from-file secret.yaml </dev/null
    grep -qF 'the file has no such Secret' err || bad '  it says so'
else
    ok 'SKIPPED: values of Secrets: no postgresql here'
fi

# ---- the manifests of the original, where they are ----------------------------------------------
samples=${DF_SAMPLES:-${DF_SOURCE_DIR:-.}/../shared/data/original-samples}
if [ ! -d "$samples" ]; then
    ok "SKIPPED: the manifests of the original: no folder $samples"
    exit $failed
fi
# What this build does not have is the only thing that may be wrong with one
later='is not in this build( as a source)?|is not installed: .*|is not supported yet'
for file in "$samples"/*.yaml; do
    dfproc validate "$file" >out 2>err
    rc=$?
    if [ $rc = 0 ] || { [ $rc = 2 ] && ! grep -vE " note: | error: .* ($later)\$" err >>out; }; then
        ok "${file##*/}: $rc"
    else
        bad "${file##*/}: $rc"
    fi
done
exit $failed
