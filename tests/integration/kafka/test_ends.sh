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
# A million of them: the memory is that of a few, plus what a fetch may take more.
peak() { # NAME: of its bounded run, in kB
    { source_of "$1" "$1"; file_sink "$1.jsonl"; } >"$dir/$1.yaml"
    python3 -c 'import resource, subprocess, sys
done = subprocess.run(sys.argv[1:], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
print(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss if done.returncode == 0 else "failed")' \
        timeout --foreground 120 dfproc run "$dir/$1.yaml" --until-exhausted
}
million=$([ -n "${DF_SANITIZE:-}" ] && echo 100000 || echo 1000000)
topic few && produce few --count 100 && few=$(peak few)
topic million && produce million --count 100 && produce million --count "$million" --transaction abort && most=$(peak million)
same 'a million aborted: records, and the end' "100 {\"0\":$((million + 101))}" "$(wc -l <"$dir/million.jsonl") $(offsets "$run.million" million)"
if [ -z "${DF_SANITIZE:-}" ]; then
    [ "$most" -le $((few + 65536)) ] && ok 'a million aborted: memory' || bad "a million aborted: $most kB, and $few kB for a few"
fi
# Of an open transaction nothing is read, and what stands behind its begin comes with a later run.
topic open && produce open --count 100 && produce open --count 50 --from 100 --transaction open && produce open --count 10 --from 150
ends open 100 '{"0":100}'
finish
