# SPDX-License-Identifier: Apache-2.0
# ch_today_lib.sh: ch_lib.sh with the engine of today (embedded, behind a scripted HTTP server) in place of the server of
# the test bed. Sourced. A test that needs it is skipped where the engine cannot be had. $work is the server's folder.
cache=${DF_BED_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/dataflow-bed}
engine=$cache/chdb-26.9.0
fetch() {
    [ -d "$engine" ] && return
    echo "downloading the engine (150 MB, once)" >&2
    local tmp
    tmp=$(mktemp -d "$cache/fetch.XXXXXX") &&
        python3 -m pip install -q --no-deps --target "$tmp/at" chdb==4.4.0 chdb-core==26.9.0 >&2 && mv "$tmp/at" "$engine"
    rm -rf "$tmp"
    [ -d "$engine" ]
}
mkdir -p "$cache" && exec 9>"$cache/chdb.lock" && flock 9
fetch || { echo 'skipped: the engine cannot be had' && exit 77; }
exec 9>&-
work=$(mktemp -d)
mkfifo "$work/port"
PYTHONPATH=$engine python3 "$(dirname "${BASH_SOURCE[0]}")/../support/clickhouse_today.py" "$work" >"$work/port" & server=$!
read -r port <"$work/port" || exit 1
export DF_CLICKHOUSE=http://127.0.0.1:$port/default
. "$(dirname "${BASH_SOURCE[0]}")/ch_lib.sh"
trap '[ "$BASHPID" = $$ ] && { leave; kill "$server"; wait "$server" 2>/dev/null; rm -rf "$work"; }' EXIT
