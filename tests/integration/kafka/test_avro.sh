#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# ctest: timeout=240
# The option `format` of source and sink: Avro with a schema of the options and with a schema registry,
# whose answers are late, missing, wrong or none; bytes are made and judged by hand.
. "$(dirname "$0")/../kafka_lib.sh"
support=${DF_SOURCE_DIR:-$(cd "$(dirname "$0")/../../.." && pwd)}/tests/support

# ---- the registry, and messages ----------------------------------------------------------------

mkdir "$dir/m"
for one in registry other hung; do
    mkdir "$dir/$one"
    echo ok >"$dir/$one/does"
    touch "$dir/$one"/{asked,registered,users,times}
    python3 "$support/schema_registry.py" "$dir/$one" &
    flows+=($!)
done
echo hang >"$dir/hung/does"
# messages.py: a codec of a few lines. order() is the body of a record Order.
cat >"$dir/messages.py" <<'END'
import json, os, struct, sys
def long(n):
    n = (n << 1) ^ (n >> 63)
    out = b""
    while n > 127:
        out, n = out + bytes([n & 127 | 128]), n >> 7
    return out + bytes([n])
def text(s): return long(len(s.encode())) + s.encode()
def order(n, name, tags=(), note=None):
    blocks = b"".join(text(t) for t in tags)
    return long(n) + text(name) + (long(len(tags)) + blocks if tags else b"") + b"\0" + \
        (b"\0" if note is None else b"\2" + text(note)) + struct.pack("<d", n / 4)
def frame(number): return b"\0" + struct.pack(">I", number)
def put(name, data):
    with open(os.path.join(sys.argv[1], "m", name), "wb") as f: f.write(data)
ORDER = {"type": "record", "name": "Order", "namespace": "shop", "doc": "as Java wrote it", "fields": [
    {"name": "id", "type": "long"}, {"name": "name", "type": "string"},
    {"name": "tags", "type": {"type": "array", "items": "string"}},
    {"name": "note", "type": ["null", "string"], "default": None}, {"name": "price", "type": "double"}]}
ITEM = {"type": "record", "name": "shop.Item", "fields": [{"name": "order", "type": "shop.Order"},
                                                          {"name": "kind", "type": "shop.Kind"}]}
KIND = {"type": "enum", "name": "shop.Kind", "symbols": ["NEW", "OLD"]}
READER = {"type": "record", "name": "Order", "namespace": "shop", "fields": [
    {"name": "label", "aliases": ["name"], "type": "string"}, {"name": "id", "type": ["null", "double"]},
    {"name": "country", "type": "string", "default": "LV"}]}
BOX = {"type": "record", "name": "Box", "fields": [{"name": "list", "type": [
    {"type": "record", "name": "L", "fields": [{"name": "array", "type": {"type": "array", "items": "int"}}]}]}]}
text_of = lambda schema: json.dumps(schema, separators=(",", ":"))
state = {"ids": {
    "1": {"schema": text_of(ORDER)},
    "2": {"schema": text_of(ITEM), "references": [
        {"name": "shop.Order", "subject": "order/s", "version": 1}, {"name": "shop.Kind", "subject": "kinds", "version": 1}]},
    "3": {"schema": "{}", "schemaType": "JSON"}, "4": {"schema": "message M {}", "schemaType": "PROTOBUF"},
    "5": {"schema": text_of(ORDER), "late": 2}, "6": {"schema": text_of(KIND)},
    "8": {"schema": text_of(ORDER)},
    "10": {"schema": '"int"', "references": [{"name": "a", "subject": "gone", "version": 3}]},
    "11": {"schema": text_of(ITEM), "references": [{"name": "a", "subject": "round", "version": 1}]},
    "12": {"schema": '{"type":"nonsense"}'}, "13": {"schema": text_of(BOX)}},
    "guids": {"10112233-4455-6677-8899-aabbccddeeff": {"schema": text_of(ORDER)}},
    "subjects": {"order/s": [1], "kinds": [6], "round": [11]}}
for topic in sys.argv[2:]:
    state["subjects"][topic + "-value"] = [1]
with open(os.path.join(sys.argv[1], "registry/state.json"), "w") as f: json.dump(state, f)
with open(os.path.join(sys.argv[1], "order.avsc"), "w") as f: f.write(text_of(ORDER))
with open(os.path.join(sys.argv[1], "reader.avsc"), "w") as f: f.write(text_of(READER))
first, second, third = order(1, "one", ["a", "b"]), order(2, "żwir", note="n"), order(1 << 62, "")
for i, body in enumerate((first, second, third)):
    put(f"raw{i}", body)
    put(f"good{i}", frame(1) + body)
put("item", frame(2) + second + b"\2")
put("box", frame(13) + b"\0\4\2\4\0")
for number in (3, 4, 9, 10, 11, 12):
    put(f"bad{number}", frame(number) + first)
put("bad8", b"\0\0\0\0" + frame(1) + first)
put("glue", b"\3\0" + b"u" * 16 + first)
put("cut", frame(1) + first[:-3])
put("long", frame(1) + first + b"x")
put("json", b'{"id":1}')
put("late", frame(5) + first)
for i in range(200):
    put(f"many{i:03}", frame(8 if i == 100 else 1) + order(i, "n"))
END
python3 "$dir/messages.py" "$dir" "$(name_of into)" "$(name_of exact)" || bad 'the messages cannot be made'
for one in registry other hung; do until_true 20 test -e "$dir/$one/port" || bad 'the registry does not start'; done
cp "$dir/registry/state.json" "$dir/other/"
url=http://127.0.0.1:$(cat "$dir/registry/port")
other=http://127.0.0.1:$(cat "$dir/other/port")
put() { kcat -b "$DF_KAFKA" -P -t "$(name_of "$1")" "${@:3}" $(printf "$dir/m/%s " $2); } # TOPIC MESSAGES [options]
tombstone() { printf 'gone\t\n' | kcat -b "$DF_KAFKA" -P -t "$(name_of "$1")" -K '\t' -Z; }
asked() { grep -c "$1" "$dir/registry/asked"; }
does() { echo "$1" >"$dir/registry/does"; }
avro="format: avro, schemaRegistry: {url: '$url'}"
registry() { echo "format: avro, schemaRegistry: {url: '$1'${2:+, $2}}"; }
errors_to() { echo "errors: {type: stdio, config: {path: $dir/$1.errors, format: json}}"; }
from() { # NAME TOPIC "options of the source"
    { source_of "$2" "$1" "$3"; file_sink "$1.lines"; errors_to "$1"; } >"$dir/$1.yaml"
}
three='{"id":1,"name":"one","tags":["a","b"],"note":null,"price":0.25}
{"id":2,"name":"żwir","tags":[],"note":"n","price":0.5}
{"id":4611686018427387904,"name":"","tags":[],"note":null,"price":1152921504606847000.0}'

# ---- source ------------------------------------------------------------------------------------

# One that hangs is given up after 30 s, then the next is asked: looked at below.
topic hung
put hung 'good0 good1'
from hung hung "$(registry "http://127.0.0.1:$(cat "$dir/hung/port"),$url")"
start hung
hung=$pid

topic raw
put raw 'raw0 raw1 raw2 good0 cut'
tombstone raw
from static raw "format: avro, avroSchemaFile: $dir/order.avsc"
flow static 0
same 'a schema of the options reads bodies' "$three" "$(cat "$dir/static.lines")"
same 'others are refused, a tombstone by the file' 3 "$(wc -l <"$dir/static.errors")"
has 'a framed one by what it looks like' 'set schemaRegistry' "$dir/static.errors"

topic framed
put framed 'good0 good1 good2 item box'
put framed raw0 -H "__value_schema_id=$(printf x)"
from registry framed "$avro"
flow registry 0
same 'a registry has the schemas, with references' "$three
{\"order\":{\"id\":2,\"name\":\"żwir\",\"tags\":[],\"note\":\"n\",\"price\":0.5},\"kind\":\"OLD\"}
{\"list\":[1,2]}" "$(cat "$dir/registry.lines")"
same 'each is asked for once' '1 1 1' "$(asked /schemas/ids/1$) $(asked /schemas/ids/2$) $(asked /subjects/order%2Fs/versions/1)"
has 'a header that is none' '__value_schema_id is not' "$dir/registry.errors"

# The newer framing: the schema's GUID in a header, the body bare; beside messages with a prefix.
topic guids
guid=$'\x10\x11\x22\x33\x44\x55\x66\x77\x88\x99\xaa\xbb\xcc\xdd\xee\xff'
put guids raw0 -H "__value_schema_id="$'\x01'"$guid"
put guids good1
put guids raw2 -H "__value_schema_id="$'\x01'"$guid"
put guids raw0 -H "__value_schema_id="$'\x01'"${guid/$'\xee'/$'\xef'}"
from guids guids "$avro"
flow guids 0
same 'a GUID in a header, mixed with prefixes' "$three" "$(cat "$dir/guids.lines")"
same 'it is asked for once' 1 "$(asked /schemas/guids/10112233-4455-6677-8899-aabbccddeeff$)"
has 'one that is unknown is refused under its name' '10112233-4455-6677-8899-aabbccddefff' "$dir/guids.errors"

topic unions
put unions 'good1'
from wrapped unions "$avro, avroUnions: wrapped"
flow wrapped 0
has 'unions can be wrapped' '"note":{"string":"n"}' "$dir/wrapped.lines"
from reader unions "$avro, avroSchemaFile: $dir/reader.avsc"
flow reader 0
same 'a reader has its own schema' '{"id":2.0,"label":"żwir","country":"LV"}' "$(sed 's/"id":2,/"id":2.0,/' "$dir/reader.lines")"

topic bad
put bad 'bad3 bad4 bad10 bad11 bad12 cut long json good0 late bad9 good1 bad8 glue'
from refused bad "$avro"
flow refused 0
same 'what cannot be read is refused, the rest arrives in order' "$(sed -n 1p <<<"$three")
$(sed -n 1p <<<"$three")
$(sed -n 2p <<<"$three")" "$(cat "$dir/refused.lines")"
n=0
while read -r words; do
    n=$((n + 1))
    sed -n "${n}p" "$dir/refused.errors" >"$dir/one"
    has "refused: $words" "$words" "$dir/one"
done <<'END'
schemaType is JSON
schemaType is PROTOBUF
subject gone
in a circle
/schemas/ids/12 .*nonsense
price
1 bytes follow
looks like JSON
does not have /schemas/ids/9
number of 8 bytes
AWS Glue
END
has 'with its place' '"partition":0.*"offset":13\|"offset":13.*"partition":0' "$dir/one"
[ "$(asked /schemas/ids/5$)" = 3 ] && [ "$(asked /schemas/ids/9$)" -ge 5 ]
same 'a schema that is late is waited for' 0 $?

# Down, then up: what waits is not refused, and nothing overtakes it.
many() { seq -f "many%03g" "$1" "$2" | tr '\n' ' '; }
lines_are() { [ "$(cat "$dir/$1.lines" 2>/dev/null | wc -l)" -ge "$2" ]; }
asked_more() { [ "$(wc -l <"$dir/registry/asked")" -ge "$1" ]; }
topic many
put many "$(many 0 99)"
from holds many "$avro"
start holds
until_true 30 lines_are holds 100 || bad 'the first hundred does not arrive'
for what in down cut lost; do
    does $what
    [ $what = down ] && put many "$(many 100 199)"
    until_true 30 asked_more $(($(wc -l <"$dir/registry/asked") + 1)) || bad "$what: it is not asked again"
done
same 'nothing overtakes what waits' 100 "$(wc -l <"$dir/holds.lines")"
does ok
until_true 40 lines_are holds 200
same 'a registry that comes back: all of it, in order' "$(seq 0 199)" "$(sed 's/{"id":\([0-9]*\).*/\1/' "$dir/holds.lines")"
same 'and nothing was refused' 0 "$(cat "$dir/holds.errors" 2>/dev/null | wc -l)"
has 'it says so' 'the schema registry http.*status 503; records wait' "$dir/holds.out"
does forbidden
put many 'item'
until_true 30 grep -q 'give it the right to read' "$dir/holds.out"
same 'a right that is missing is named' 0 $?
does ok
until_true 60 lines_are holds 201
same 'and it goes on when it is there' 0 $?
end "$pid" 20
same 'the end of a flow that reads Avro' 0 "$code"

# HTML instead of JSON, then "too many requests, come back in 2 s".
others() { [ "$(grep -c /schemas/ids/1$ "$dir/other/asked")" -ge "$1" ]; }
echo page >"$dir/other/does"
topic busy
put busy 'good0'
from busy busy "$(registry "$other")"
start busy
until_true 30 others 1 || bad 'HTML: it is not asked'
echo busy >"$dir/other/does"
until_true 30 others 4 || bad 'busy: it is not asked again'
same 'it comes back when it is told to' 1 "$(tail -n 2 "$dir/other/times" | tr '\n' ' ' | awk '{print ($2 - $1 >= 2)}')"
echo ok >"$dir/other/does"
until_true 30 lines_are busy 1
same 'the record has waited' "$(sed -n 1p <<<"$three")" "$(cat "$dir/busy.lines")"
same 'and none was refused' 0 "$(cat "$dir/busy.errors" 2>/dev/null | wc -l)"
end "$pid" 20
: >"$dir/other/asked"

# A reply that no schema can be, and redirects.
does huge
topic huge
put huge 'good0'
from huge huge "$avro"
flow huge 0
has 'a reply that is too large' 'more than 8 MiB' "$dir/huge.errors"
does away
echo "$url" >"$dir/registry/other"
timeout --foreground 60 dfproc validate --connect "$dir/huge.yaml" >"$dir/look.out" 2>&1
has 'a redirect to itself' 'the schema registry http' "$dir/look.out"
echo "$other" >"$dir/registry/other"

# Users, several URLs, a redirect to another place.
export REGISTRY_PASSWORD='s3cret/%'
user="basicAuth: {username: alice, password: '\${env:REGISTRY_PASSWORD}'}"
from away unions "$(registry "$url" "$user")"
flow away 0
same 'a redirect is followed' "$(sed -n 2p <<<"$three")" "$(cat "$dir/away.lines")"
if [ -s "$dir/registry/users" ] && [ -s "$dir/other/asked" ] && [ ! -s "$dir/other/users" ]; then ok 'without the user'; else bad 'without the user'; fi
mkdir -p "$dir/secrets/reg"
printf alice >"$dir/secrets/reg/user"
printf 's3cret/%%' >"$dir/secrets/reg/password"
does denied
from secret unions "$(registry "$url" 'basicAuth: {usernameSecretRef: {name: reg, key: user}, passwordSecretRef: {name: reg, key: password}}')"
flow secret 0 --secrets-dir "$dir/secrets"
same 'a user out of a Secret' "$(sed -n 2p <<<"$three")" "$(cat "$dir/secret.lines")"
from user unions "$(registry "http://127.0.0.1:1,$url/" "$user")"
flow user 0
same 'a user is let in, at the second URL' "$(sed -n 2p <<<"$three")" "$(cat "$dir/user.lines")"
from nobody unions "$avro"
flow nobody 1
has 'nobody is not' 'check schemaRegistry.basicAuth' "$dir/nobody.out"
grep -q 's3cret' "$dir"/*.out && bad 'a password is in an output'
timeout --foreground 60 dfproc validate --connect "$dir/nobody.yaml" >"$dir/look.out" 2>&1
has 'a look says so too' 'check schemaRegistry.basicAuth' "$dir/look.out"
does ok
timeout --foreground 60 dfproc validate --connect "$dir/nobody.yaml" >"$dir/look.out" 2>&1
has 'and that all is well' 'the schema registry answers' "$dir/look.out"

# ---- sink --------------------------------------------------------------------------------------

values() { dump "$1" | sed 's/.*"value":\(.*\),"timestamp".*/\1/'; }
into() { # NAME TOPIC "options of the sink" SOURCE "its options"
    { source_of "$4" "$1" "$5"; sink_to "$2" "$3"; errors_to "$1"; } >"$dir/$1.yaml"
}
topic into
topic again
put again 'good0 good1 good2'
tombstone again
into back into "$avro" again "$avro"
flow back 0
same 'from Avro to Avro every byte is the same' "$(values again)" "$(values into)"
topic exact
into exact exact "$avro" again "$avro"
echo "deliveryGuarantee: exactlyOnce" >>"$dir/exact.yaml"
flow exact 0
same 'exactly once too' "$(values again)" "$(values exact)"

topic plain
{ # a field too many, none at all, a wrong type, a good one, a tombstone
    printf 'a\t%s\n' '{"id":1,"name":"x","tags":[],"price":1,"more":2}' '{"id":1}' \
        '{"id":1,"name":"x","tags":[1],"price":1}' '{"id":1,"name":"x","tags":[],"price":0.5}' not-json
} | kcat -b "$DF_KAFKA" -P -t "$(name_of plain)" -K '\t'
tombstone plain
topic out
given="avroSchemaFile: $dir/order.avsc"
into new out "$avro, $given" plain 'format: json'
flow new 1
has 'a schema is not registered by itself' 'set autoRegister: true' "$dir/new.out"
same 'really not' '' "$(cat "$dir/registry/registered")"
timeout --foreground 60 dfproc validate --connect "$dir/new.yaml" >"$dir/look.out" 2>&1
has 'a look says so' 'subject .*-value: .*does not have' "$dir/look.out"
into new out "$avro, $given, autoRegister: true" plain 'format: json'
does incompatible
flow new 1
has 'a refusal of the registry is told' '409, incompatible with an earlier schema' "$dir/new.out"
does ok
flow new 0
same 'registered when asked to' "$(name_of out)-value 101" "$(cat "$dir/registry/registered")"
same 'the good one and the tombstone are written' 2 "$(values out | wc -l)"
same 'with the number of the schema' '"\u0000\u0000\u0000\u0000e\u0002\u0002x' "$(values out | head -n 1 | cut -c1-39)"
n=0
while read -r words; do
    n=$((n + 1))
    sed -n "${n}p" "$dir/new.errors" >"$dir/one"
    has "refused: $words" "$words" "$dir/one"
done <<'END'
more
name
tags\[0\]
JSON
END
for strategy in record topicRecord; do
    into "by$strategy" out "$avro, $given, autoRegister: true, subjectStrategy: $strategy" framed "$avro"
    timeout --foreground 60 dfproc run "$dir/by$strategy.yaml" -u >"$dir/by$strategy.out" 2>&1
done
same 'other subjects' "shop.Order 102 $(name_of out)-shop.Order 103" "$(tail -n 2 "$dir/registry/registered" | tr '\n' ' ' | sed 's/ $//')"

# Text and bytes.
topic words
printf '%s\n' 'a "b"' '7' | kcat -b "$DF_KAFKA" -P -t "$(name_of words)"
printf '\377\376' >"$dir/m/binary"
put words binary
topic copy
into text copy 'format: text' words 'format: text'
flow text 0
same 'text stays what it is' '"a \"b\"" "7"' "$(values copy | tr '\n' ' ' | sed 's/ $//')"
has 'no UTF-8 is refused' 'no UTF-8' "$dir/text.errors"
topic copies
into bytes copies 'format: bytes' words 'format: bytes'
flow bytes 0
same 'bytes too' "$(values words)" "$(values copies)"

until_true 60 lines_are hung 2
same 'of two registries one hangs' "$(sed -n 1,2p <<<"$three")" "$(cat "$dir/hung.lines")"
end "$hung" 20
finish
