#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# The operator against an API server that fails (campaign): a sample of its cases, the same one each time.
# DF_OPERATOR_FAULTS=all runs all of them, in about an hour of CPU time.
# ctest: no-servers timeout=4000
here=$(cd "$(dirname "$0")" && pwd)
failed=0
campaign() { python3 "$here/campaign" "$@" || failed=1; }
running=()
beside() { python3 "$here/campaign" "$@" & running+=($!); }
join() {
    local one
    for one in "${running[@]}"; do wait "$one" || failed=1; done
    running=()
}
trap 'kill "${running[@]}" 2>/dev/null; exit 143' INT TERM HUP
for kind in kafka postgresql; do
    dfproc connectors | grep -q "^$kind" || { echo "skipped: this build has no $kind"; exit 77; }
done
if [ "${DF_OPERATOR_FAULTS:-}" = all ]; then
    for what in requests views clocks fields; do campaign $what; done
    campaign situations --but pods_renewed events_without_end
else
    # Most of it waits for faults to pass: beside each other, but for situations that count seconds.
    beside requests --sample 50 --seed 7 --jobs 12
    beside views --scenario cron_run --scenario flow_reset --sample 10 --seed 7 --jobs 10
    beside clocks --scenario cron_run_slow --scenario flow_in_window --sample 10 --seed 7 --jobs 10
    join
    campaign situations --but server watches_silent readiness_red removed_seen pods_renewed events_without_end --jobs 10
    beside fields --sample 2 --seed 7
fi
# These keep the server of the test busy.
beside situations --only pods_renewed
beside situations --only events_without_end
join
exit $failed
