#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# The command line of dfproc, without any server. ctest: no-servers timeout=120
. "$(dirname "$0")/../cli_lib.sh"
examples=$source/examples

# out TEXT, err TEXT: the last run wrote it
out() { if grep -qF -- "$1" "$dir/out"; then ok "  $1"; else bad "  not in the output: $1"; fi; }
err() { if grep -qF -- "$1" "$dir/err"; then ok "  $1"; else bad "  not in the messages: $1"; fi; }

# ---- usage ------------------------------------------------------------------------------------
run 'no arguments' 2 dfproc
run 'help' 0 dfproc help
out 'usage: dfproc COMMAND'
for command in $(dfproc help --words); do
    run "$command --help" 0 dfproc "$command" --help
    out "usage: dfproc $command"
done
run 'unknown command' 2 dfproc valdate
err 'did you mean validate?'
run 'unknown option' 2 dfproc run --limt 3 x.yaml
err 'did you mean --limit?'
run 'bad number' 2 dfproc run --limit many x.yaml
run 'pod form without a name' 2 dfproc --spec-path x.json
err '--namespace and --name are needed'
run 'address without a meaning' 2 dfproc run --metrics-port 99999 "$examples/generate.yaml"
err 'is no address'
run 'missing file' 1 dfproc run "$dir/nothing.yaml"
err 'No such file'
run 'version' 0 dfproc version
out 'libdataflow'
for format in man bash zsh fish; do
    run "help --$format" 0 dfproc help "--$format"
    case $format in
    man) file=docs/man/dfproc.1 ;;
    bash) file=apps/dfproc/completion/dfproc.bash ;;
    zsh) file=apps/dfproc/completion/_dfproc ;;
    fish) file=apps/dfproc/completion/dfproc.fish ;;
    esac
    if cmp -s "$dir/out" "$source/$file"; then ok "  $file is up to date"; else
        bad "  $file: make it again with dfproc help --$format"
    fi
done

# completes WORDS... GIVES: what bash offers for the last of the words
completes() {
    local COMP_WORDS=("${@:1:$#-1}") COMP_CWORD=$(($# - 2)) COMPREPLY=() got
    _dfproc
    got=${COMPREPLY[*]}
    if [ "$got" = "${!#}" ]; then ok "  bash: ${*:1:$#-1} -> $got"; else echo "$got" >"$dir/out"; bad "  bash: ${*:1:$#-1}"; fi
}
compopt() { :; } # only a running completion has it
. "$source/apps/dfproc/completion/dfproc.bash"
completes dfproc va validate
completes dfproc run --log-l --log-level
completes dfproc run --log-level = w warn
completes dfproc transforms ma mask
completes dfproc init n nessie
completes dfproc init stdio nu null
completes dfproc --spec-path x --names --namespace

# ---- looking ------------------------------------------------------------------------------------
run 'validate the examples' 0 dfproc validate "$examples"/{hello,router,generate}.yaml
out 'hello.yaml: ok'
printf '# a bare spec\nsource: {type: stdio}\nsink:\n    type: stdio\n    config: {pth: x}\n' >"$dir/bad.yaml"
run 'validate a bad one' 2 dfproc validate "$examples/hello.yaml" "$dir/bad.yaml"
err 'bad.yaml:5:14: error: spec.sink.config.pth'
err 'did you mean "path"?'
run 'run a bad one' 2 dfproc run "$dir/bad.yaml"
err 'bad.yaml:5:14: spec.sink.config.pth'
err '"level":"error"'
run 'validate --json' 2 dfproc validate --json "$examples/hello.yaml" "$dir/bad.yaml" "$dir/nothing.yaml"
cp "$dir/out" "$dir/problems.json"
run '  is JSON with each problem' 0 python3 - "$dir" <<'CHECK'
import json, sys
dir = sys.argv[1]
seen = json.load(open(dir + "/problems.json"))
assert seen["ok"] is False
assert [(f["file"].split("/")[-1], f["name"], f["ok"]) for f in seen["flows"]] == [
    ("hello.yaml", None, True), ("bad.yaml", None, False)], seen["flows"]
first, second = seen["problems"]
assert first == {"severity": "error", "file": dir + "/bad.yaml", "line": 5, "column": 14,
                 "path": "spec.sink.config.pth", "text": 'unknown field "pth"',
                 "hint": 'did you mean "path"?'}, first
assert second["file"] is None and second["line"] is None, second
assert second["text"] == dir + "/nothing.yaml: No such file or directory", second
CHECK
run 'validate --json of a good one' 0 dfproc validate --json - <"$examples/hello.yaml"
out '{"ok":true,"flows":[{"file":"-","name":null,"ok":true}],"problems":[]}'
run 'validate with --set' 2 dfproc validate "$examples/hello.yaml" --set sink.config.pth=x --set source.type=stdio
err '--set sink.config.pth: error: spec.sink.config.pth: unknown field "pth" (did you mean "path"?)'
run 'explain with --set' 0 dfproc explain "$examples/hello.yaml" --set 'transformations[0].type=mask' --set 'transformations[0].config={fields: [a]}'
out '0 mask'
run 'explain' 0 dfproc explain "$examples/hello.yaml"
out 'at-least-once'
out '0 filter'
run 'explain --json' 0 dfproc explain --json "$examples/hello.yaml"
out '"guarantee": {'
run 'connectors' 0 dfproc connectors
out 'generate'
run 'connectors stdio' 0 dfproc connectors stdio
out 'sink: stdio'
run 'connectors nothing' 2 dfproc connectors nothing
run 'connectors, mistyped' 2 dfproc connectors stdoi
err 'did you mean stdio?'
run 'transforms for a word' 0 dfproc transforms -k rename
out 'replaceField'
if grep -q mask "$dir/out"; then bad '  only what fits'; fi
run 'transforms for a word of others' 0 dfproc transforms --keyword Deletes
out 'remove '
run 'transforms for a word of an option' 0 dfproc transforms -k keepLength
out 'mask '
run 'transforms for no word' 1 dfproc transforms -k quux
err 'no transformation has to do with "quux"'
run 'transforms by the name of others' 2 dfproc transforms drop
err 'did you mean filter or remove or replaceField?'
run 'init, mistyped' 2 dfproc init Generate stdio
err 'did you mean generate?'
run 'transforms mask' 0 dfproc transforms mask
out 'keepLength'
run 'transforms flatten' 0 dfproc transforms flatten
out 'output   {"id":1,"sku":"B"}'
run 'transforms headersToPayload' 0 dfproc transforms headersToPayload
out 'headers  [["x-tenant","acme"]]'
for source_kind in $(dfproc connectors --words source); do
    [ "$source_kind" = host ] && continue
    run "init $source_kind" 0 dfproc init "$source_kind" stdio
    cp "$dir/out" "$dir/init.yaml"
    run "  validates" 0 dfproc validate "$dir/init.yaml"
done
printf '# orders\nsource:\n  type: stdio\n  stdio: {path: a} # in\nsink: {type: stdio}\n' >"$dir/old.yaml"
run 'fmt' 0 dfproc fmt "$dir/old.yaml"
out 'config: {path: a} # in'
run 'fmt --check says that it would change' 1 dfproc fmt --check "$dir/old.yaml"
run 'fmt --write' 0 dfproc fmt -w "$dir/old.yaml"
run 'fmt --check says that it is fine' 0 dfproc fmt --check "$dir/old.yaml"
run 'its result validates' 0 dfproc validate "$dir/old.yaml"

# ---- running ------------------------------------------------------------------------------------
run 'hello' 0 dfproc run "$examples/hello.yaml" <"$examples/events.jsonl"
out '"id":9007199254740993,"status":"paid","amount":0.1000'
out '"email":"***"'
err '"msg":"finished"'
err '"received":5,"expanded":0,"sent":3,"left_out":0,"filtered":2'
if grep -q 'ada@example' "$dir/out"; then bad '  an address was shown'; else ok '  no address'; fi
run 'limit' 0 dfproc run --limit 1000 --log-level warn "$examples/generate.yaml"
if [ -s "$dir/err" ]; then bad '  warnings only'; else ok '  warnings only'; fi
run 'limit, counts' 0 dfproc run --limit 1000 "$examples/generate.yaml"
err '"received":1000,'
run 'text log' 0 dfproc run --limit 10 --log-format text "$examples/generate.yaml"
err 'received 10 + expanded 0 = sent 10'

# A regular file is read on from where the last run ended.
printf 'source: {type: stdio, config: {path: %s}}\nsink: {type: stdio}\n' "$dir/in.jsonl" >"$dir/file.yaml"
printf '{"n":1}\n{"n":2}\n' >"$dir/in.jsonl"
run 'first run' 0 dfproc run -u "$dir/file.yaml"
out '{"n":2}'
printf '{"n":3}\n' >>"$dir/in.jsonl"
run 'second run' 0 dfproc run -u "$dir/file.yaml"
if [ "$(cat "$dir/out")" = '{"n":3}' ]; then ok '  goes on'; else bad '  goes on'; fi
run 'a run with nothing new' 0 dfproc run -u "$dir/file.yaml"
err "resumed at byte 24 of $dir/in.jsonl, nothing new"
err 'checkpointReset'
run 'from the start' 0 dfproc run -u --from-start "$dir/file.yaml"
out '{"n":1}'

# Descriptors that are closed or full, and a folder that is none: one line, and an end.
sed 's/"null"/stdio/' "$examples/generate.yaml" >"$dir/out.yaml"
# A pipe has no positions: no state is opened that a second run would find locked.
mkfifo "$dir/pipe"
XDG_STATE_HOME=$dir/two dfproc run "$examples/hello.yaml" >"$dir/first" 2>&1 <"$dir/pipe" &
first=$!
exec 7>"$dir/pipe"
head -n 1 "$examples/events.jsonl" >&7
for _ in $(seq 200); do [ -s "$dir/first" ] && break; sleep 0.05; done
run 'hello beside hello' 0 env "XDG_STATE_HOME=$dir/two" dfproc run "$examples/hello.yaml" <"$examples/events.jsonl"
exec 7>&-
wait "$first" && [ ! -e "$dir/two" ] && ok '  neither has a state' || bad "  state of a pipe: $(ls -R "$dir/two")"
printf 'source: {type: stdio, config: {path: %s/pipe}}\nsink: {type: "null"}\n' "$dir" >"$dir/named.yaml"
run 'a named pipe' 0 dfproc explain "$dir/named.yaml"
out 'nothing keeps a position'

run 'stdin is closed' 1 dfproc run "$examples/hello.yaml" <&-
err 'cannot read'
run 'stdout is closed' 1 bash -c 'dfproc run --limit 5 "$0" >&-' "$dir/out.yaml"
err 'cannot write to standard output'
run 'all are closed' 1 bash -c 'dfproc run --limit 5 "$0" <&- >&- 2>&-' "$dir/out.yaml"
run 'the reader is gone' 1 bash -c 'set -o pipefail; dfproc run "$0" | head -n 1' "$dir/out.yaml"
err 'the reader of standard output is gone'
run 'a result that cannot be printed' 1 bash -c 'dfproc validate "$0" >/dev/full' "$dir/out.yaml"
err 'cannot write to standard output: No space left'
run 'the state folder is a file' 1 dfproc run -u --state-dir "$dir/file.yaml" "$dir/file.yaml"
err 'cannot be kept in'
err 'Not a directory; --state-dir names another folder'

# ---- preview and test -----------------------------------------------------------------------------
run 'preview' 0 dfproc preview -n 3 "$examples/hello.yaml" <"$examples/events.jsonl"
out 'record 3'
out '-     "email": "ada@example.com"'
out '+     "email": "***"'
out '0 filter: not passed on'
printf 'source: {type: stdio}\ntransformations: [{type: filter, config: {condition: $.a == 1}}]\nsink: {type: stdio}\n' >"$dir/one.yaml"
echo 'no JSON' >"$dir/no.jsonl"
run 'preview of a line that the source refuses' 0 bash -c "dfproc preview '$dir/one.yaml' <'$dir/no.jsonl'"
out 'source: refused (invalid_data): not JSON'
if grep -q 'not passed on' "$dir/out"; then bad '  it has one fate'; else ok '  it has one fate'; fi
echo '{"a":1}' >"$dir/no.jsonl"
run 'preview of what a sink may refuse' 0 bash -c "dfproc preview '$dir/one.yaml' <'$dir/no.jsonl'"
out 'nothing was written: what a sink itself refuses'
run 'preview --json' 0 dfproc preview --json -n 2 "$examples/hello.yaml" <"$examples/events.jsonl"
out '{"stage":"1 mask","role":"transform","out":[{"payload":{"id":1,'
cat >"$dir/refuse.yaml" <<'YAML'
source: {type: stdio}
transformations: [{type: cast, config: {spec: {a: int64}}}]
sink: {type: stdio}
YAML
run 'preview tells what is refused, and goes on' 0 dfproc preview "$dir/refuse.yaml" <<<$'{"a":"x"}\n{"a":"2"}'
out '0 cast: refused (cast): a: a string cannot become int64'
out 'there is no error sink: the flow would stop here'
out 'goes to sink'
printf 'source: {type: stdio, config: {format: text}}\nsink: {type: stdio}\n' >"$dir/text.yaml"
run 'preview shows bytes that are no text as such' 0 dfproc preview "$dir/text.yaml" <<<$'\xc3\xa9 \xc3\e[31m \xc2\x9b \xff \x7f'
out $'\xc3\xa9 \\xc3\\x1b[31m \\xc2\\x9b \\xff \\x7f'
run 'preview --json tells it too' 0 dfproc preview --json "$dir/refuse.yaml" <<<'{"a":"x"}'
out '"refused":[{"stage":"0 cast","reason":"cast","message":"a: '
run 'test' 0 dfproc test --junit "$dir/junit.xml" "$examples/hello-test.yaml"
out 'ok 1 - a paid order passes'
out '1..3'
cp "$dir/junit.xml" "$dir/out"
out 'tests="3" failures="0"'
cat >"$dir/test.yaml" <<'YAML'
manifest: flow.yaml
cases:
  - name: routes, metadata, errors
    input:
      - {payload: {a: 1}, metadata: {topic: t1}}
      - {payload: {a: 2}, metadata: {topic: t2}}
      - {payload: 'no json'}
    expect:
      sink: [{a: 2}, 'no json']
      0 router/0: [{a: 1}]
  - name: wrong
    input: [{payload: {a: 5, b: 6}}]
    expect:
      sink: [{a: 5, b: 7}]
  - name: partial
    partial: true
    input: [{payload: {a: 5, b: 6}}]
    expect:
      sink: [{b: 6}]
YAML
cat >"$dir/flow.yaml" <<'YAML'
source: {type: stdio, config: {path: /nowhere/at/all}}
transformations:
  - type: router
    config:
      routes:
        - condition: metadata.topic == 't1'
          sink: {type: stdio, config: {path: /nowhere/either}}
sink: {type: stdio, config: {path: /nowhere/here}}
YAML
run 'test with a failure' 1 dfproc test "$dir/test.yaml"
out 'ok 1 - routes, metadata, errors'
out 'not ok 2 - wrong'
out '-   "b": 7'
out '+   "b": 6'
out 'ok 3 - partial'

printf 'manifest: flow.yaml\ncases: [{name: t, inputs: []}]\n' >"$dir/typo.yaml"
run 'test, a member that nobody reads' 2 dfproc test "$dir/typo.yaml"
err 'case 1, t: unknown member `inputs` (did you mean `input`?)'
err 'case 1, t: one of these is missing: expect error'
out 'Bail out!'

# The manifest and the cases that the guide shows, where the connectors in them are built.
if dfproc connectors --words source | grep -qx kafka && dfproc connectors --words sink | grep -qx postgresql; then
    awk -v dir="$dir" '/^```yaml/ { file = dir "/" (++n == 1 ? "flow.yaml" : "cases.yaml"); next } /^```/ { file = "" } file { print >file }' \
        "$source/docs/write-a-flow.md"
    run 'the manifest of the guide' 0 dfproc validate "$dir/flow.yaml"
    run 'the cases of the guide' 0 dfproc test "$dir/cases.yaml"
    out '1..2'
fi

# The vectors are case files too, also those of paths and conditions.
for vectors in "$source"/tests/vectors/*.json; do
    if dfproc test "$vectors" >"$dir/out" 2>"$dir/err"; then ok "${vectors##*/}: $(grep -c '^ok' "$dir/out")"; else
        grep -A 3 '^not ok' "$dir/out" >"$dir/err"
        : >"$dir/out"
        bad "${vectors##*/}"
    fi
done

# ---- what a hostile file may do ----------------------------------------------------------------
printf 'kind: DataFlow\napiVersion: dataflow.dataflow.io/v1\nmetadata: {name: x}\nspec: {source: {type: stdio}, sink: {type: stdio},\n  transformations: [{type: filter, when: "$.a == '"'"'\\e[31m\\nsink'"'"'", config: {condition: $.a}}]}\n' >"$dir/escape.yaml"
run 'explain shows control characters as bytes' 0 dfproc explain "$dir/escape.yaml"
out '\x1b[31m\x0asink'
printf 'source: {type: stdio}\nsink: {type: stdio}\n' >"$dir/plain.yaml"
printf 'manifest: plain.yaml\ncases: [{name: "a\\nok 2 - forged\\e[2J", input: [], expect: {sink: [1]}}]\n' >"$dir/forged.yaml"
run 'test forges no line' 1 dfproc test "$dir/forged.yaml"
out 'not ok 1 - a\x0aok 2 - forged\x1b[2J'
if grep -q '^ok' "$dir/out"; then bad '  a forged line'; fi

# A run that waits for its manifest ends at once
for signal in INT TERM; do
    mkfifo "$dir/fifo$signal"
    (
        exec 3<>"$dir/fifo$signal"
        env --default-signal="$signal" dfproc run "$dir/fifo$signal" 3>&- >"$dir/out" 2>"$dir/err" &
        for _ in $(seq 200); do
            # shellcheck disable=SC2012
            ls -l "/proc/$!/fd" | grep -q "fifo$signal" && break
            sleep 0.02
        done
        kill -"$signal" $!
        timeout 5 tail --pid=$! -f /dev/null || { kill -KILL $!; exit 1; }
        wait $!
        [ $? -gt 128 ]
    ) && ok "SIG$signal ends the wait for a manifest" || bad "SIG$signal is not obeyed before the run"
done

# ---- what a manifest may reach ------------------------------------------------------------------
mkdir "$dir/in"
ln -s ../outside.jsonl "$dir/in/link"
printf 'secret-of-a-file\n' >"$dir/outside.txt"
reach() { # VALUE: a sink's path
    printf 'source: {type: stdio}\nsink: {type: stdio, config: {path: "%s"}}\n' "$1" >"$dir/reach.yaml"
}
for path in in/new.jsonl in/../in/new.jsonl; do
    reach "$dir/$path"
    run "--files: $path" 0 dfproc run -u --files "$dir/in" "$dir/reach.yaml" <<<'{"a":1}'
done
if [ -s "$dir/in/new.jsonl" ]; then ok '  it is written'; else bad '  it is not written'; fi
for path in outside.jsonl in/../outside.jsonl in/link in/.. inside.jsonl; do
    reach "$dir/$path"
    run "--files: not $path" 1 dfproc run -u --files "$dir/in" "$dir/reach.yaml" <<<'{"a":1}'
    err "only files in $dir/in may be used here"
done
if [ -e "$dir/outside.jsonl" ] || [ -e "$dir/inside.jsonl" ]; then bad '  a file outside was made'; fi
printf 'source: {type: stdio, config: {path: "%s"}}\nsink: {type: stdio}\n' "$dir/outside.txt" >"$dir/reach.yaml"
run '--files: no source outside' 1 dfproc run -u --files "$dir/in" "$dir/reach.yaml"
run '--files: no preview outside' 1 dfproc preview --files "$dir/in" "$dir/reach.yaml"
if grep -q secret-of "$dir/out" "$dir/err"; then bad '  a file outside was read'; fi
reach "\${file:$dir/outside.txt}"
run '--files: no reference outside' 2 dfproc run -u --files "$dir/in" "$dir/reach.yaml" <<<1
err "only files in $dir/in may be used here"
reach "$dir/in/\${env:FLOW_NAME}"
run '--env-prefix: with the prefix' 0 env FLOW_NAME=x dfproc run -u --env-prefix FLOW_ "$dir/reach.yaml" <<<1
reach "$dir/in/\${env:HOME_NAME}"
run '--env-prefix: without' 2 env HOME_NAME=x dfproc run -u --env-prefix FLOW_ "$dir/reach.yaml" <<<1
err '${env:HOME_NAME}: only variables that begin with FLOW_ may be used here'
cat >"$dir/foreign.yaml" <<'YAML'
apiVersion: dataflow.dataflow.io/v1
kind: DataFlow
metadata: {name: n, namespace: ours}
spec:
  source: {type: stdio}
  sink:
    type: postgresql
    config: {table: t, connectionStringSecretRef: {name: db, key: url, namespace: theirs}}
YAML
mkdir -p "$dir/secrets/db"
printf 'postgres://localhost:1/db' >"$dir/secrets/db/url"
run 'a Secret of another namespace' 2 dfproc run -u --secrets-dir "$dir/secrets" "$dir/foreign.yaml" </dev/null
err 'names a Secret in namespace theirs'

# ---- plug-ins -----------------------------------------------------------------------------------
cat >"$dir/plugin.c" <<'C'
#include <stdio.h>
#include "dataflow_ext.h"
__attribute__((constructor)) static void began(void) { fputs("a constructor ran\n", stderr); }
static int init(df_env *env) { (void)env; return 0; }
extern const df_plugin df_plugin_entry;
const df_plugin df_plugin_entry = {sizeof(df_plugin), VERSION, init};
C
for version in DF_VERSION 999999; do
    cc -shared -fPIC "-DVERSION=$version" -I"$source/include" -o "$dir/plugin-$version.so" "$dir/plugin.c"
done
run 'a plug-in of this version' 0 env DATAFLOW_PLUGINS="$dir/plugin-DF_VERSION.so" dfproc version
run 'a plug-in of this folder' 0 bash -c 'cd "$1" && DATAFLOW_PLUGINS=plugin-DF_VERSION.so dfproc version' _ "$dir"
err 'a constructor ran'
run 'a plug-in of another version' 1 env DATAFLOW_PLUGINS="$dir/plugin-999999.so" dfproc validate "$dir/plain.yaml"
err 'was built for version 99.99.99 and this process runs 0.1.0: restart it'
if grep -q 'a constructor ran' "$dir/err"; then bad '  its code ran'; else ok '  none of its code ran'; fi
head -c 300 "$dir/plugin-DF_VERSION.so" >"$dir/cut.so"
# plugin NAME SIZE BODY: df_plugin may have members behind init; what ends before it is none.
plugin() {
    cat >"$dir/$1.c" <<C
#include <stddef.h>
#include "dataflow_ext.h"
static int init(df_env *env) { (void)env; $3; }
extern const struct grown { df_plugin now; void *later[2]; } entry __asm__("df_plugin_entry");
const struct grown entry = {{$2, DF_VERSION, init}, {0, 0}};
C
    cc -shared -fPIC -I"$source/include" -o "$dir/$1.so" "$dir/$1.c"
}
plugin grown 'sizeof(struct grown)' 'return 0'
plugin first 'offsetof(df_plugin, init) + sizeof(void *)' 'return 0'
plugin short 'offsetof(df_plugin, init)' 'return 0'
run 'a plug-in with more members, one with the first' 0 env DATAFLOW_PLUGINS="$dir/grown.so:$dir/first.so" dfproc version
run 'a plug-in that ends before init' 1 env DATAFLOW_PLUGINS="$dir/short.so" dfproc validate "$dir/plain.yaml"
err 'short.so exports no df_plugin_entry'
plugin talker 'sizeof(df_plugin)' 'df_env_load_plugin(env, "/nowhere/else.so"); return 0'
plugin silent 'sizeof(df_plugin)' 'return DF_EIO'
run 'an init that fails without a text, behind a text of another' 1 \
    env DATAFLOW_PLUGINS="$dir/talker.so:$dir/silent.so" dfproc validate "$dir/plain.yaml"
err 'silent.so: init failed'
run 'a plug-in that is cut off' 1 env DATAFLOW_PLUGINS="$dir/cut.so" dfproc validate "$dir/plain.yaml"

# ---- values from outside ---------------------------------------------------------------------
printf 'source: {type: stdio, config: {path: "${env:DIR:-nowhere}/${env:NAME:-in.jsonl}"}}\nsink: {type: stdio}\n' >"$dir/env.yaml"
printf '# where\nexport DIR="%s"\nNAME =  other.jsonl \r\n\nEMPTY=\n' "$dir" >"$dir/flow.env"
echo '{"from":"in"}' >"$dir/in.jsonl"
echo '{"from":"other"}' >"$dir/other.jsonl"
run 'a default for a variable' 0 env DIR="$dir" dfproc run -u "$dir/env.yaml"
out '{"from":"in"}'
run 'an env file' 0 dfproc run -u --env-file "$dir/flow.env" "$dir/env.yaml"
out '{"from":"other"}'
run 'the environment comes first' 0 env NAME=in.jsonl dfproc run -u --from-start --env-file "$dir/flow.env" "$dir/env.yaml"
out '{"from":"in"}'
run 'preview with an env file from a pipe' 0 dfproc preview --env-file <(cat "$dir/flow.env") "$dir/env.yaml"
out 'other.jsonl offset 0'
echo 'no variable' >>"$dir/flow.env"
run 'a wrong env file' 2 dfproc run -u --env-file "$dir/flow.env" "$dir/env.yaml"
err "flow.env:6: expects NAME=VALUE"
printf '\357\273\277NAME=other.jsonl\nDIR=%s\n' "$dir" >"$dir/flow.env"
run 'an env file that begins with a byte order mark' 0 dfproc run -u --from-start --env-file "$dir/flow.env" "$dir/env.yaml"
out '{"from":"other"}'
printf 'A=b\nNAME=in.jsonl\0.bak\n' >"$dir/flow.env"
run 'an env file with a NUL character' 2 dfproc run -u --env-file "$dir/flow.env" "$dir/env.yaml"
err 'flow.env:2: expects NAME=VALUE, and there is a NUL character: save the file as UTF-8'
printf 'in.jsonl\0.bak' >"$dir/name"
mkfifo -m 600 "$dir/fifo"
printf 'source: {type: stdio, config: {path: "${file:%s}"}}\nsink: {type: stdio}\n' "$dir/name" >"$dir/file.yaml"
run 'a file with a NUL character' 2 dfproc run -u "$dir/file.yaml"
err 'its value holds a NUL character; a text cannot'
run 'a pipe where a file is meant' 2 dfproc run -u "$dir/file.yaml" --set 'source.config.path=${file:'"$dir/fifo}"
err 'no plain file: a folder, a pipe or a device; name a file'
run '--set of what is not UTF-8' 2 dfproc run -u "$dir/env.yaml" --set $'sink.config.path=\xff'
err '--set sink.config.path: not UTF-8'
run '--set of what is no YAML' 2 dfproc validate "$dir/env.yaml" --set 'sink.config.path={a'
err '--set sink.config.path: error: YAML: expected'
run 'run with --set' 0 dfproc run -u "$dir/env.yaml" --set "source.config.path=$dir/in.jsonl" --set sink.config.path="$dir/set.jsonl" --from-start
run '  wrote there' 0 grep -q '"from":"in"' "$dir/set.jsonl"

# ---- more to read --------------------------------------------------------------------------------
printf 'source: {type: stdio}\nsink: {type: stdio}\n' >"$dir/pipe.yaml"
printf '{}\n{}\n' >"$dir/two.jsonl"
run 'debug shows each write' 0 dfproc run -u --log-level debug "$dir/pipe.yaml" <"$dir/two.jsonl"
err 'pipe/sink: write of 2 records, 4 bytes: done, '
err 'pipe/source: stdin: delivered 2 records'
echo '{}' >"$dir/one.jsonl"
run 'one record is no plural' 0 dfproc run -u --log-level debug "$dir/pipe.yaml" <"$dir/one.jsonl"
err 'pipe/sink: write of 1 record, 2 bytes: done, '
err 'pipe/source: stdin: delivered 1 record'
run 'info does not' 0 dfproc run -u --log-level info "$dir/pipe.yaml" <"$dir/two.jsonl"
if grep -q 'write of' "$dir/err"; then bad '  info is less than debug'; fi

exit "$failed"
