#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# ctest: no-servers
# A shell that was forked to run a program and gets a signal before exec runs the EXIT trap of its
# parent. What such a trap removes is the parent's, so it must do nothing there.
here=$(cd "$(dirname "$0")" && pwd)
. "$here/../support/script.sh"
root=$(cd "$here/../.." && pwd)

# Signals that come early, one after the other, until a trap of the parent was run by a child.
hit() { # LIBRARY
    DF_KAFKA=127.0.0.1:9 timeout -k 5 60 bash -c '
        . "$1"
        for ((i = 0; i < 400; i++)); do
            sleep 0.2 &
            kill -TERM $!
            [ -d "$dir" ] || { echo gone; exit 1; }
        done
        wait' - "$1"
}
if hit "$here/kafka_lib.sh"; then ok 'kafka_lib: its folder stays'; else bad 'kafka_lib: a child removed the folder'; fi

# The others need servers: that each trap asks whose shell it is.
while IFS=: read -r file line text; do
    what=${text#*trap }
    case $what in
    *BASHPID*) continue ;;
    [a-z]*) grep -A 4 "^${what%% *}() {" "$root/$file" | grep -q BASHPID && continue ;;
    esac
    bad "$file:$line: the trap does not ask whether it runs in the shell that set it"
done < <(cd "$root" && grep -n -s '^ *trap .*EXIT$' quickstart tests/bed/* tests/*/*.sh tests/*/*/*.sh tests/fuzz/run |
    grep -v "trap ''\|trap - ")
[ "$failed" = 1 ] || ok 'every trap asks whose shell it is'
exit $failed
