#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# What dfproc says: whole lines, counts of lines, exit codes of wrong input.
# ctest: no-servers timeout=60
. "$(dirname "$0")/../cli_lib.sh"
cp "$source"/examples/{hello,hello-test}.yaml "$source"/examples/events.jsonl "$dir"
cd "$dir" || exit 1

# line FILE TEXT: a whole line of it; none FILE TEXT; times FILE N TEXT: in that many lines
line() { if grep -qxF -- "$2" "$dir/$1"; then ok "  $2"; else bad "  no line: $2"; fi; }
none() { if grep -qF -- "$2" "$dir/$1"; then bad "  there is: $2"; else ok "  no $2"; fi; }
times() { if [ "$(grep -cF -- "$3" "$dir/$1")" = "$2" ]; then ok "  $2 times $3"; else bad "  not $2 times: $3"; fi; }

run 'help of no command' 2 dfproc help nosuch
line err 'dfproc: no command "nosuch"'
run 'connectors stdio' 0 dfproc connectors stdio
line out '  format  (enum: json | text, default json)'
line out '  path  (text)'
run 'transforms mask' 0 dfproc transforms mask
line out '  keepLength  (bool, default false)'

# ---- init: what a comment shows is the default, or nothing -----------------------------------------
run 'init' 0 dfproc init stdio stdio
line out '    #   path: events.jsonl'
line out '    #   path: results.jsonl'
line out '    #   format: json'
cat >init.py <<'PY'
# What init writes after an option that is not required: its default, a sample, or nothing.
import json, re, subprocess
def out(*args):
    return subprocess.run(("dfproc",) + args, stdout=subprocess.PIPE, text=True, check=True).stdout
seen, chosen = 0, {"topic": "my-topic", "table": "my_source"}
for c in json.loads(out("connectors", "--json")):
    for role in ("source", "sink"):
        if c["name"] == "host" or not isinstance(c.get(role), dict):
            continue
        text = out("init", c["name"], "null") if role == "source" else out("init", "generate", c["name"])
        part = re.search(rf"^  {role}:\n(.*?)(?=^  \S|\Z)", text, re.M | re.S).group(1)
        have = dict(re.findall(r"^ +# +(\w+):(?: (.*))?$", part, re.M))
        for o in c[role].get("options", []):
            if any(o.get(k) for k in ("required", "later", "deprecated")):
                continue
            if o["name"] in chosen: # one of several is required: this one is written
                assert re.search(rf"^ +{o['name']}: {chosen[o['name']]}$", part, re.M), part
                continue
            value = have[o["name"]].strip('"').replace('\\"', '"')
            default = o.get("default")
            samples = {"events.jsonl", "results.jsonl"}
            if value != ("" if default is None else str(default)) and value not in samples:
                print(f"{c['name']} as a {role}: {o['name']}: {value!r}, its default is {default!r}")
            seen += 1
assert seen > 20, seen
PY
run 'what init says of each option' 0 python3 init.py
if [ -s out ]; then bad '  are defaults'; else ok '  are defaults'; fi
run 'init kafka kafka' 0 dfproc init kafka kafka
line out '      # fetchMaxBytes:'
line out '      topic: my-results'

# ---- case files -------------------------------------------------------------------------------
run 'test of no file' 1 dfproc test missing.yaml
line err 'dfproc: missing.yaml: No such file or directory'
run 'a JUnit file that cannot be written' 1 dfproc test --junit /nonexistent/x hello-test.yaml
line err 'dfproc: /nonexistent/x: No such file or directory'
case_at() { # TIME
    printf 'manifest: plain.yaml\ncases: [{name: t, now: "%s", input: [{payload: 1}], expect: {sink: [1]}}]\n' "$1" >now.yaml
}
printf 'source: {type: stdio}\nsink: {type: stdio}\n' >plain.yaml
for time in 2024-13-01T00:00:00Z 2024-00-01T00:00:00Z 2024-01-00T00:00:00Z 2024-01-32T00:00:00Z \
    2023-02-29T00:00:00Z 2024-04-31T00:00:00Z 2024-01-01T24:00:00Z 2024-01-01T00:60:00Z \
    2024-01-01T00:00:60Z 2024-01-01T00:00:00 2024-01-01; do
    case_at "$time"
    run "no time: $time" 1 dfproc test now.yaml
    line out '#   `now` is not a time like 2026-01-31T12:00:00Z'
done
for time in 2024-02-29T23:59:59Z 2024-12-31T00:00:00.5Z 1969-01-01T00:00:00Z; do
    case_at "$time"
    run "a time: $time" 0 dfproc test now.yaml
done
run 'test of a manifest' 2 dfproc test plain.yaml
line err 'dfproc: plain.yaml is a manifest: dfproc validate checks it, dfproc preview runs it without effects; a file of cases has manifest: plain.yaml and cases: [...]'
run 'validate of a file of cases' 2 dfproc validate hello-test.yaml
line err 'dfproc: hello-test.yaml is a file of cases: dfproc test runs it'

# ---- logs and warnings --------------------------------------------------------------------------
run 'preview is quiet' 0 dfproc preview hello.yaml <events.jsonl
if [ -s err ]; then bad '  no log line'; else ok '  no log line'; fi
run 'preview, asked for its log' 0 env LOG_LEVEL=info dfproc preview hello.yaml <events.jsonl
times err 1 'hello/source: ready'
run 'test is quiet' 0 dfproc test hello-test.yaml
if [ -s err ]; then bad '  no log line'; else ok '  no log line'; fi
run 'test, asked for its log' 0 env LOG_LEVEL=info dfproc test hello-test.yaml
times err 3 'hello/source: ready'
printf '{"a":1}\n' >in.jsonl
printf 'source: {type: stdio, config: {path: in.jsonl}}\nsink: {type: stdio}\ntransformations: [{type: filter, config: {condition: "$.a == 1 || $.a == 2 && $.a == 3"}}]\n' >warned.yaml
run 'a flow with a warning' 0 dfproc run -u --log-format text warned.yaml
times err 1 ': warning: spec.transformations[0].config.condition:'
run 'the plan of a flow that has a store' 0 dfproc explain warned.yaml
line out 'positions   store'
line out '            because positions are kept in the position store and move only over'
run 'the plan of one that needs none' 0 dfproc explain hello.yaml
line out 'positions   memory'

# ---- members of a map have their own place
cat >members.yaml <<'YAML'
source: {type: generate}
transformations:
  - {type: insertField, config: {fields: {a: ok, b: 'json:{', "*": x, e: "${nww}"}}}
  - {type: cast, config: {spec: {a.b: int64, c.d: integer}}}
sink: {type: "null"}
YAML
run 'members of maps' 2 dfproc validate members.yaml
line err 'members.yaml:3:53: error: spec.transformations[0].config.fields.b: the text is not JSON: not JSON: unexpected end of data at byte 1 of 1'
line err 'members.yaml:3:68: error: spec.transformations[0].config.fields.*: "*" can lead to several places; here it must name one: write an index or a name instead of *'
line err 'members.yaml:3:74: warning: spec.transformations[0].config.fields.e: ${nww} is neither ${now} nor ${metadata.<key>} and is taken as plain text'
line err 'members.yaml:4:51: error: spec.transformations[1].config.spec.c.d: "integer" is no type; write string, int64, float64, bool or null'
exit $failed
