#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# ctest: timeout=900
# ctest: no-servers
# A plan of many files, delete entries and snapshots: every row once, within a bound of memory for each of them. As it runs
# by itself it is small; the long run is DF_PLAN="100000 90000 200000".
servers=
. "$(dirname "$0")/../ice_lib.sh"
read -r files deletes snapshots <<<"${DF_PLAN:-2000 1800 110000}"
coproc PEER { exec python3 "$here/iceberg/plan_campaign.py" "$dir/table" "$files" "$deletes" "$snapshots" 2>"$dir/peer.log"; }
read -r port bytes <&"${PEER[0]}" || { tail -n 5 "$dir/peer.log"; exit 1; }
export DF_ICEBERG=http://127.0.0.1:$port
source_of rest large "incrementalBySnapshot: true"
sed -i 's/{type: stdio, config: {path.*/{type: "null"}/' "$dir/large.yaml"
started=$(date +%s%3N)
timeout 800 python3 - "$dir" >"$dir/rss" 2>"$dir/log" <<'END'
import resource, subprocess, sys
at = sys.argv[1]
code = subprocess.run(["dfproc", "run", "--until-exhausted", at + "/large.yaml"], stderr=sys.stderr).returncode
print(code, resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss // 1024)
END
read -r code rss <"$dir/rss"
same 'the run' 0 "$code"
same 'every row once' "$files" "$(summary sent)"
echo "plan: $files files, $deletes delete entries, $snapshots snapshots ($((bytes >> 20)) MiB of metadata): $rss MiB, $(($(date +%s%3N) - started)) ms"
most=$((64 + bytes * 4 / 1048576 + (files + deletes) * 400 / 1048576))
[ -n "${DF_SANITIZE:-}" ] || # a sanitizer has memory of its own
    same "at most $most MiB" 1 "$([ "$rss" -le "$most" ] && echo 1)"
# What came since the first snapshot, behind all the others.
source_of rest large "incrementalBySnapshot: true" 'startSnapshotID: "1"'
flow large
same 'what was added since the first one' "$files" "$(wc -l <"$dir/large.out")"
kill "$PEER_PID"
finish
