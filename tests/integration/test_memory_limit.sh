#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Resident memory stays at memoryLimit and a tenth of it and 14 MiB for every shape of record through
# every stage, and every record ends in the sink, the error sink or is counted as filtered.
# DF_MEMORY_MATRIX=1: each shape through each stage at each limit, which takes five minutes.
# ctest: no-servers timeout=240
case ${DF_SANITIZE:-} in
address | thread) echo 'skip: a sanitizer has memory of its own' && exit 77 ;;
esac
dir=$(mktemp -d)
trap '[ "$BASHPID" = $$ ] && { rm -rf "$dir"; }' EXIT
exec python3 - "$dir" <<'PYTHON'
import json, os, shutil, subprocess, sys

folder = sys.argv[1]
MIB = 1 << 20


def numbers(size):
    return '{"id":1,"a":[' + ",".join(["1"] * (size // 2)) + "]}"


# Shape: lines, and how many.
SHAPES = {
    "numbers": (numbers(7800000), 3),
    "less": (numbers(400000), 10),
    "deep": ('{"id":1,"a":' + "[" * 500000 + "]" * 500000 + "}", 3),
    "objects": ('{"id":1,"a":' + '{"b":1,"a":' * 20000 + "1" + "}" * 20000 + "}", 6),
    "members": ('{"id":1,' + ",".join('"k%d":1' % i for i in range(90000)) + "}", 6),
    "string": ('{"id":1,"a":"' + "x" * 3000000 + '"}', 4),
    "escapes": ('{"id":1,"a":"' + "\\u0001" * 300000 + '"}', 4),
    "tiny": ('{"id":1,"a":[1,2]}', 60000),
    "arrays": ("[1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1]", 100000),
    "huge": ("x" * (50 * MIB), 1),
    "binary": ("x\x01" * 500000, 4),
    "oops": ("oops, not JSON", 40000),
}
STEPS = {
    "none": "",
    "mask": '{type: mask, config: {fields: ["$.id"]}}',
    "remove": '{type: remove, config: {fields: ["$.id"]}}',
    "filter": '{type: filter, config: {condition: "$.id == 1"}}',
    "router": '{type: router, config: {routes: [{condition: "$.id == 1", sink: {type: "null"}}]}}',
    "flatten": '{type: flatten, config: {field: "$.a"}}',
    "struct": "{type: structFlatten}",
    "snake": "{type: snakeCase, config: {deep: true}}",
    "cast": "{type: cast, config: {spec: {id: string}}}",
    "workers": '{type: mask, config: {fields: ["$.id"]}}',
    "when": '{type: mask, when: "$.id == 1", config: {fields: ["$.id"]}}',
    "camel": "{type: camelCase, config: {deep: true}}",
    "unwrap": "{type: debeziumUnwrap}",
    "extract": '{type: extractField, config: {field: "$.a"}}',
    "headers": '{type: headersToPayload, config: {mappings: ["h:h"]}}',
    "hoist": "{type: hoistField, config: {field: r}}",
    "insert": '{type: insertField, config: {fields: {site: riga, at: "${now}"}}}',
    "replace": '{type: replaceField, config: {renames: ["id:number"]}}',
    "select": '{type: select, config: {fields: ["$.id", "$.a"]}}',
    "key": '{type: setKey, config: {field: "$.a"}}',
    "timestamp": "{type: timestamp}",
    "timezone": '{type: timezone, config: {timezone: Europe/Moscow, fields: ["$.id"]}}',
}
LIMITS = {1: ("none", "mask", "remove", "flatten", "workers"),
          16: STEPS,
          64: ("mask", "remove", "flatten", "workers")}
if os.environ.get("DF_MEMORY_MATRIX"):
    LIMITS = {1: STEPS, 16: STEPS, 64: STEPS}
BASIC = ("none", "mask", "remove", "filter", "router", "flatten", "workers", "when")
SMALL = ("tiny", "arrays", "oops", "huge")  # of their size, which step it is changes little


def manifest(shape, step, limit):
    text = "source: {type: stdio, config: {path: %s}}\n" % path(shape)
    if STEPS[step]:
        text += "transformations:\n  - %s\n" % STEPS[step]
    text += "sink: {type: stdio, config: {path: %s/out}}\n" % folder
    text += "errors: {type: stdio, config: {path: %s/errors}}\n" % folder
    text += "memoryLimit: %dMi\n" % limit
    return text + ("transformWorkers: 8\n" if step == "workers" else "")


def path(shape):
    return "%s/%s.jsonl" % (folder, shape)


def run(shape, step, limit):
    with open(folder + "/flow.yaml", "w") as out:
        out.write(manifest(shape, step, limit))
    for name in ("out", "errors"):
        if os.path.exists(folder + "/" + name):
            os.unlink(folder + "/" + name)
    done = subprocess.run(
        ["timeout", "--foreground", "-k", "5", "60", "dfproc", "run", "-u", "--no-progress", "--log-format", "json",
         "--state-dir", folder + "/state", folder + "/flow.yaml"],
        stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
    shutil.rmtree(folder + "/state", ignore_errors=True)
    lines = [line for line in done.stderr.splitlines() if '"peak_rss_bytes"' in line]
    if done.returncode or not lines:
        return "exit code %d: %s" % (done.returncode, done.stderr[-400:])
    end = json.loads(lines[-1])
    most = limit * 1.1 + 14
    if end["peak_rss_bytes"] > most * MIB:
        return "peak %.1f MiB, over %.1f" % (end["peak_rss_bytes"] / MIB, most)
    if end["received"] != SHAPES[shape][1] or end["abandoned"] or end["in_flight"]:
        return "not all records ended: %s" % lines[-1][-500:]
    if end["received"] + end["expanded"] != end["sent"] + end["filtered"] + end["errored"]:
        return "the counts do not add up: %s" % lines[-1][-500:]
    if shape == "numbers" and step not in ("none", "flatten") and end["errored"] != end["received"]:
        return "what does not fit went on as it came: %s" % lines[-1][-500:]
    return None


# ru_maxrss goes on from what the same process was before exec; the summary must not.
BEFORE = """
import os, sys
x = b"x" * (300 << 20)
os.execvp("dfproc", sys.argv[1:])
"""


def peak_after_large_parent():
    done = subprocess.run(
        [sys.executable, "-c", BEFORE, "dfproc", "run", "--no-progress", "--log-format", "json", "-"],
        input="source: {type: generate, config: {count: 10}}\nsink: {type: 'null'}\n",
        stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
    lines = [line for line in done.stderr.splitlines() if '"peak_rss_bytes"' in line]
    return json.loads(lines[-1])["peak_rss_bytes"] / MIB if lines else 1e9


bad = good = 0
listed = subprocess.run(["dfproc", "transforms"], stdout=subprocess.PIPE, text=True).stdout
for name in [line.split()[0] for line in listed.splitlines()]:
    if not any("type: %s," % name in step or "type: %s}" % name in step for step in STEPS.values()):
        print("not ok: no flow goes through %s" % name)
        bad += 1
if peak_after_large_parent() > 50:
    print("not ok: the peak is that of the program before exec")
    bad += 1
for shape, (line, count) in SHAPES.items():
    with open(path(shape), "w") as out:
        for _ in range(count):
            out.write(line + "\n")
    for limit, steps in LIMITS.items():
        for step in steps:
            if shape in SMALL and step not in BASIC and not os.environ.get("DF_MEMORY_MATRIX"):
                continue
            problem = run(shape, step, limit)
            if problem:
                print("not ok: %s through %s at %d MiB: %s" % (shape, step, limit, problem))
            bad += problem is not None
            good += problem is None
    os.unlink(path(shape))
print("%d flows in their limits, %d not" % (good, bad))
sys.exit(bad > 0)
PYTHON
