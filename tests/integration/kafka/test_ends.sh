#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# A bounded run ends although the last offsets are no records: marks and records of transactions, one
# that is open; and its group has no lag.
. "$(dirname "$0")/../kafka_lib.sh"

ends() { # NAME RECORDS OFFSETS
    { source_of "$1" "$1"; file_sink "$1.jsonl"; } >"$dir/$1.yaml"
    flow "$1" 0
    same "$1: records" "$2" "$(wc -l <"$dir/$1.jsonl")"
    same "$1: the group is at the end" "$3" "$(offsets "$run.$1" "$1")"
}
topic commit && produce commit --count 100 --transaction commit
ends commit 100 '{"0":101}'
topic abort && produce abort --count 100 && produce abort --count 20000 --transaction abort
ends abort 100 '{"0":20101}'
topic only && produce only --count 5000 --transaction abort
ends only 0 '{"0":5001}'
# Of an open transaction nothing is read, and what stands behind its begin comes with a later run.
topic open && produce open --count 100 && produce open --count 50 --from 100 --transaction open && produce open --count 10 --from 150
ends open 100 '{"0":100}'
finish
