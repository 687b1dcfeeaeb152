#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# ctest: timeout=600
# ctest: no-servers
# dfproc iceberg orphans: what a crash and other programs left is shown, what any snapshot names is not, nothing is removed.
. "$(dirname "$0")/../ice_lib.sh"
orphans() { dfproc iceberg orphans "$dir/$1.yaml" "${@:2}" 2>"$dir/log" | sort; }
names() { sed -E 's#^[^ ]* +[0-9]+ ##; s#.*/(data|metadata)/#\1/#'; }

# ---- files of this machine -----------------------------------------------------------------------
readers make rest shop.lost 'id long!,v string' '' id
printf '%s\n' '{"id":1,"v":"a"}' '{"id":2,"v":"b"}' >"$dir/lost.jsonl"
sink rest lost
flow lost
sink rest lost "upsertMode: true"
flow lost # deletes
readers append rest shop.lost '[{"id":7,"v":"c"}]'
place=$(place_of lost)
old() { find "$place" -exec touch -d '5 days ago' {} +; }
old
same 'what snapshots name is none' '' "$(orphans lost)"
same 'and that is told' 1 "$(grep -c '^0 files, 0 bytes' "$dir/log")"
mkdir -p "$place/data/deep"
echo lost >"$place/data/deep/a b+ü.parquet"
echo lost >"$place/data/young.parquet"
touch -d '4 days ago' "$place/data/deep/a b+ü.parquet"
same 'a file that is older' 'data/deep/a b+ü.parquet' "$(orphans lost | names)"
same 'and younger ones' 'data/deep/a b+ü.parquet
data/young.parquet' "$(orphans lost --older-than=0s | names)"
same 'as JSON' '5 True' "$(orphans lost --json | python3 -c '
import json, sys
row = json.load(sys.stdin); print(row["bytes"], "T" in row["time"])')"
library=$(dirname "$(command -v dfproc)")/../modules/iceberg.so
if grep -qs DF_CRASH_AT "$library"; then
    rm -rf "$dir/state"
    { DF_CRASH_AT=iceberg.commit:1 timeout --foreground -k 5 60 dfproc run "$dir/lost.yaml" --until-exhausted >"$dir/out" 2>&1; } 2>/dev/null
    find "$place/data" -name young.parquet -delete
    old
    same 'what a killed commit left: data, deletes, manifests, list' '2 3' \
        "$(orphans lost | names | grep -v deep | cut -d/ -f1 | sort | uniq -c | awk '{print $1}' | paste -sd' ')"
fi
rm "$place"/metadata/snap-*.avro
same 'a manifest list that is gone: no answer instead of a wrong one' '' "$(orphans lost)"
same 'and why' 1 "$(grep -c 'is gone: the table was cleaned up meanwhile, or lost a file' "$dir/log")"

# ---- S3, page by page -----------------------------------------------------------------------------
readers make nessie shop.far 'id long,v string'
echo '{"id":1,"v":"a"}' >"$dir/far.jsonl"
sink nessie far
flow far
same 'Nessie is refused' 1 "$(orphans far >/dev/null; grep -c 'its own tool (nessie-gc)' "$dir/log")"
same 'Nessie is refused for expire, too' 1 "$(dfproc iceberg expire "$dir/far.yaml" --apply 2>&1 | grep -c 'its own tool (nessie-gc)')"
python3 - "$DF_NESSIE" "$dir/port" <<'END' &
import http.server, os, sys, urllib.request
class Handler(http.server.BaseHTTPRequestHandler): # Nessie that does not say that it is one
    def log_message(self, *_): pass
    def do_GET(self):
        body = urllib.request.urlopen(sys.argv[1] + self.path).read().replace(b"nessie.is-nessie-catalog", b"x")
        self.send_response(200); self.send_header("content-length", str(len(body))); self.end_headers(); self.wfile.write(body)
server = http.server.HTTPServer(("127.0.0.1", 0), Handler)
open(sys.argv[2] + ".new", "w").write(str(server.server_address[1]))
os.rename(sys.argv[2] + ".new", sys.argv[2])
server.serve_forever()
END
proxy=$!
until_true 20 test -s "$dir/port" || bad 'the proxy'
python3 - "$here/iceberg" <<'END'
import sys
sys.path.insert(0, sys.argv[1])
import readers
t = readers.catalog("nessie").load_table("shop.far")
for name in ["data/x &+%2F é.parquet"] + ["data/n%04d.parquet" % i for i in range(1200)]:
    with t.io.new_output(t.location() + "/" + name).create() as out: out.write(b"lost")
with t.io.new_output(t.location() + "-other/data/not.parquet").create() as out: out.write(b"not lost")
END
sed "s|type: nessie|type: iceberg|; s|baseURL: .*|catalogURI: http://127.0.0.1:$(<"$dir/port")/iceberg|" "$dir/far.yaml" >"$dir/s3.yaml"
orphans s3 --older-than=0s | names >"$dir/found"
same 'S3: what was put there' 1201 "$(grep -c '^data/' "$dir/found")"
same 'S3: a name that is encoded' 1 "$(grep -cxF 'data/x &+%2F é.parquet' "$dir/found")"
same 'S3: what the table has is none' '' "$(grep -v '^data/[nx]\|metadata.json$' "$dir/found")"
kill "$proxy"

# ---- what it does not do ---------------------------------------------------------------------------
dfproc iceberg compact "$dir/lost.yaml" >"$dir/out" 2>&1
same 'compact is left to engines' '2 1' "$? $(grep -c 'EXECUTE optimize' "$dir/out")"
echo '{source: {type: generate, config: {count: 1, template: "1"}}, sink: {type: stdio}}' >"$dir/none.yaml"
same 'a flow without such a sink' 1 "$(orphans none >/dev/null; grep -c 'no sink of the flow leaves files behind' "$dir/log")"
same 'nor has it former states' 1 "$(dfproc iceberg expire "$dir/none.yaml" 2>&1 | grep -c 'no sink of the flow has former states')"
same 'a time that is none' 1 "$(orphans lost --older-than=x >/dev/null; grep -c 'a duration like 72h' "$dir/log")"
finish
