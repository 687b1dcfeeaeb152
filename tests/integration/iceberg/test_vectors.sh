#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# ctest: timeout=300
# ctest: no-servers
# Tables of format version 3 that Iceberg's own library for Java wrote: deletion vectors, beside position deletes of before,
# several in one file; values of columns that older files do not have; types that are new.
servers=iceberg-rest
. "$(dirname "$0")/../ice_lib.sh"
command -v javac >/dev/null || { echo "skipped: no javac"; exit 77; }
mkdir "$dir/files"
python3 "$here/iceberg/vectors.py" "$dir/files" || exit 1
lib=$("$bed/iceberg-rest" lib) || exit 1
timeout 120 java -cp "$lib/*" -Dorg.slf4j.simpleLogger.defaultLogLevel=error "$here/iceberg/Vectors.java" "$dir/files" "$DF_ICEBERG" \
    >"$dir/java.log" 2>&1 || { tail -n 20 "$dir/java.log"; exit 1; }

# ---- rows that vectors delete --------------------------------------------------------------------
left() { python3 -c '
gone = {0, 5, 199999, 1000007} | set(range(70000, 72001)) | set(range(131072, 151072, 2))
print(*(i for i in [*range(200000), *range(1000000, 1000010), *range(2000000, 2000003)] if i not in gone))' | tr ' ' '\n' | cksum; }
source_of rest vectors
flow vectors
same 'what vectors leave' "$(left)" "$(ids vectors | tr ' ' '\n' | sort -n | cksum)"
source_of rest vparts
flow vparts
same 'one file with two of them' "0 1 2 3 4 5 6 7 9 0 2 3 4 5 6 7 8 9" "$(python3 -c '
import json, sys
rows = sorted((r["region"], r["id"]) for r in map(json.loads, open(sys.argv[1])))
print(*([i for r, i in rows if r == "us"] + [i for r, i in rows if r == "eu"]))' "$dir/vparts.out")"
source_of rest vectors "incrementalBySnapshot: true"
flow vectors
same 'the first read of those that are left' "$(left)" "$(ids vectors | tr ' ' '\n' | sort -n | cksum)"

# ---- a vector that is damaged --------------------------------------------------------------------
vector=$(find "$dir/iceberg-rest/data" -name '*.puffin' -path '*vparts*')
printf '\377' | dd of="$vector" bs=1 seek=20 conv=notrunc 2>/dev/null
source_of rest vparts
same 'a damaged vector' 1 "$(refused_flow vparts | grep -c 'the deletion vector at 4 of .*puffin: its checksum is wrong')"

# ---- columns that older files do not have --------------------------------------------------------
source_of rest defaults
flow defaults
given='"b":true,"i":-7,"l":1099511627776,"f":0.5,"d":1e300,"e":-14.20,"day":"1969-12-31","t":"22:31:08.123456","ts":"1969-12-31T23:59:59.5","tz":"2026-01-02T03:04:05.123456Z","v":"é\"x","u":"12151fd2-7586-11e9-8f9e-2a86e4085a59","x":"Ynl0ZXM=","none":null'
same 'their values' "{\"id\":1,\"s\":{\"x\":1,\"y\":\"in\"},$given}
{\"id\":2,\"s\":null,$given}
{\"id\":3,\"s\":{\"x\":null,\"y\":null},${given/-7/null}}" "$(sort "$dir/defaults.out")"

# ---- types that are new --------------------------------------------------------------------------
source_of rest kinds
same 'a type that is not read' 1 "$(refused_flow kinds | grep -c 'column any: its type variant is not supported; the option columns')"
source_of rest kinds "columns: [id, where]"
same 'another one' 1 "$(refused_flow kinds | grep -c 'column where: its type geometry')"
source_of rest kinds "columns: [id, never, n]"
flow kinds
same 'the others' '{"id":1,"never":null,"n":"1970-01-01T00:00:01.123456789"}' "$(cat "$dir/kinds.out")"
finish
