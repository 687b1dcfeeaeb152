#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
#
# deb.sh RELEASE: the Debian packages of that release: built (twice, the same bytes), checked by lintian, installed,
# upgraded, removed and purged in a clean Debian.
. "$(dirname "$0")/lib.sh"
release=$1
own=$(. /etc/os-release && echo "$VERSION_CODENAME")
packages=$work/$release
sources || exit 1
cd "$dir" || exit 1

build() { # WORK OUTPUT
    rm -rf "$2" && mkdir -p "$1" "$2"
    if [ "$own" = "$release" ]; then
        CCACHE_BASEDIR=$1 PATH=/usr/lib/ccache:$PATH "$dir/source/packaging/debian/build" --work "$1" --output "$2"
    else
        clean "$release" --build --bind "$1:/work" --bind "$2:/out" --bind "$CCACHE_DIR:/ccache" -- \
            env CCACHE_BASEDIR=/work CCACHE_DIR=/ccache PATH="/usr/lib/ccache:/usr/sbin:/usr/bin:/sbin:/bin" \
            SOURCE_DATE_EPOCH="$SOURCE_DATE_EPOCH" /src/packaging/debian/build --work /work --output /out
    fi >"$dir/build.log" 2>&1 || { tail -n 30 "$dir/build.log"; return 1; }
    rm -rf "$1"
}

lintian_here() {
    if [ "$own" = "$release" ]; then lintian --allow-root "$packages"/*.changes
    else clean "$release" --build --bind "$packages:/out" -- sh -c 'lintian --allow-root /out/*.changes'; fi
}

# The next version of each package, with another sample manifest, as an upgrade brings it.
next_version() {
    local deb name
    mkdir -p "$dir/next"
    for deb in "$packages"/*.deb; do
        case $deb in *-dbgsym*) continue ;; esac
        rm -rf one && dpkg-deb -R "$deb" one
        sed -i -E 's/^(Version: .*)/\1.1/; s/(\(= [^)]*)\)/\1.1)/g' one/DEBIAN/control
        [ ! -e one/etc/dataflow/example.yaml ] || echo '# of the next version' >>one/etc/dataflow/example.yaml
        (cd one && find . -type f ! -path './DEBIAN/*' -printf '%P\0' | xargs -0 md5sum >DEBIAN/md5sums)
        name=${deb##*/}
        dpkg-deb --root-owner-group -Zgzip -z1 -b one "$dir/next/${name%_*}.1_${name##*_}" >/dev/null || return 1
    done
}

if build "$dir/work/first" "$packages"; then ok "$release: dpkg-buildpackage"; else bad "$release: dpkg-buildpackage"; exit 1; fi
if [ "$own" != "$release" ]; then : # once is enough
elif build "$dir/work/second/deeper" "$dir/again"; then
    same '  a second build in another folder has the same bytes' "$(cd "$packages" && sha256sum *.deb)" "$(cd again && sha256sum *.deb)"
else bad '  a second build'; fi
lintian_here >out 2>&1
[ $? -le 1 ] || bad '  lintian runs' # 1: it has found something
same '  lintian has no error and no warning' '' "$(grep -E '^[EW]:' out)"
next_version || bad '  the next version'
# Both at once: each waits for apt most of the time.
clean "$release" --systemd --bind "$packages:/packages" --bind "$dir/next:/next" -- bash /src/tests/packaging/service.sh >service.log 2>&1 &
if clean "$release" --bind "$packages:/packages" --bind "$dir/next:/next" -- bash /src/tests/packaging/deb-installed.sh; then
    ok "$release: installed"
else bad "$release: installed"; fi
wait $!
served=$?
cat service.log
case $served in
0) ok "$release: as a service" ;;
77) echo "$release: as a service: left out, see above" ;;
*) bad "$release: as a service" ;;
esac
finish
