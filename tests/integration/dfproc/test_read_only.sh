#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# ctest: no-servers
# A file sink where nothing can be written, as in the sandbox of the unit: the error names the file and what opens it.
. "$(dirname "$0")/../cli_lib.sh"
[ "$(id -u)" = 0 ] && unshare -m true 2>/dev/null || { echo 'skipped: a read-only mount needs root' && exit 77; }
mkdir "$dir/srv"
echo "{source: {type: generate, config: {count: 1}}, sink: {type: stdio, config: {path: $dir/srv/out.jsonl}}}" >"$dir/flow.yaml"
run 'a file in a read-only file system' 1 unshare -m sh -c \
    "mount -t tmpfs -o ro none '$dir/srv' && exec dfproc run --until-exhausted --no-progress '$dir/flow.yaml'"
grep -q "cannot open $dir/srv/out.jsonl: Read-only file system (.*ReadWritePaths=" "$dir/err" && ok '  its name, and what opens it' ||
    bad '  its name, and what opens it'
exit $failed
