#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# The operator against an API server that fails (campaign): a sample of its cases, the same one each time.
# DF_OPERATOR_FAULTS=all runs all of them, in about an hour of CPU time.
# ctest: no-servers timeout=4000
here=$(cd "$(dirname "$0")" && pwd)
failed=0
campaign() { python3 "$here/campaign" "$@" || failed=1; }
for kind in kafka postgresql; do
    dfproc connectors | grep -q "^$kind" || { echo "skipped: this build has no $kind"; exit 77; }
done
if [ "${DF_OPERATOR_FAULTS:-}" = all ]; then
    for what in requests views fields; do campaign $what; done
    campaign situations --but pods_renewed events_without_end
else
    campaign requests --sample 50 --seed 7 --jobs 12
    campaign views --scenario cron_run --scenario flow_reset --sample 10 --seed 7 --jobs 10
    campaign situations --but server watches_silent readiness_red removed_seen pods_renewed events_without_end --jobs 10
    campaign fields --sample 2 --seed 7
fi
# Alone: they keep the server of the test busy, and those before them count seconds.
campaign situations --only pods_renewed
campaign situations --only events_without_end
exit $failed
