#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# ctest: timeout=300
# The folder of the positions is damaged, full, or read-only: a run goes on from the state before, or
# refuses to start and says why; it never goes on beyond what is stored, and nothing is lost.
. "$(dirname "$0")/fault_lib.sh"
n=$(scaled 20000)
small=$(mktemp -d /tmp/dataflow-bed-small.XXXXXX)
mounted=
trap '[ "$BASHPID" = $$ ] && { { [ -z "$mounted" ] || umount -l "$small"; rmdir "$small"; } 2>/dev/null; leave; }' EXIT
table state
{ echo "source: {type: stdio, config: {path: $dir/lines}}"; to_table state; } >"$dir/state.yaml"
total=0
more() { dfaudit produce --stdout --count "$n" --from "$total" >>"$dir/lines" 2>/dev/null; total=$((total + n)); }
run_on() { flow state "$1" --state-dir "$2"; } # EXIT CODE, FOLDER
there() { # NAME, DUPLICATES at most
    audit_table "$1" state --count "$total" --no-gaps --max-duplicates "$2"
}
slots() { ls -t "$dir"/positions/*.[01] 2>/dev/null; } # the newest first

# ---- damaged slots -----------------------------------------------------------------------------------
for i in 1 2 3; do more; run_on 0 "$dir/positions"; sleep 0.02; done
there 'three runs, every record once' 0
run_on 0 "$dir/positions"
there 'a fourth one adds nothing' 0
same 'two slots' 2 "$(slots | wc -l)"
cp -a "$dir/positions" "$dir/kept"
newest=$(slots | head -n 1)
truncate -s $(($(stat -c %s "$newest") - 3)) "$newest"
more
run_on 0 "$dir/positions"
has 'the newest slot is torn: it says so' 'is damaged; going on from the other one' "$dir/state.out"
there 'and goes on from the one before' $((2 * n))
repeated=$(counted duplicates)
for f in $(slots); do printf 'x' | dd of="$f" bs=1 seek=30 conv=notrunc 2>/dev/null; done
before=$(rows state)
more
run_on 1 "$dir/positions"
has 'both slots are damaged: it says so' 'both slots of the state' "$dir/state.out"
same 'and does not begin again from the start' "$before" "$(rows state)"
rm -rf "$dir/positions" && cp -a "$dir/kept" "$dir/positions"
run_on 0 "$dir/positions"
there 'an old copy of the folder: records come twice, none is lost' $((3 * n + repeated))

# ---- a folder that cannot be written, then can ----------------------------------------------------------
if ! mount -t tmpfs -o size=64k tmpfs "$small" 2>/dev/null; then
    echo 'skipped  full and read-only folder: tmpfs cannot be mounted here'
    finish
fi
mounted=1
cp "$dir"/positions/* "$small/"
fill() { dd if=/dev/zero of="$small/fill" bs=4k 2>/dev/null; }
read -r port control <<<"$(ports 2)"
proxy "$port" "$DF_PG_PORT" "$control"
FAULT_PG=$(sed "s/:$DF_PG_PORT\//:$port\//" <<<"$PG")
repeated=$(there 'so far' $((4 * n)) >/dev/null; counted duplicates)
can_write() { rm -f "$small/fill"; mount -o remount,rw "$small"; }
for way in full read-only; do
    more; more
    tell "$control" rate 400000 # so slow that the run lasts
    if [ $way = full ]; then fill; else mount -o remount,ro "$small"; fi
    start state "state.$way" --until-exhausted --state-dir "$small"
    if [ $way = full ]; then
        until_true 20 grep -q 'cannot be written: No space left' "$dir/state.$way.out" && ok "$way: it says so" ||
            { bad "$way: it does not say so"; show "$dir/state.$way.out"; }
        can_write
        tell "$control" pass
        code_of "$pid" 60
        same "$way: it goes on when it can" 0 "$code"
    else
        code_of "$pid" 60
        [ "$code" != 0 ] && ok "$way: refuses to start" || bad "$way: starts"
        has "$way: it says so" 'Read-only file system' "$dir/state.$way.out"
        can_write
        tell "$control" pass
        run_on 0 "$small"
    fi
    there "$way: every record once" "$repeated"
    run_on 0 "$small"
    there "$way: the position was stored in the end" "$repeated"
done
figure "$total records, $(counted duplicates) twice"
finish
