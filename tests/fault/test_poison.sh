#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# ctest: timeout=300
# Records that no table can take: all of them are in the error sink with their bytes and a reason,
# all others are in the table, in order. Then the error sink is down: nothing is dropped.
. "$(dirname "$0")/fault_lib.sh"
n=$(scaled 60000)
topic poison 2
table poison
sql "alter table $schema.poison add constraint positive check (seq >= 0)"
produce poison --count "$n" --producers 2 --partitions 2 --keys 100 --bad 1 --bad-kind mix

# One file for each special one; the base64 of all bytes is what must come back.
mkdir "$dir/bytes"
python3 - "$dir/bytes" <<'END'
import sys
good = '{"id":1,"producer":0,"seq":%s,"key":"k","amount":%s,"at":"2026-01-01T00:00:00Z","note":%s,"crc":"0"}'
records = {
    "nul": (good % (1, 1, '"a\\u0000b"')).encode(),
    "raw-nul": b'{"note":"a\0b"}',
    "bad-utf8": (good % (1, 1, '"%s"')).encode() % b"\xff\xfe\xc3",
    "lone-surrogate": (good % (1, 1, '"\\ud800"')).encode(),
    "huge-number": (good % ("1" + "0" * 30, 1, '"x"')).encode(),
    "too-precise": (good % (1, "1e400", '"x"')).encode(),
    "float-for-int": (good % ("1.5", 1, '"x"')).encode(),
    "deep": b'{"seq":' + b"[" * 100000 + b"]" * 100000 + b"}",
    "deep-open": b"[" * 200000,
    "long": (good % ('"' + "9" * 900000 + '"', 1, '"x"')).encode(),
    "no-json": b"hello",
    "array": b"[1,2,3]",
    "number": b"42",
    "half": b'{"id":1,"producer":',
    "unknown": b'{"id":1,"nobody_knows":true}',
    "check": (good % ("-5", 1, '"x"')).encode(),
    "wrong-type": (good % ("{}", 1, '"x"')).encode(),
    "wrong-date": b'{"id":1,"at":"yesterday"}',
    "empty-key": b'{"":1}',
    "control": b'{"note":"\x01\x02"}',
}
for name, data in records.items():
    open(f"{sys.argv[1]}/{name}", "wb").write(data)
END
for f in "$dir"/bytes/*; do kcat -b "$DF_KAFKA" -t "$(name_of poison)" -p 1 -P "$f" 2>/dev/null || bad "kcat $f"; done
special=$(ls "$dir/bytes" | wc -l)
produce poison --count "$n" --from $((n / 2)) --producers 2 --partitions 2 --keys 100 --bad 1 --bad-kind mix
{ from_topic poison; to_table poison; echo "errors: {type: stdio, config: {path: $dir/errors}}"; } >"$dir/poison.yaml"
flow poison 0
audit_table 'every good record once, in order' poison --count $((2 * n)) --producers 2 --bad 1 --no-gaps --max-duplicates 0 --ordered
good=$(counted unique)
same 'received = sent + errored' $((2 * n + special)) "$(($(summary sent poison) + $(summary errored poison)))"
same 'all others are errors' "$((2 * n + special - good))" "$(wc -l <"$dir/errors")"
python3 - "$dir" <<'END' && ok 'bytes, reason and order of each' || bad 'bytes, reason and order of each'
import base64, json, os, sys
folder, wrong, last = sys.argv[1], 0, {}
want = {open(f"{folder}/bytes/{n}", "rb").read(): n for n in os.listdir(f"{folder}/bytes")}
for line in open(f"{folder}/errors", "rb"):
    try:
        e = json.loads(line)
    except RecursionError:  # deeper than Python goes
        size = int(line.split(b'"size":', 1)[1].split(b",", 1)[0])
        at = line.index(b'"original_message":') + 19
        want.pop(line[at:at + size], None)
        continue
    error = e["error"]
    place = error["partition"]
    if error["offset"] <= last.get(place, -1):
        print("        out of order:", line[:200]); wrong += 1
    last[place] = error["offset"]
    if not (error.get("message") and error.get("reason") and error.get("stage") and "offset" in error):
        print("        no reason:", line[:200]); wrong += 1
    if "original_base64" in e:
        data = base64.b64decode(e["original_base64"])
    else:  # the text between is the payload to the byte
        at = line.index(b'"original_message":') + len(b'"original_message":')
        size = error["size"]
        data = line[at:at + size]
        text = e["original_message"].get("original_data")
        if isinstance(text, str) and len(text.encode()) == size:
            data = text.encode()
    if len(data) != error["size"]:
        print("        size:", line[:200]); wrong += 1
    want.pop(data, None)
for name in want.values():
    print("        bytes not found:", name); wrong += 1
sys.exit(wrong != 0)
END

# ---- the error sink is down, then up ---------------------------------------------------------------
topic down 1
table down
produce down --count 20000 --bad 0.1 --bad-kind malformed
export DF_DOWN=$(sed 's/:[0-9]*\/postgres/:1\/postgres/' <<<"$PG")
down_yaml() { # CONNECTION of the error sink
    from_topic down 'properties: {session.timeout.ms: 6000}'; to_table down
    echo "errors: {type: postgresql, config: {connectionString: \"\${env:$1}\", table: $schema.dlq, autoCreateTable: true}}"
}
down_yaml DF_DOWN >"$dir/down.yaml"
start down
good_there() { rows_at_least down $((20000 - bad_count)); }
bad_count=$(dfaudit produce --stdout --count 20000 --bad 0.1 --bad-kind malformed 2>/dev/null | grep -vc '}$')
until_true 30 good_there && ok 'good records go on' || bad "good records wait: $(rows down)"
sleep 2
begin=$(cpu_ms "$pid"); sleep 3
at_most 'CPU while it is down' $(sanitized && echo 10 || echo 2) $(($(($(cpu_ms "$pid") - begin)) / 30)) %
committed=$(dfaudit group show --group "$run.down" --topic "$(name_of down)" 2>/dev/null)
first_bad=$(dfaudit produce --stdout --count 20000 --bad 0.1 --bad-kind malformed 2>/dev/null | grep -vn '}$' | head -n 1 | cut -d: -f1)
at_most 'no position beyond the first refused record' $((first_bad - 1)) "$(grep -o ':-\?[0-9]*' <<<"$committed" | tr -d :)"
kill -KILL "$pid"; wait "$pid" 2>/dev/null
down_yaml FAULT_PG >"$dir/down.yaml"
flow down 0
same 'all refused records are in the error sink' "$bad_count" "$(sql "select count(distinct error->>'offset') from $schema.dlq")"
audit_table 'no good record is lost' down --count 20000 --bad 0.1 --no-gaps
finish
