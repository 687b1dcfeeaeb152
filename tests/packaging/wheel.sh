#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
#
# wheel.sh PREFIX LIBDIR: the Python wheel with the library inside, and the sdist, made of what is installed in PREFIX
# and used in a Debian that has Python and nothing else of it.
prefix=$1 lib=$1/$2
[ -e "$prefix/include/dataflow.h" ] || { echo "skipped: nothing is installed in $prefix: cmake --install"; exit 77; }
. "$(dirname "$0")/lib.sh"
own=$(. /etc/os-release && echo "$VERSION_CODENAME")
sources || exit 1
cd "$dir" || exit 1
mkdir out
cp -r source/bindings/python build && cd build || exit 1
DATAFLOW_BUNDLE=$prefix /usr/bin/python3 setup.py -q bdist_wheel --dist-dir ../out >../log 2>&1 || { tail -n 5 ../log; bad 'the wheel'; finish; }
PKG_CONFIG_PATH=$lib/pkgconfig /usr/bin/python3 setup.py -q sdist --dist-dir ../out >../log 2>&1 || { tail -n 5 ../log; bad 'the sdist'; finish; }
cd .. || exit 1
ok "$(ls out | xargs)"
# Nothing crosses: every shared object shows names of its own alone.
mkdir look && (cd look && python3 -m zipfile -e ../out/*.whl .)
[ "$(find look -name '*.so*' | wc -l)" -ge 5 ] || bad "  all of it is there: $(find look -name '*.so*' | xargs)"
same '  its objects show our names alone' '' "$(find look -name '*.so*' ! -name 'liby*' | xargs nm -D --defined-only | grep -E ' [TDRB] ' | awk '{print $3}' |
    grep -vE '^(df_|df__net_table$|PyInit__native$|_init$|_fini$|dfproc_)' | sort -u)"
same '  what it carries has a name of its own' '' "$(find look -name 'liby*' -printf '%f\n' | grep -vE -- '-[0-9a-f]{8}\.so')"
same '  no search path leaves it' '' "$(find look -name '*.so*' | xargs -n 1 readelf -d | grep -E 'R(UN)?PATH' | grep -v 'path: \[\$ORIGIN')"
mkdir yyjson && cp -a /usr/lib/*/libyyjson.so.0* yyjson/
if clean "$own" --bind "$dir/out:/out" --bind "$dir/yyjson:/yyjson" --bind "$prefix:/prefix" -- bash /src/tests/packaging/wheel-installed.sh; then
    ok 'wheel: installed'
else bad 'wheel: installed'; fi
finish
