# SPDX-License-Identifier: Apache-2.0
# ice_lib.sh: an S3, a Nessie over it and a REST catalog over files of a test's own, and readers that no one here wrote.
# Sourced. Skipped where they cannot be had.
. "$(dirname "${BASH_SOURCE[0]}")/../support/script.sh"
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
bed=${DF_BED:-$here/../bed}
dir=$(mktemp -d)
for one in ${servers:-s3 nessie iceberg-rest} iceberg-readers; do
    "$bed/$one" fetch >&2 || { echo "skipped: $one cannot be had" && exit 77; }
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
    if [ "$one" = nessie ]; then start nessie --s3 "$DF_S3"; else start "$one"; fi
done
set +a
export XDG_STATE_HOME=$dir/state NO_COLOR=1
readers() { timeout 120 python3 "$here/iceberg/readers.py" "$@" 2>"$dir/readers.log" || { tail -n 3 "$dir/readers.log"; return 1; }; }

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
