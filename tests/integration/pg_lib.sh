# SPDX-License-Identifier: Apache-2.0
# pg_lib.sh: what the PostgreSQL tests share. Sourced; needs DF_PG and dfproc in PATH.
set -u
. "$(dirname "${BASH_SOURCE[0]}")/../support/script.sh"
: "${DF_PG:?a PostgreSQL is needed: tests/bed/with-servers $0}"
dir=$(mktemp -d)
schema=df_test_$$_$RANDOM
export XDG_STATE_HOME=$dir/state NO_COLOR=1 PGOPTIONS="-c client_min_messages=error"

sql() { psql "$DF_PG" -XqAt -v ON_ERROR_STOP=1 -c "set search_path to $schema" -c "$1"; }
# A shell that was forked and gets a signal before exec runs the trap of its parent as well.
leave() {
    [ "$BASHPID" = $$ ] || return
    PGOPTIONS="-c client_min_messages=error" psql "$DF_PG" -Xqc "drop schema if exists $schema cascade"
    rm -rf "$dir"
}
trap leave EXIT
psql "$DF_PG" -Xqc "create schema $schema" || exit 1
export PG_TEST_URL="$DF_PG&options=-csearch_path%3D$schema"
case $DF_PG in *\?*) ;; *) PG_TEST_URL="$DF_PG?options=-csearch_path%3D$schema" ;; esac


# manifest NAME "option: value lines": stdio from $dir/NAME.jsonl to the table NAME, refused
# records to $dir/NAME.errors
manifest() {
    {
        echo "source: {type: stdio, config: {path: $dir/$1.jsonl}}"
        echo "sink:"
        echo "  type: postgresql"
        echo "  config:"
        echo "    connectionString: \${env:PG_TEST_URL}"
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
says() { # NAME TEXT: the last run said it
    if grep -q "$2" "$dir/out"; then ok "$1"; else bad "$1: $(tail -n 2 "$dir/out")"; fi
}
