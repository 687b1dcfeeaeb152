#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
#
# rpm.sh: the .rpm packages, built with Debian's rpm tools, in a Debian whose rpm installs, upgrades and removes
# them. What needs a Fedora image (dependencies met by its packages, SELinux, its flags) is not shown here.
. "$(dirname "$0")/lib.sh"
own=$(. /etc/os-release && echo "$VERSION_CODENAME")
packages=$work/rpm
sources || exit 1
cd "$dir" || exit 1

build() { # RELEASE OUTPUT
    rm -rf "$2" "$dir/work"
    CCACHE_BASEDIR=$dir/work PATH=/usr/lib/ccache:$PATH "$dir/source/packaging/rpm/build" --work "$dir/work" --release "$1" \
        --output "$2" >"$dir/build.log" 2>&1 || { tail -n 30 "$dir/build.log"; return 1; }
}

if build 1 "$packages"; then ok 'rpmbuild'; else bad 'rpmbuild'; exit 1; fi
echo '# of the next version' >>source/packaging/systemd/example.yaml
if build 2 "$dir/next"; then ok 'the next release'; else bad 'the next release'; exit 1; fi
for file in "$packages"/dataflow-module-*.rpm; do
    rpm -qpR "$file" 2>/dev/null | grep -q 'libdataflow(.*) = 0' && ok "$(rpm -qp --qf '%{NAME}' "$file" 2>/dev/null) needs its very library" || bad "$file: no Requires"
done
rpm -qpR "$packages"/*.rpm 2>/dev/null | grep -oE 'GLIBC_2\.[0-9]+' | sort -u >glibc
[ -s glibc ] || bad 'what they need of the C library'
same 'the oldest C library that they need' '' "$(awk -F. '$2 > 34' glibc)"
mkdir lib && cp -a /usr/lib/*/libyyjson.so.0* lib/
if clean "$own" --bind "$packages:/packages" --bind "$dir/next:/next" --bind "$dir/lib:/yyjson" -- bash /src/tests/packaging/rpm-installed.sh; then
    ok 'rpm: installed'
else bad 'rpm: installed'; fi
finish
