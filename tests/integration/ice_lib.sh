# SPDX-License-Identifier: Apache-2.0
# ice_lib.sh: an S3, a Nessie over it and a REST catalog over files of a test's own, and readers that no one here wrote.
# Sourced. Skipped where they cannot be had.
. "$(dirname "${BASH_SOURCE[0]}")/../support/script.sh"
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
bed=${DF_BED:-$here/../bed}
dir=$(mktemp -d)
for one in ${servers:-s3 nessie iceberg-rest} iceberg-readers; do
    fetch=fetch
    [ "$one" != trino ] || fetch=fetch-iceberg
    "$bed/$one" $fetch >&2 || { echo "skipped: $one cannot be had" && exit 77; }
done
leave() {
    [ "$BASHPID" = $$ ] || return
    for one in ${servers:-s3 nessie iceberg-rest}; do "$bed/$one" stop --dir "$dir/$one" </dev/null; done
    rm -rf "$dir"
}
trap leave EXIT
set -a
eval "$("$bed/iceberg-readers" env)"
start() { # SERVER OPTIONS…
    "$bed/$1" start --dir "$dir/$1" --parent $$ "${@:2}" >"$dir/env" || exit 1
    . "$dir/env"
}
for one in ${servers:-s3 nessie iceberg-rest}; do
    case $one in
    nessie) start nessie --s3 "$DF_S3" ;;
    trino) start trino --nessie "$DF_NESSIE" --s3 "$DF_S3" ;;
    *) start "$one" ;;
    esac
done
set +a
export XDG_STATE_HOME=$dir/state NO_COLOR=1
readers() { timeout 120 python3 "$here/iceberg/readers.py" "$@" 2>"$dir/readers.log" || { tail -n 3 "$dir/readers.log"; return 1; }; }

# lake STATEMENT: rows of Trino, one a line as JSON
lake() { python3 "$here/../support/trino_sql.py" "$DF_TRINO" lake shop "$1"; }

# sink KIND NAME LINES…: a manifest NAME, which begins anew, from $dir/NAME.jsonl into the table shop.NAME; lines are further options
sink() {
    rm -rf "$dir/state"
    { echo "source: {type: stdio, config: {path: $dir/$2.jsonl}}"; to_table "$@"; } >"$dir/$2.yaml"
    echo "errors: {type: stdio, config: {path: $dir/$2.errors}}" >>"$dir/$2.yaml"
}
to_table() { # as sink: the block sink alone
    echo "sink:"
    if [ "$1" = nessie ]; then
        printf '  %s\n' "type: nessie" "config:" "  baseURL: \${env:DF_NESSIE}" "  accessKey: \${env:DF_S3_KEY}" \
            "  secretAccessKey: \${env:DF_S3_SECRET}"
    else
        printf '  %s\n' "type: iceberg" "config:" "  catalogURI: \"\${env:DF_ICEBERG}\""
    fi
    printf '    %s\n' "namespace: shop" "table: $2" "${@:3}"
}
# source_of KIND NAME LINES…: a manifest NAME, which begins anew, from the table shop.NAME to $dir/NAME.out
source_of() {
    rm -rf "$dir/state" "$dir/$2.out"
    { to_table "$@" | sed 's/^sink:/source:/'; echo "sink: {type: stdio, config: {path: $dir/$2.out}}"; } >"$dir/$2.yaml"
}
ids() { python3 -c '
import json, sys
print(*[json.loads(line)["id"] for line in open(sys.argv[1])])' "$dir/$1.out" 2>/dev/null; }
flow() { # NAME
    timeout --foreground -k 5 120 dfproc run --until-exhausted "$dir/$1.yaml" >"$dir/log" 2>&1 && return
    bad "$1: exit code $?"
    tail -n 5 "$dir/log" | cut -c1-400 | sed 's/^/        /'
}
refused_flow() { # NAME: its last error
    timeout --foreground -k 5 60 dfproc run --until-exhausted "$dir/$1.yaml" >"$dir/log" 2>&1
    grep '"level":"error"' "$dir/log" | tail -n 1 | cut -c1-900
}
summary() { tail -n 1 "$dir/log" | grep -o "\"$1\":[^,}]*" | head -n 1 | cut -d: -f2; }
reasons() { python3 -c '
import json, sys
for line in open(sys.argv[1]):
    print(json.loads(line)["error"]["message"])' "$dir/$1.errors"; }
place_of() { # NAME: the folder of shop.NAME in the REST catalog's warehouse
    python3 - "$here/iceberg" "$1" <<'END'
import sys
sys.path.insert(0, sys.argv[1])
import readers
print("/" + readers.catalog("rest").load_table("shop." + sys.argv[2]).location().split(":")[-1].lstrip("/"))
END
}
# changes KIND NAME LINES…: as sink, from $dir/NAME.rows, whose lines have an operation (the plug-in typed_rows)
changes() {
    sink "$@"
    sed -i "s|^source:.*|source: {type: typed, config: {path: $dir/$2.rows}}|" "$dir/$2.yaml"
}
model() { # NAME SEED: changes into NAME.rows, what they leave into NAME.want
    python3 - "$dir/$1" "$2" <<'END'
import json, random, sys
r, state, out = random.Random(int(sys.argv[2])), {}, open(sys.argv[1] + ".rows", "w")
for i in range(3000):
    key = (r.randrange(150), r.choice("abc"))
    known = r.choice(sorted(state)) if state else key
    what = r.random()
    if what < 0.25 and state:
        old, before = known, {"id": known[0], "k": known[1], "v": state.pop(known)}
        out.write(json.dumps({"op": "delete", "row": {"id": old[0], "k": old[1]}, "before": before}) + "\n")
    elif what < 0.35 and state:
        before = {"id": known[0], "k": known[1], "v": state.pop(known)}
        state[key] = i
        out.write(json.dumps({"op": "update", "row": {"id": key[0], "k": key[1], "v": i}, "before": before}) + "\n")
    else:
        op = "update" if key in state else "insert"
        state[key] = i
        out.write(json.dumps({"op": op, "row": {"id": key[0], "k": key[1], "v": i}}) + "\n")
open(sys.argv[1] + ".want", "w").write("".join("%d\t%s\t%d\n" % (*k, v) for k, v in sorted(state.items())))
END
}
events() { # NAME: the same changes as events of Debezium, which a file can be read again from any place of
    python3 - "$dir/$1" <<'END'
import json, sys
out = open(sys.argv[1] + ".jsonl", "w")
for line in open(sys.argv[1] + ".rows"):
    one = json.loads(line)
    gone = one.get("before")
    if gone:
        out.write(json.dumps({"before": gone, "after": None, "op": "d", "source": {"db": "d"}}) + "\n")
    if one["op"] != "delete":
        out.write(json.dumps({"before": None, "after": one["row"], "op": "c", "source": {"db": "d"}}) + "\n")
END
}
