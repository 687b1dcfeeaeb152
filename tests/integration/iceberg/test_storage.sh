#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# ctest: timeout=300
# ctest: no-servers
# A storage that answers 503, loses answers, or says 200 with an error in it, in the middle of uploads: no file is in a
# commit that is not stored, and every row is in the table once. The same while a table is read: every row comes once.
servers="s3 nessie"
. "$(dirname "$0")/../ice_lib.sh"
: >"$dir/plan"
python3 "$here/iceberg/storage_proxy.py" "$dir/port" "$DF_S3" "$dir/plan" >"$dir/proxy.log" 2>&1 &
proxy=$!
until_true 20 test -s "$dir/port" || bad 'the proxy'

# spoil NAME LINE…: rows into shop.NAME, in several parts, while the storage does what the lines say
spoil() {
    local name=$1
    readers make nessie "shop.$name" 'id long, v string' || bad "$name: a table"
    rm -rf "$dir/state"
    cat >"$dir/$name.yaml" <<END
source: {type: generate, config: {count: 60000, template: '{"id":\${seq},"v":"\${string:400}"}'}}
$(to_table nessie "$name" "rowGroupSize: 1MiB" "compression: none" "s3Endpoint: http://127.0.0.1:$(<"$dir/port")")
deliveryGuarantee: exactlyOnce
END
    printf '%s\n' "${@:2}" >"$dir/plan"
    flow "$name"
    same "$name: it came to all of it" '' "$(cat "$dir/plan")"
    same "$name: every row once" '60000 60000 1799970000' "$(readers count nessie "shop.$name" | cut -d' ' -f1-3)"
}
spoil slow 'PUT snap- 503' 'POST uploads= 503' 'PUT partNumber=1& 503' 'PUT partNumber=2& 503' 'PUT partNumber=2& 503' \
    'POST uploadId= 503' 'GET snap- 503' 'PUT -m0.avro 503' 'PUT snap- 503'
spoil lost 'PUT partNumber=1& lost' 'POST uploadId= lost' 'PUT -m0.avro lost' 'PUT snap- lost'
spoil done 'POST uploadId= done200'
spoil error 'POST uploadId= error200'

# ---- reading: slow, refused for a while, cut, and other bytes than were asked for ------------------
source_of nessie slow "incrementalBySnapshot: true" "s3Endpoint: http://127.0.0.1:$(<"$dir/port")"
{ # in the middle of a file, which is read in pieces
    printf '%s\n' 'GET snap- cut' 'GET -m0.avro 503' 'GET -m0.avro cut' 'GET .parquet cut' 'GET .parquet ok'
    for word in slow cut short whole lost 503; do printf 'GET .parquet %s\n' ok ok ok ok $word; done
    for i in $(seq 7); do echo 'GET .parquet 503'; done # more than are tried at once: the source begins anew where it was
} >"$dir/plan"
flow slow
same 'reading: it came to all of it' '' "$(cat "$dir/plan")"
same 'reading: every row once' "$(seq 0 59999 | cksum)" "$(ids slow | tr ' ' '\n' | sort -n | cksum)"
kill "$proxy"
finish
