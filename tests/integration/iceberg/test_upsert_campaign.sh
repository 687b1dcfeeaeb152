#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# ctest: timeout=900
# ctest: no-servers
# Many commits of upserts, one after the other, with no one who compacts: memory stays flat, and every key has its last
# row. As it runs by itself it is small; the long run is DF_UPSERTS=2000.
servers="iceberg-rest"
. "$(dirname "$0")/../ice_lib.sh"
commits=${DF_UPSERTS:-60}
python3 - "$commits" "$dir/many.jsonl" <<'END' >"$dir/want"
import json, sys
count, last, out = int(sys.argv[1]), {}, open(sys.argv[2], "w")
for i in range(5 * count):
    last[i * 7 % 200] = i
    out.write(json.dumps({"id": i * 7 % 200, "v": i}) + "\n")
print(len(last), sum(last), sum(last.values()), sep="\t")
END
readers make rest shop.many 'id long!,v long' '' id || bad 'a table'
sink rest many "upsertMode: true" "batchSize: 5"
timeout 850 python3 - "$dir" >"$dir/rss" 2>"$dir/log" <<'END'
import resource, subprocess, sys
code = subprocess.run(["dfproc", "run", "--until-exhausted", sys.argv[1] + "/many.yaml"], stderr=sys.stderr).returncode
print(code, resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss // 1024)
END
read -r code rss <"$dir/rss"
same 'the run' 0 "$code"
python3 - "$here/iceberg" <<'END'
import statistics, sys
sys.path.insert(0, sys.argv[1])
import readers
found = sorted(readers.catalog("rest").load_table("shop.many").snapshots(), key=lambda s: s.sequence_number)
gaps = [b.timestamp_ms - a.timestamp_ms for a, b in zip(found, found[1:])]
some = max(1, len(gaps) // 10)
print("        %d commits: %d ms each at first, %d ms at last" % (len(found), statistics.median(gaps[:some]), statistics.median(gaps[-some:])))
END
echo "        $rss MiB"
same 'as many commits' "$commits" "$(readers snapshots rest shop.many | wc -l)"
[ -n "${DF_SANITIZE:-}" ] || same 'memory stays flat' 1 "$((rss <= 64))"
[ "$commits" -lt 500 ] || same 'delete files are warned of' 1 "$(grep -c 'delete files, which each reader has to apply' "$dir/log")"
same 'every key has its last row, by DuckDB' "$(<"$dir/want")" "$(readers duck rest shop.many 'select count(*), sum(id), sum(v) from t')"
dfproc iceberg expire "$dir/many.yaml" --older-than 0s --apply >"$dir/out" 2>"$dir/expired" || bad "expire: $(tail -n 1 "$dir/expired")"
echo "        $(tail -n 1 "$dir/expired")"
same 'expire: one snapshot is left' 1 "$(readers snapshots rest shop.many | wc -l)"
same 'expire: the rows are there' "$(<"$dir/want")" "$(readers duck rest shop.many 'select count(*), sum(id), sum(v) from t')"
finish
