#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# ctest: timeout=300
# ctest: no-servers
# Some columns of a table, and states of it that are not the newest: branches, tags, snapshots and times. Those of Nessie
# are in test_source.sh.
servers=iceberg-rest
. "$(dirname "$0")/../ice_lib.sh"
states() { timeout 120 python3 "$here/iceberg/states.py" "$@" 2>"$dir/states.log" || { tail -n 3 "$dir/states.log"; return 1; }; }
sorted_ids() { ids "$1" | tr ' ' '\n' | sort -n | paste -sd' '; }
{ read -r one; read -r two; read -r three; read -r four; read -r own; read -r moment; } < <(states make)
[ -n "$moment" ] || { cat "$dir/states.log"; exit 1; }

# ---- one state, with the columns that it had -----------------------------------------------------
state() { # WHAT IDS COLUMNS LINES…
    source_of rest states "${@:4}"
    flow states
    same "$1" "$2" "$(sorted_ids states)"
    same "$1: columns" "$3" "$(head -n 1 "$dir/states.out" | python3 -c 'import json, sys; print(*json.loads(sys.stdin.readline()))')"
}
state 'a snapshot' '1 2' 'id v' "snapshotID: \"$two\""
state 'a tag' '1 2' 'id v' "tag: v2"
state 'a time in ms' '1 2' 'id v' "asOfTimestamp: \"$moment\""
state 'a time' '1 2' 'id v' "asOfTimestamp: $(python3 -c '
import datetime, sys
at = datetime.datetime.fromtimestamp(int(sys.argv[1]) / 1000, datetime.timezone(datetime.timedelta(hours=2)))
print(at.isoformat(timespec="milliseconds"))' "$moment")"
state 'a branch' '1 2 10' 'id v w' "branch: audit"
state 'main' '1 2 3 4' 'id v w' "branch: main"
state 'from one snapshot to another' '2 3' 'id v w' "snapshotID: \"$three\"" "incrementalBySnapshot: true" "startSnapshotID: \"$one\""

# ---- what came since, on a branch; a tag that is moved -------------------------------------------
source_of rest states "branch: audit" "incrementalBySnapshot: true"
flow states
states branch '[{"id": 11, "v": "y", "w": 1}]'
states branch '[{"id": 12, "v": "z", "w": 1}]'
flow states
same 'a branch, what came since' '1 2 10 11 12' "$(sorted_ids states)"
states reset
same 'a branch that was set to another state' 1 "$(refused_flow states | grep -c 'which was read last, is no ancestor of the current one any more')"
source_of rest states "branch: audit" "incrementalBySnapshot: true" "startSnapshotID: \"$own\"" "onLostSnapshot: resync"
flow states
same 'or all of it again' '1 2 3 4' "$(sorted_ids states)"
source_of rest states "tag: v2" "incrementalBySnapshot: true"
flow states
flow states
states move "$four"
flow states
same 'a tag that was moved on' '1 2 3 4' "$(ids states)"

# ---- what expires on main is what no branch and no tag has ---------------------------------------
states expire "$one"
state 'a tag after that' '1 2 3 4' 'id v w' "tag: v2"
source_of rest states "snapshotID: \"$one\""
same 'a snapshot that expired' 1 "$(refused_flow states | grep -c "snapshotID: table shop.states has no snapshot $one, or none any more (it expired)")"

# ---- what is not there ---------------------------------------------------------------------------
refused() { # WHAT TEXT LINES…
    source_of rest states "${@:3}"
    same "$1" 1 "$(refused_flow states | grep -cF "$2")"
}
refused 'no such branch' 'branch: table shop.states has no branch other' "branch: other"
refused 'no such tag' 'tag: table shop.states has no tag other' "tag: other"
refused 'a tag that is a branch' 'tag: audit is a branch of table shop.states: name it with branch' "tag: audit"
refused 'no such snapshot' 'snapshotID: table shop.states has no snapshot 12345' 'snapshotID: "12345"'
refused 'before the first' 'asOfTimestamp: the log of table shop.states has no snapshot of that time' 'asOfTimestamp: "2001-01-01T00:00:00Z"'
refused 'no such column' 'columns: table shop.states has no column W' 'columns: [id, W]'
invalid() { # WHAT TEXT LINES…
    source_of "$1" states "${@:3}"
    same "$3 $4" 1 "$(dfproc validate "$dir/states.yaml" 2>&1 | grep -cF "$2")"
}
invalid rest 'tag names the state that is read already' "tag: v2" 'snapshotID: "1"'
invalid rest 'tag names the state that is read already' "tag: v2" 'branch: main'
invalid rest 'snapshotID: is a decimal number' 'snapshotID: x' 'pollInterval: 1s'
invalid rest 'asOfTimestamp: is a time with its zone' 'asOfTimestamp: "2026-01-02T03:04:05"' 'pollInterval: 1s'
invalid nessie 'tag names the state that is read already' "tag: v2" 'branch: audit'

# ---- some columns: what is not wanted is not read ------------------------------------------------
state 'columns' '1 2 3 4' 'id w' "columns: [w, id]"
state 'columns of a tag' '1 2 3 4' 'id' "columns: [id]" "tag: v2"
states damage shop.states v
source_of rest states
same 'a column that is damaged' 1 "$(refused_flow states | grep -c 'column v')"
state 'is not read' '1 2 3 4' 'id w' "columns: [id, w]"
finish
