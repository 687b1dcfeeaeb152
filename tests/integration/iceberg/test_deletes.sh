#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# ctest: timeout=300
# ctest: no-servers
# Tables whose rows were deleted by other writers: by places and by values, with partitions and without, with columns that
# came later, within a fixed memory; files that have not all columns, or no ids. test_trino.sh has Trino read the same
# tables. (DuckDB 1.5.5 takes an equality delete for one of rows as new as it, and fails on the others; Trino 476 fails on a delete by a
# column that the table has no more.)
servers=iceberg-rest
. "$(dirname "$0")/../ice_lib.sh"
timeout 120 python3 "$here/iceberg/deletes.py" rest 2>"$dir/log" || { tail -n 5 "$dir/log"; exit 1; }

# rows_are TABLE COLUMNS ROWS: what we read of it
rows_are() {
    source_of rest "$1"
    flow "$1"
    same "$1" "$3" "$(python3 -c '
import json, sys
rows = [json.loads(line) for line in open(sys.argv[1])]
print(*sorted(" ".join(str(r[c]) for c in sys.argv[2].split(",")) for r in rows), sep="\n")' "$dir/$1.out" "$2")"
}
rows_are plain id "1
5
7
8
9"
rows_are added id,w "1 None
5 None"
rows_are dropped id,w "1 None
5 None
6 4"
rows_are parts region,id "None 1
eu 2
us 2"
source_of rest many
flow many
same '90,000 deleted values' "$(seq 90000 1000 99000 | cat - <(seq 500001 1000 599001) | cksum)" "$(ids many | tr ' ' '\n' | sort -n | cksum)"
source_of rest toomany
same 'more of them than memory' 1 "$(refused_flow toomany | grep -c 'table shop.toomany: its equality deletes take more than 8 MiB of memory; raise memoryLimit')"
source_of rest foreign
same 'a delete file that is no Parquet' 1 "$(refused_flow foreign | grep -c 'is ORC; only Parquet is read')"

# ---- a stop behind rows that are all deleted -----------------------------------------------------
source_of rest endless
echo 'stopTimeout: 10m' >>"$dir/endless.yaml"
timeout --foreground -k 1 40 dfproc run "$dir/endless.yaml" >"$dir/log" 2>&1 &
wrapper=$!
# It skips when it has had more of a processor than a start takes.
for _ in $(seq 600); do
    run=$(pgrep -P "$wrapper" | head -n 1)
    read -r _ _ _ _ _ _ _ _ _ _ _ _ _ used _ <"/proc/${run:-self}/stat"
    [ "${used:-0}" -lt 200 ] || break
    sleep 0.1
done
kill -TERM "$run"
wait "$wrapper"
same 'a stop while it skips' 0 $?
same 'and its place is kept' 0 "$(grep -qa scanRowOffset "$dir"/state/dataflow/endless*; echo $?)"

# ---- columns that deletes ask for and that the flow does not want ---------------------------------
some_are() { # TABLE ROWS LINES…
    source_of rest "$1" "${@:3}"
    flow "$1"
    same "$1: ${*:3}" "$2" "$(sort "$dir/$1.out")"
}
some_are plain '{"id":1}
{"id":5}
{"id":7}
{"id":8}
{"id":9}' "columns: [id]"
some_are added '{"w":null}
{"w":null}' "columns: [w]"
some_are dropped '{"id":1}
{"id":5}
{"id":6}' "columns: [id]"

# ---- what came since: rows that their own snapshot deleted never were ----------------------------
first=$(python3 - 2>/dev/null <<'END'
import os, sys
sys.path.insert(0, os.environ["DF_ICEBERG_READERS"])
from pyiceberg.catalog import load_catalog
t = load_catalog("r", type="rest", uri=os.environ["DF_ICEBERG"]).load_table("shop.plain")
print(min(t.snapshots(), key=lambda s: s.sequence_number).snapshot_id)
END
)
source_of rest plain "incrementalBySnapshot: true" "startSnapshotID: \"$first\""
same 'rows that were deleted end it' 1 "$(refused_flow plain | grep -c '(overwrite) changed or deleted rows, which an incremental read cannot tell')"
source_of rest plain "incrementalBySnapshot: true" "startSnapshotID: \"$first\"" "onOverwrite: ignore"
flow plain
same 'or only what was added is read' '8 9 1' "$(ids plain)"
source_of rest plain "incrementalBySnapshot: true"
flow plain
same 'the first read is of the rows that are left' '1 5 7 8 9' "$(ids plain | tr ' ' '\n' | sort -n | paste -sd' ')"

# ---- columns that a file has not -----------------------------------------------------------------
source_of rest moved
flow moved
same 'values of the partition' '{"id":1,"s":"é","n":-7,"d":"1969-12-31","e":-1.05,"u":"12151fd2-7586-11e9-8f9e-2a86e4085a59","ts":"2026-01-02T03:04:05.123456"}
{"id":2,"s":null,"n":null,"d":null,"e":null,"u":null,"ts":null}' "$(sort "$dir/moved.out")"
source_of rest named
flow named
same 'a file without ids, by names' '{"id":1,"w":"a","l":[1,null],"gone":null}' "$(cat "$dir/named.out")"
source_of rest nameless
same 'and without names' 1 "$(refused_flow nameless | grep -c 'has no field ids, and the table has no name mapping')"
finish
