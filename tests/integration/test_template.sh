#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# test_template.sh: a copied connector folder becomes a connector, and no other file changes.
# ctest: no-servers timeout=600
set -u
source=${DF_SOURCE_DIR:-$(cd "$(dirname "$0")/../.." && pwd)}
dir=$(mktemp -d)
leave() { [ "$BASHPID" = $$ ] && rm -rf "$dir"; }
trap leave EXIT
fail() { echo "FAILED  $1"; [ -z "${2:-}" ] || tail -n 15 "$2"; exit 1; }

mkdir "$dir/tree"
cp -r "$source"/{CMakeLists.txt,LICENSE,cmake,include,libdataflow,apps,pkgconfig} "$dir/tree" || fail 'copying the tree'
mkdir "$dir/tree/docs"
cp -r "$dir/tree/libdataflow/connectors/template" "$dir/tree/libdataflow/connectors/copied"
new=$dir/tree/libdataflow/connectors/copied
mv "$new/template.c" "$new/copied.c"
sed -i 's/template/copied/g' "$new/copied.c" "$new/CMakeLists.txt" "$new/tests/conformance.c"
sed -i 's/ EXAMPLE$//' "$new/CMakeLists.txt"

launcher=$(command -v ccache)
cmake -S "$dir/tree" -B "$dir/build" -G Ninja -DCMAKE_BUILD_TYPE=Debug -DBUILD_TESTING=OFF -DDF_DEV=ON \
    -DDF_CONNECTORS=OFF -DDF_WITH_COPIED=ON -DDF_WITH_EXAMPLES=OFF -DDF_WERROR=ON \
    ${launcher:+-DCMAKE_C_COMPILER_LAUNCHER=$launcher} >"$dir/log" 2>&1 || fail 'configure' "$dir/log"
cmake --build "$dir/build" --target dfproc module_copied >"$dir/log" 2>&1 || fail 'build' "$dir/log"
echo 'ok      the copy builds'

dfproc=$dir/build/bin/dfproc
"$dfproc" connectors copied >"$dir/log" 2>&1 || fail 'connectors copied' "$dir/log"
grep -q 'File whose lines are read' "$dir/log" && echo 'ok      its options are listed' || fail 'options' "$dir/log"
seq 1 1000 >"$dir/in"
cat >"$dir/flow.yaml" <<EOF
source: {type: copied, config: {path: $dir/in}}
sink: {type: copied, config: {path: $dir/out}}
EOF
for _ in 1 2; do
    "$dfproc" run --until-exhausted --state-dir "$dir/state" --no-progress "$dir/flow.yaml" >"$dir/log" 2>&1 || fail 'run' "$dir/log"
done
cmp "$dir/in" "$dir/out" && echo 'ok      it moves lines, and a second run has nothing to do' || fail 'lines' "$dir/log"
"$dir/build/bin/dfproc" validate - <<<'{source: {type: copied}, sink: {type: "null"}}' >"$dir/log" 2>&1
grep -q '"path" is required' "$dir/log" && echo 'ok      a missing option is named' || fail 'validate' "$dir/log"
