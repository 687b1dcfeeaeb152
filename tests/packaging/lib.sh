# SPDX-License-Identifier: Apache-2.0
# lib.sh: what the tests of packages share. Sourced; needs DF_BUILD_DIR; sets source, work and dir.
set -u
source=${DF_SOURCE_DIR:-$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)}
. "$source/tests/support/script.sh"
[ "$(id -u)" = 0 ] || { echo 'skipped: a chroot needs root'; exit 77; }
command -v apt-get >/dev/null || { echo 'skipped: the packages are built on Debian'; exit 77; }
"$source/tools/setup" package >&2 || exit 1
work=${DF_BUILD_DIR:?}/packages
mkdir -p "$work"
dir=$(mktemp -d)
trap '[ "$BASHPID" = $$ ] && { rm -rf "$dir"; }' EXIT
evidence=("$dir/out")
export CCACHE_DIR=${CCACHE_DIR:-${XDG_CACHE_HOME:-$HOME/.cache}/dataflow-ccache} CCACHE_MAXSIZE=4G
export SOURCE_DATE_EPOCH=${SOURCE_DATE_EPOCH:-1764500000}
unset CMAKE_C_COMPILER_LAUNCHER CMAKE_CXX_COMPILER_LAUNCHER
mkdir -p "$CCACHE_DIR"

# The sources as a user gets them, in $dir/source.
sources() {
    python3 -B -c 'import sys; sys.path.insert(0, sys.argv[1] + "/packaging"); import source; source.tarball(*sys.argv[2:])' \
        "$source" "$dir/source.tar.gz" source && tar -xzf "$dir/source.tar.gz" -C "$dir"
}

# chroot RELEASE [--build] [--bind ...] -- COMMAND: with the sources in /src
clean() { local release=$1; shift; "$source/packaging/chroot" "$release" --bind "$dir/source:/src" "$@"; }
