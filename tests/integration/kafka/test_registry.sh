#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# ctest: timeout=400
# A real schema registry, over TLS and with a user: schemas registered by a flow, read back, evolved and
# refused; bytes crossed with fastavro. Skipped where Apicurio or fastavro cannot be had.
bed=${DF_BED:-$(dirname "$0")/../../bed}
"$bed/registry" fetch >&2 || exit 77
folder=$(mktemp -d)
trap '[ "$BASHPID" = $$ ] && { "$bed/registry" stop --dir "$folder/registry"; rm -rf "$folder"; }' EXIT
"$bed/registry" start --dir "$folder/registry" --parent $$ --secure >"$folder/env" || exit 1
. "$folder/env"
. "$(dirname "$0")/../kafka_lib.sh"
trap '[ "$BASHPID" = $$ ] && { leave; "$bed/registry" stop --dir "$folder/registry"; rm -rf "$folder"; }' EXIT

export PYTHONPATH=${DF_BUILD_DIR:-$folder}/fastavro
python3 -c 'import fastavro' 2>/dev/null ||
    python3 -m pip install -q --retries 1 --timeout 15 --disable-pip-version-check --target "$PYTHONPATH" fastavro==1.13.1 >&2 ||
    { echo 'skip: fastavro cannot be had' && exit 77; }

cat >"$dir/reading.avsc" <<'END'
{"type": "record", "name": "Reading", "namespace": "plant", "doc": "kept", "fields": [
  {"name": "id", "type": "long"}, {"name": "unit", "type": {"type": "enum", "name": "Unit", "symbols": ["C", "F"]}},
  {"name": "value", "type": ["null", "double", "string"]},
  {"name": "cost", "type": {"type": "bytes", "logicalType": "decimal", "precision": 12, "scale": 2}},
  {"name": "at", "type": {"type": "long", "logicalType": "timestamp-millis"}},
  {"name": "tags", "type": {"type": "map", "values": "int"}}]}
END
cat >"$dir/judge.py" <<'END'
"""write: messages of fastavro, one file each; read FILE…: what messages say, as JSON."""
import datetime as dt, decimal, io, json, os, struct, sys, urllib.request, base64, ssl
import fastavro
folder, registry, ca = sys.argv[1], os.environ["REGISTRY"], os.environ["REGISTRY_CA"]
headers = {"authorization": "Basic " + base64.b64encode(b"alice:alice-pw").decode(), "content-type": "application/json"}
def ask(path, body=None):
    data = None if body is None else json.dumps(body).encode()
    request = urllib.request.Request(registry + path, data, headers)
    return json.load(urllib.request.urlopen(request, context=ssl.create_default_context(cafile=ca)))
UNIT = {"type": "record", "name": "plant.Room", "fields": [{"name": "name", "type": "string"}]}
ROOT = {"type": "record", "name": "plant.House", "fields": [{"name": "rooms", "type": {"type": "array", "items": "plant.Room"}}]}
def message(number, schema, value):
    out = io.BytesIO()
    fastavro.schemaless_writer(out, schema, value)
    return b"\0" + struct.pack(">I", number) + out.getvalue()
if sys.argv[2] == "write":
    reading = json.load(open(folder + "/reading.avsc"))
    first = ask("/subjects/fast-value/versions", {"schema": json.dumps(reading)})["id"]
    at = dt.datetime(2026, 1, 31, 12, 0, 0, 250000, dt.timezone.utc)
    for n, value in enumerate((2.5, "hot", None)):
        row = {"id": -(1 << n * 20), "unit": "F", "value": value, "cost": decimal.Decimal("-1.25"), "at": at, "tags": {"a": n}}
        open(f"{folder}/w{n}", "wb").write(message(first, reading, row))
    ask("/subjects/room/versions", {"schema": json.dumps(UNIT)})
    house = ask("/subjects/house/versions", {"schema": json.dumps(ROOT), "references": [
        {"name": "plant.Room", "subject": "room", "version": 1}]})["id"]
    whole = json.loads(json.dumps(ROOT).replace('"plant.Room"', json.dumps(UNIT)))
    open(f"{folder}/w3", "wb").write(message(house, whole, {"rooms": [{"name": "hall"}]}))
    wider = json.loads(json.dumps(reading))
    wider["fields"].append({"name": "site", "type": "string", "default": "A"})
    print(ask(f"/subjects/{sys.argv[3]}/versions", {"schema": json.dumps(wider)})["id"])
else:
    for name in sys.argv[3:]:
        data = open(name, "rb").read()
        schema = json.loads(ask(f"/schemas/ids/{struct.unpack('>I', data[1:5])[0]}")["schema"])
        rest = io.BytesIO(data[5:])
        print(json.dumps(fastavro.schemaless_reader(rest, schema), default=str), len(rest.read()))
END
export REGISTRY=$DF_REGISTRY_TLS REGISTRY_CA=$DF_REGISTRY_CA PW=alice-pw
registry() { # CA PASSWORD
    echo "format: avro, schemaRegistry: {url: '$REGISTRY', basicAuth: {username: alice, password: '$2'}, tls: {caFile: '$1'}}"
}
good=$(registry "$REGISTRY_CA" '${env:PW}')
given="avroSchemaFile: $dir/reading.avsc"
reads() { { source_of "$2" "$1" "$3"; file_sink "$1.lines"; } >"$dir/$1.yaml"; }
writes() { { source_of "$2" "$1"; sink_to "$3" "$4"; echo "errors: {type: stdio, config: {path: $dir/$1.errors, format: json}}"; } >"$dir/$1.yaml"; }

# A flow registers, writes, and reads its own; fastavro reads the same.
topic lines && topic out
cat <<'END' | kcat -b "$DF_KAFKA" -P -t "$(name_of lines)"
{"id":1,"unit":"C","value":1.5,"cost":12.50,"at":"2026-01-31T12:00:00.250Z","tags":{"x":1}}
{"id":2,"unit":"F","value":"warm","cost":-0.01,"at":"1969-12-31T23:59:59.999Z","tags":{}}
{"id":3,"unit":"F","value":null,"cost":0.00,"at":"2026-01-31T12:00:00Z","tags":{}}
{"id":4,"unit":"K","value":null,"cost":0,"at":"2026-01-31T12:00:00Z","tags":{}}
END
writes first lines out "$good, $given"
flow first 1
has 'nothing is registered by itself' 'set autoRegister: true' "$dir/first.out"
writes first lines out "$good, $given, autoRegister: true"
flow first 0
has 'a symbol that is none is refused' 'unit' "$dir/first.errors"
for n in 0 1 2; do kcat -b "$DF_KAFKA" -C -t "$(name_of out)" -o $n -c 1 -e -D '' >"$dir/r$n" 2>/dev/null; done
same 'fastavro reads what we write' \
    '{"id": 1, "unit": "C", "value": 1.5, "cost": "12.50", "at": "2026-01-31 12:00:00.250000+00:00", "tags": {"x": 1}} 0
{"id": 2, "unit": "F", "value": "warm", "cost": "-0.01", "at": "1969-12-31 23:59:59.999000+00:00", "tags": {}} 0
{"id": 3, "unit": "F", "value": null, "cost": "0.00", "at": "2026-01-31 12:00:00+00:00", "tags": {}} 0' \
    "$(python3 "$dir/judge.py" "$dir" read "$dir"/r[012] 2>&1)"

# The other way round, with references; the same subject gets a wider version meanwhile.
python3 "$dir/judge.py" "$dir" write "$(name_of out)-value" >"$dir/wider" || bad 'fastavro writes nothing'
topic fast
kcat -b "$DF_KAFKA" -P -t "$(name_of fast)" "$dir"/w[0123]
reads fast fast "$good"
flow fast 0
same 'we read what fastavro writes' \
    '{"id":-1,"unit":"F","value":2.5,"cost":-1.25,"at":"2026-01-31T12:00:00.25Z","tags":{"a":0}}
{"id":-1048576,"unit":"F","value":"hot","cost":-1.25,"at":"2026-01-31T12:00:00.25Z","tags":{"a":1}}
{"id":-1099511627776,"unit":"F","value":null,"cost":-1.25,"at":"2026-01-31T12:00:00.25Z","tags":{"a":2}}
{"rooms":[{"name":"hall"}]}' "$(cat "$dir/fast.lines")"
writes newest lines out "$good"
flow newest 0
kcat -b "$DF_KAFKA" -C -t "$(name_of out)" -o 3 -c 1 -e -D '' >"$dir/r3" 2>/dev/null
has 'the newest version is written, with its default' '"site": "A"} 0' <(python3 "$dir/judge.py" "$dir" read "$dir/r3" 2>&1)
writes old lines out "$good, schemaVersion: 1"
flow old 0
writes own lines out "$good, $given"
flow own 0
same 'a version of old, by its number and by its text' "$(kcat -b "$DF_KAFKA" -C -t "$(name_of out)" -o 0 -c 3 -e -q | md5sum)" \
    "$(kcat -b "$DF_KAFKA" -C -t "$(name_of out)" -o 6 -c 3 -e -q | md5sum)"

# What it refuses.
sed 's/"long"}, {"name": "unit"/"string"}, {"name": "unit"/' "$dir/reading.avsc" >"$dir/other.avsc"
curl -s --cacert "$REGISTRY_CA" -u alice:alice-pw -X PUT -H 'content-type: application/json' \
    -d '{"compatibility":"FULL"}' "$REGISTRY/config/$(name_of out)-value" >/dev/null
writes other lines out "$good, avroSchemaFile: $dir/other.avsc, autoRegister: true"
flow other 1
has 'an incompatible schema' 'refuses .*: 409, .*ncompatible' "$dir/other.out"
reads wrong fast "$(registry "$REGISTRY_CA" wrong-pw)"
flow wrong 1
has 'a wrong password' 'check schemaRegistry.basicAuth' "$dir/wrong.out"
reads untrusted fast "$(registry /etc/ssl/certs/ca-certificates.crt '${env:PW}')"
flow untrusted 1
has 'a certificate that nobody trusts' 'certificate' "$dir/untrusted.out"
grep -q 'alice-pw\|wrong-pw' "$dir"/*.out && bad 'a password is in an output'
finish
