#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# A server that restarts and one that comes late: the flow goes on by itself, nothing is lost.
# A server of its own, because others use the shared one. ctest: timeout=180
bed=${DF_BED:-$(cd "$(dirname "$0")/../../bed" && pwd)}
own=$(mktemp -d)
"$bed/postgresql" start --dir "$own/pg" --parent $$ --conf fsync=on >"$own/env" || exit 1
set -a
. "$own/env"
set +a
. "$(dirname "$0")/../pg_lib.sh"
trap '[ "$BASHPID" = $$ ] && { "$bed/postgresql" stop --dir "$own/pg"; rm -rf "$own" "$dir"; }' EXIT

rows=600000
seq 1 $rows | sed 's/.*/{"k":&,"pad":"some text to make the row a little longer than it is"}/' >"$dir/flowing.jsonl"

# restarted MODE: the flow runs while the server is restarted twice, and each time no more than 32,768
# records may have been under way
restarted() {
    local mode=$1
    sql "drop table if exists flowing; create table flowing (k int, pad text)"
    rm -rf "$dir/state"
    timeout --foreground -k 5 120 dfproc run "$dir/flowing.yaml" --until-exhausted >"$dir/out" 2>&1 &
    local runner=$!
    sleep 0.4
    "$bed/postgresql" restart --dir "$own/pg" --mode "$mode" >/dev/null || bad 'restart'
    sleep 0.5
    "$bed/postgresql" restart --dir "$own/pg" --mode "$mode" >/dev/null || bad 'restart'
    wait $runner || bad "$mode: $(tail -n 1 "$dir/out")"
    same "nothing is lost, server restarted: $mode" $rows "$(sql 'select count(distinct k) from flowing')"
    local more=$(($(sql 'select count(*) from flowing') - rows))
    [ $more -le 65536 ] && ok "repeated rows: $more" || bad "repeated rows: $more"
}
manifest flowing
restarted fast
restarted immediate

# The new table is made in the transaction of the first batch: a crash leaves all or nothing.
manifest flowing 'autoCreateTable: true'
sql 'drop table flowing'
"$bed/postgresql" kill --dir "$own/pg"
rm -rf "$dir/state"
timeout --foreground -k 5 120 dfproc run "$dir/flowing.yaml" --until-exhausted >"$dir/out" 2>&1 &
runner=$!
for _ in $(seq 200); do grep -q '"level":"warn"' "$dir/out" && break; sleep 0.1; done # it was refused
kill -0 $runner 2>/dev/null && ok 'waits for a server that is down' || bad "ended: $(tail -n 1 "$dir/out")"
"$bed/postgresql" restart --dir "$own/pg" >/dev/null || bad 'restart'
wait $runner || bad "late server: $(tail -n 1 "$dir/out")"
same 'and then writes' $rows "$(sql 'select count(*) from flowing')"
finish
