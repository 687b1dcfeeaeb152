#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# test_template.sh: the template's folder, copied with its tests, becomes a connector: the conformance suites and its
# unit tests run, its options come into the pages, and no other file is written by hand.
# ctest: no-servers timeout=600
set -u
. "$(dirname "$0")/../support/script.sh"
source=${DF_SOURCE_DIR:-$(cd "$(dirname "$0")/../.." && pwd)}
# The same place each time, so that ccache finds what it has compiled.
dir=${DF_BUILD_DIR:?a built tree is needed}/copied
evidence=("$dir/log")
rm -rf "$dir"
leave() { [ "$BASHPID" = $$ ] && rm -rf "$dir"; }
trap leave EXIT
must() { # NAME COMMAND…: nothing after it has a sense when it fails
    if "${@:2}" >"$dir/log" 2>&1; then ok "$1"; else bad "$1"; finish; fi
}
tree=$dir/tree
# Every file of the tree with what it holds.
files() { (cd "$tree" && find . -type f -exec sha256sum {} + | sort -k 2); }
changed() { diff "$dir/before" <(files) | sed -n 's/^[<>] [0-9a-f]*  //p' | sort -u; }

mkdir -p "$tree"
for one in "$source"/*; do [ "${one##*/}" = build ] || cp -r "$one" "$tree" 2>"$dir/log"; done
files >"$dir/before"

# ---- the folder, by the steps of docs/write-a-connector.md ---------------------------------------------
new=$tree/libdataflow/connectors/copied
cp -r "$tree/libdataflow/connectors/template" "$new"
mv "$new/template.c" "$new/copied.c"
mv "$new/tests/test_template.c" "$new/tests/test_copied.c"
sed -i 's/template/copied/g' "$new"/*.* "$new"/tests/*
sed -i 's/ EXAMPLE$//' "$new/CMakeLists.txt"
# A unit test with a file beside it.
echo 'int copied_beside(void); int copied_beside(void) { return 7; }' >"$new/tests/beside.c"
cat >"$new/tests/test_beside.c" <<'END'
#include "support/support.h"
int copied_beside(void);
static void test_beside(void **state)
{
    (void)state;
    assert_int_equal(copied_beside(), 7);
}
int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_beside)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
END

# ---- built and asked -----------------------------------------------------------------------------------
launcher=$(command -v ccache)
export CCACHE_BASEDIR=$dir CCACHE_NOHASHDIR=1
must 'it is found' cmake -S "$tree" -B "$dir/build" -G Ninja -DCMAKE_BUILD_TYPE=Debug -DDF_DEV=ON -DDF_WERROR=ON \
    -DDF_CONNECTORS=OFF -DDF_WITH_COPIED=ON -DDF_WITH_EXAMPLES=OFF -DDF_WITH_NET=OFF -DDF_WITH_DFOPERATOR=OFF \
    ${launcher:+-DCMAKE_C_COMPILER_LAUNCHER=$launcher}
must 'it is built, with its tests' cmake --build "$dir/build" --target dfproc module_copied test_unit_copied_copied \
    test_unit_copied_beside test_conformance_sources test_conformance_sinks
DF_TEST_FILTER='copied: *' must 'its tests pass' ctest --test-dir "$dir/build" --output-on-failure -V --no-tests=error \
    -R '^unit\.copied\.|^conformance\.(sources|sinks)$'
for name in unit.copied.copied unit.copied.beside; do
    grep -qE "Test +#[0-9]+: $name \.+ +Passed" "$dir/log" && ok "  $name" || bad "  $name did not run"
done
asked=$(grep -c 'OK \] copied: ' "$dir/log")
[ "$asked" -ge 20 ] && ok "  $asked questions of conformance" || bad "  only $asked questions of conformance"

dfproc=$dir/build/bin/dfproc
seq 1 1000 >"$dir/in"
cat >"$dir/flow.yaml" <<END
source: {type: copied, config: {path: $dir/in}}
sink: {type: copied, config: {path: $dir/out}}
END
for round in 1 2; do
    must "run $round" "$dfproc" run --until-exhausted --state-dir "$dir/state" --no-progress "$dir/flow.yaml"
done
cmp -s "$dir/in" "$dir/out" && ok 'it moves lines, and a second run has nothing to do' || bad 'other lines came out'
"$dfproc" validate - <<<'{source: {type: copied}, sink: {type: "null"}}' >"$dir/log" 2>&1
grep -q '"path" is required' "$dir/log" && ok 'a missing option is named' || bad 'a missing option is not named'

# ---- the pages, with the modules of the build that runs this test beside it -----------------------------------
mkdir -p "$dir/pages/modules"
ln -s "$DF_BUILD_DIR/bin" "$DF_BUILD_DIR/lib" "$dir/pages/"
ln -s "$DF_BUILD_DIR"/modules/*.so "$dir/build/modules/copied.so" "$dir/pages/modules/" 2>/dev/null
same 'only its folder is new' '' "$(changed | grep -v '^\./libdataflow/connectors/copied/')"
must 'the pages are written' "$tree/tools/check" --update --build "$dir/pages"
same 'no other file but generated pages' \
    './deploy/crds/dataflowcrons.dataflow.dataflow.io.yaml
./deploy/crds/dataflows.dataflow.dataflow.io.yaml
./docs/crd.md
./docs/options.md' "$(changed | grep -v '^\./libdataflow/connectors/copied/')"
grep -q '^### copied sink' "$tree/docs/options.md" && grep -q '^### copied sink' "$tree/docs/crd.md" && ok '  which have its options' ||
    bad '  which do not have its options'
finish
