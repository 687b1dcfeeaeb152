#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# ctest: no-servers
# An output file that somebody removes is made again before a record counts as written; a pipe that
# never gives the variables of --env-file can be left.
. "$(dirname "$0")/../cli_lib.sh"
lines() { [ "$(wc -l 2>/dev/null <"$1")" = "$2" ]; }
touch "$dir/err" "$dir/out"

echo '{"n":1}' >"$dir/in.jsonl"
cat >"$dir/m.yaml" <<YAML
source: {type: stdio, config: {path: $dir/in.jsonl, follow: true}}
sink: {type: stdio, config: {path: $dir/out.jsonl}}
YAML
dfproc run "$dir/m.yaml" >"$dir/out" 2>"$dir/err" &
runner=$!
until_true 20 lines "$dir/out.jsonl" 1 || bad 'the first record'
rm "$dir/out.jsonl"
for n in 2 3 4; do echo "{\"n\":$n}" >>"$dir/in.jsonl"; done
until_true 20 lines "$dir/out.jsonl" 3 && ok 'removed: made again' || bad "removed: not made again"
kill -TERM $runner
wait $runner && ok 'removed: ends in order' || bad 'removed: the end'
[ "$(cat "$dir/out.jsonl")" = "$(tail -n 3 "$dir/in.jsonl")" ] && ok 'removed: what came after is there, once' ||
    bad "removed: $(cat "$dir/out.jsonl")"
grep -q 'out.jsonl was removed' "$dir/err" && ok 'removed: told' || bad 'removed: not told'

mkfifo "$dir/variables"
dfproc run "$dir/m.yaml" --env-file "$dir/variables" >"$dir/out" 2>"$dir/err" &
runner=$!
timeout 20 bash -c 'exec 9>"$1/variables"; : >"$1/opened"; sleep 15' _ "$dir" & # opens when it is read
writer=$!
until_true 20 test -e "$dir/opened" || bad 'a pipe for --env-file: it is not read'
kill -TERM $runner
ended() { ! [ -e "/proc/$runner/stat" ] || [ "$(awk '{print $3}' "/proc/$runner/stat")" = Z ]; }
until_true 20 ended || kill -KILL $runner
wait $runner
code=$?
kill $writer 2>/dev/null
[ "$code" = 143 ] && ok 'a pipe for --env-file: TERM ends it' || bad "a pipe for --env-file: exit code $code"
exit "$failed"
