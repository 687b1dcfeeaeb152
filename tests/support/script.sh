# SPDX-License-Identifier: Apache-2.0
# script.sh: what all test scripts share: a line for each thing that they look at, `failed` for their exit code,
# waiting, and the processes of this very shell. Sourced.
failed=0
# Limits of time hold for a machine that does nothing else; the suite, which builds and runs its servers
# beside the tests, gives twice as much.
slack=${DF_TEST_SLACK:-1}
evidence=() # files whose end is shown with every failure

ok() { echo "ok      $1"; }
bad() {
    echo "FAILED  $1"
    failed=1
    [ "${#evidence[@]}" = 0 ] || tail -q -n 20 "${evidence[@]}" 2>/dev/null | cut -c1-400 | sed 's/^/        /'
}
same() { # NAME EXPECTED ACTUAL
    if [ "$2" = "$3" ]; then ok "$1"; else
        bad "$1"
        diff <(printf '%s\n' "$2") <(printf '%s\n' "$3") | head -n 12 | sed 's/^/        /'
    fi
}
finish() { exit $failed; }

now() { echo $((10#$(date +%s%N) / 1000000)); } # ms
until_true() { # SECONDS COMMAND…
    local limit=$(($(now) + $1 * 1000 * slack))
    shift
    until "$@"; do
        [ "$(now)" -ge "$limit" ] && return 1
        sleep 0.1
    done
}

# A process that this very shell started and that has not ended: a number alone may belong to another
# process by now.
ours() { # PID
    local stat
    read -r stat 2>/dev/null <"/proc/$1/stat" || return 1
    set -- ${stat##*) }
    [ "$2" = "$BASHPID" ] && [ "$1" != Z ]
}
