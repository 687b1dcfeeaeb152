# SPDX-License-Identifier: Apache-2.0
# ch_lib.sh: what the ClickHouse tests share. Sourced; needs DF_CLICKHOUSE and dfproc in PATH.
set -u
. "$(dirname "${BASH_SOURCE[0]}")/../support/script.sh"
: "${DF_CLICKHOUSE:?a ClickHouse is needed: tests/bed/with-servers $0}"
dir=$(mktemp -d)
database=df_test_$$_$RANDOM
export XDG_STATE_HOME=$dir/state NO_COLOR=1 CH_TEST_URL="${DF_CLICKHOUSE%/default}/$database"
# The file has the password, so that no command line shows it.
(umask 077; printf 'url = "%s/?database=%s"\n' "${DF_CLICKHOUSE%/default}" "$database" >"$dir/curlrc")

sql() { curl -sS --fail-with-body -m 60 -K "$dir/curlrc" --data-binary "$1"; }
# A shell that was forked and gets a signal before exec runs the trap of its parent as well.
leave() {
    [ "$BASHPID" = $$ ] || return
    curl -sS -m 60 --data-binary "drop database if exists $database" "${DF_CLICKHOUSE%/default}/"
    rm -rf "$dir"
}
trap leave EXIT
curl -sS --fail-with-body -m 60 --data-binary "create database $database" "${DF_CLICKHOUSE%/default}/" || exit 1

has() { # NAME PART TEXT
    case $3 in *"$2"*) ok "$1" ;; *) bad "$1: no \"$2\" in:"; printf '%s\n' "$3" | sed 's/^/        /' ;; esac
}

# manifest NAME "option: value lines": stdio from $dir/NAME.jsonl to the table NAME, refused
# records to $dir/NAME.errors
manifest() {
    {
        echo "source: {type: stdio, config: {path: $dir/$1.jsonl}}"
        echo "sink:"
        echo "  type: clickhouse"
        echo "  config:"
        echo "    connectionString: \${env:CH_TEST_URL}"
        printf '    %s\n' "table: $1" "${@:2}"
        echo "errors: {type: stdio, config: {path: $dir/$1.errors}}"
    } >"$dir/$1.yaml"
}

# flow NAME CODE: runs it to the end
flow() {
    rm -rf "$dir/state"
    timeout --foreground -k 5 120 dfproc run "$dir/$1.yaml" --until-exhausted >"$dir/out" 2>&1
    local rc=$?
    [ "$rc" = "$2" ] && return
    bad "$1: exit code $rc, not $2"
    tail -n 5 "$dir/out" | sed 's/^/        /'
}

# summary FIELD: from the last line of the last run
summary() { tail -n 1 "$dir/out" | grep -o "\"$1\":[^,}]*" | head -n 1 | cut -d: -f2; }
# reasons NAME: why records were refused, one a line
reasons() { python3 -c '
import json, sys
for line in open(sys.argv[1]):
    e = json.loads(line)["error"]
    print(e["reason"] + ": " + e["message"])' "$dir/$1.errors"; }
