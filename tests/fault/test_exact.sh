#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# ctest: timeout=300
# Kafka to PostgreSQL: every record once, its fields unchanged, in order within its key.
. "$(dirname "$0")/fault_lib.sh"
n=$(scaled 300000)
topic exact 4
table exact
produce exact --count "$n" --producers 4 --partitions 4 --keys 1000
{ from_topic exact; to_table exact; } >"$dir/exact.yaml"
begin=$(now)
flow exact 0
figure "$n records in $(seconds "$begin") s, start and end included"
same 'the summary' "$n $n 0" "$(summary received exact) $(summary sent exact) $(summary errored exact)"
audit_table 'every record once, in order' exact --count "$n" --producers 4 --expect-count "$n" --no-gaps \
    --max-duplicates 0 --ordered

# Once more: nothing is left to do.
flow exact 0
audit_table 'a second run adds nothing' exact --count "$n" --producers 4 --expect-count "$n" --no-gaps --max-duplicates 0
finish
