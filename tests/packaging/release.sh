#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
#
# release.sh: a dry run of tools/release: each part is named, what takes seconds is made twice with the same bytes, and
# nothing is left. The packages themselves have tests of their own.
set -u
source=$(cd "$(dirname "$0")/../.." && pwd)
. "$source/tests/support/script.sh"
dir=$(mktemp -d)
trap '[ "$BASHPID" = $$ ] && { rm -rf "$dir"; }' EXIT
evidence=("$dir/out" "$dir/err")
export TMPDIR=$dir/tmp
mkdir "$TMPDIR"
dry() { "$source/tools/release" --dry-run "$@" >"$dir/out" 2>"$dir/err"; }
if dry; then ok 'a dry run'; elif grep -q 'not made, ' "$dir/out"; then ok 'a dry run, which says what is missing here'; else bad 'a dry run'; fi
for part in tarball deb-bookworm deb-trixie rpm image chart wheel; do
    grep -qE "^$part: (made|would be made|not made, .+)$" "$dir/out" || bad "  nothing is said of $part"
done
same '  it makes the sources and the chart' 'chart tarball' "$(sed -n 's/: made$//p' "$dir/out" | sort | xargs)"
same '  with bills and sums' 2 "$(grep -cE '^[0-9a-f]{64}  .*\.spdx\.json$' "$dir/out")"
same '  and leaves nothing' '' "$(ls -A "$TMPDIR")"
quick() { sed -nE 's/^([0-9a-f]{64}  .*\.t(ar\.)?gz)$/\1/p' "$dir/out"; }
quick >"$dir/first"
same '  of both' 2 "$(wc -l <"$dir/first")"
dry --without image
same 'what is asked is left out' 'image: not made, as asked' "$(grep '^image:' "$dir/out")"
same '  the same bytes again' "$(cat "$dir/first")" "$(quick)"
mkdir "$dir/full" && touch "$dir/full/file"
if "$source/tools/release" --output "$dir/full" >"$dir/out" 2>&1; then bad 'a folder that is not empty is refused'; else
    grep -q 'is not empty' "$dir/out" && ok 'a folder that is not empty is refused' || bad 'a folder that is not empty is refused'
fi

# ---- a part that cannot be made here ---------------------------------------------------------------------------
mkdir "$dir/bin" && ln -s "$(command -v env)" "$(command -v git)" "$dir/bin" && ln -s "$(python3 -c 'import sys; print(sys.executable)')" "$dir/bin/python3"
lacks() { PATH=$dir/bin "$source/tools/release" --output "$dir/made" "$@" >"$dir/out" 2>&1; }
if lacks; then bad 'a part that is missing is refused'; else
    grep -q '^tools/release: the release lacks .*rpm, image' "$dir/out" && ok 'a part that is missing is refused by its name' ||
        bad 'a part that is missing is refused by its name'
fi
same '  before anything is made' '' "$(ls "$dir/made" 2>/dev/null)"
without=(--without deb-bookworm --without deb-trixie --without image --without wheel)
lacks "${without[@]}"
same '  and no other one' 'tools/release: the release lacks rpm' "$(grep 'lacks' "$dir/out")"
if lacks "${without[@]}" --without rpm; then ok '  unless it is left out'; else bad '  unless it is left out'; fi
same '  of which the report tells' 'rpm: not made, as asked' "$(grep '^rpm:' "$dir/made/REPORT")"
printf '#!/bin/sh\nexit 3\n' >"$dir/bin/rpmbuild" && chmod +x "$dir/bin/rpmbuild" && rm -rf "$dir/made"
if lacks "${without[@]}"; then bad 'one that fails is told'; else
    same 'one that fails is told' 'rpm: FAILED' "$(grep '^rpm:' "$dir/made/REPORT")"
fi
same '  and the others are made' 2 "$(grep -cE '\.t(ar\.)?gz$' "$dir/made/SHA256SUMS")"
finish
