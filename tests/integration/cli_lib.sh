# SPDX-License-Identifier: Apache-2.0
# cli_lib.sh: what the scripts that need no server share: a folder of their own, runs of dfproc with
# their output, and a failure that shows it. Sourced; needs dfproc in PATH; end with: exit $failed
set -u
. "$(dirname "${BASH_SOURCE[0]}")/../support/script.sh"
source=${DF_SOURCE_DIR:-$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)}
dir=$(mktemp -d)
trap '[ "$BASHPID" = $$ ] && { rm -rf "$dir"; }' EXIT
export XDG_STATE_HOME=$dir/state NO_COLOR=1
evidence=("$dir/out" "$dir/err")

# run NAME CODE COMMAND...: output in $dir/out and $dir/err; at most $limit (60) seconds
run() {
    local name=$1 code=$2 rc
    shift 2
    timeout --foreground "${limit:-60}" "$@" >"$dir/out" 2>"$dir/err"
    rc=$?
    if [ "$rc" = "$code" ]; then ok "$name"; else bad "$name: exit code $rc, not $code"; fi
}
