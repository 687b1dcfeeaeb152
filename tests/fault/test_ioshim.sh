#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# ctest: timeout=300
# System calls fail at random, by seed: interrupted, short, not now, no space, no descriptor, reset,
# broken disk. A run may end with an error, never with a crash, a leak, a hang or a lost record.
# DF_SHIM_SEEDS: seeds for each flow and rate (6; by option 200).
. "$(dirname "$0")/fault_lib.sh"
seeds=${DF_SHIM_SEEDS:-6}
n=20000
shim=$(ls "${DF_BUILD_DIR:-}"/lib/ioshim.so 2>/dev/null) || { echo 'no ioshim.so in this build'; exit 77; }
# The sanitizer's library wants to be first.
[ "${DF_SANITIZE:-}" = address ] && shim="$(gcc -print-file-name=libasan.so) $shim"
ulimit -c 0
table shim
rm -rf "$dir/io"; mkdir "$dir/io"
{ echo "source: {type: stdio, config: {path: $dir/io/in}}"; to_table shim; echo "errors: {type: stdio, config: {path: $dir/io/errors}}"; } >"$dir/pg.yaml"
{ echo "source: {type: stdio, config: {path: $dir/io/in}}"; echo "sink: {type: stdio, config: {path: $dir/io/out, sync: true}}"
  echo "errors: {type: stdio, config: {path: $dir/io/errors}}"; } >"$dir/file.yaml"
crashes=0 runs=0 ended=0
shimmed() { # FLOW SEED RATE: runs it, again when it ended with an error; then once undisturbed
    local try code
    for try in 1 2 3; do
        runs=$((runs + 1))
        { LD_PRELOAD=$shim DF_IOSHIM=$2$try:$3:$dir/io DF_IOSHIM_REPORT=$dir/report timeout --foreground -k 30 40 \
            dfproc run "$dir/$1.yaml" --until-exhausted >"$dir/$1.out" 2>&1; } 2>/dev/null
        code=$?
        case $code in
        0) return ;;
        1 | 2 | 75) ended=$((ended + 1)) ;;
        124) # stopped in order: it must have been at its tries
            ended=$((ended + 1))
            [ "$(summary retries "$1")" -gt 3 ] || { bad "$1 seed $2$try rate $3: hangs"; show "$dir/$1.out"; } ;;
        *) crashes=$((crashes + 1)); bad "$1 seed $2$try rate $3: exit code $code"; grep -m 3 -A 8 'ERROR\|SUMMARY\|runtime error' "$dir/$1.out" | head -n 30; show "$dir/$1.out" ;;
        esac
    done
    flow "$1" 0
}
for f in pg file; do
    for rate in 10000 50000 100000; do
        for ((s = 1; s <= seeds; s++)); do
            rm -rf "$dir/io" "$dir/state"; mkdir "$dir/io"
            dfaudit produce --stdout --count $n --bad 0.2 --bad-kind malformed >"$dir/io/in" 2>/dev/null
            sql "truncate $schema.shim"
            shimmed $f "$s" $rate
            before=$failed
            if [ $f = pg ]; then
                audit_table "$f $s $rate" shim --count $n --bad 0.2 --no-gaps >"$dir/audit"
                same "$f $s $rate: refused" "$(grep -vc '}$' "$dir/io/in")" "$(sed -n 's/.*"offset":\([0-9]*\).*/\1/p' "$dir/io/errors" | sort -u | wc -l)" >>"$dir/audit"
            else
                audit "$f $s $rate" --source jsonl --file "$dir/io/out" --count $n --bad 0.2 --no-gaps >"$dir/audit"
            fi
            grep FAILED "$dir/audit" && show "$dir/$f.out"
        done
    done
done
same 'crashes' 0 "$crashes"
figure "$runs runs, $ended of them ended with an error, $(awk '{c += $1; f += $2} END {print f " of " c}' "$dir/report") calls failed"
finish
