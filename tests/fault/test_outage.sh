#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# ctest: lock=servers timeout=1200
# A server is down for long: for one flow the one that its records go to, for another one only that of
# its error sink. Both wait within their memory and without spinning, stay in their group, and catch
# up at full speed; nothing is lost. DF_OUTAGE: seconds (15; by option 300).
. "$(dirname "$0")/fault_lib.sh"
outage=${DF_OUTAGE:-15}
idle=$(sanitized && echo 10 || echo 2)
n=$(scaled 300000)
quick='properties: {session.timeout.ms: 10000, heartbeat.interval.ms: 1000}'
own_pg --conf track_commit_timestamp=on
own=$PG
on() { PG=$1 "${@:2}"; } # SERVER COMMAND…
on "$own" sql "create schema $schema"
export FAULT_OWN=$own FAULT_MAIN=$DF_PG
to() { echo "$3: {type: postgresql, config: {connectionString: \"\${env:$1}\", table: $schema.$2${4:+, $4}}}"; } # SERVER TABLE WHAT

# ---- the flows: down (its sink goes down), errors (its error sink goes down) ------------------------------
for f in down errors; do topic $f 4; done
on "$own" table down
on "$own" table again
on "$DF_PG" table errors
{ echo 'memoryLimit: 16Mi'; from_topic down "$quick"; to FAULT_OWN down sink; } >"$dir/down.yaml"
{ echo 'memoryLimit: 16Mi'; from_topic errors "$quick"; to FAULT_MAIN errors sink; to FAULT_OWN refused errors 'autoCreateTable: true'; } >"$dir/errors.yaml"
first=10000
portion() { # COUNT FROM
    produce down --count "$1" --from "$2" --partitions 4 --keys 1000
    produce errors --count "$1" --from "$2" --partitions 4 --keys 1000 --bad 0.5 --bad-kind malformed
}
refused=$(dfaudit produce --stdout --count $((first + n)) --bad 0.5 --bad-kind malformed 2>/dev/null | grep -vc '}$')
portion $first 0
start down
down_pid=$pid
start errors
errors_pid=$pid
until_true 30 on "$own" rows_at_least down $first || { bad 'the flow does not begin'; show "$dir/down.out"; }
until_true 30 on "$DF_PG" rows_at_least errors $((first * 9 / 10)) || { bad 'the other flow does not begin'; show "$dir/errors.out"; }

# ---- the outage ---------------------------------------------------------------------------------------------
pg_server kill
begin=$(now)
portion "$n" $first
# Memory is full and both wait: what the server that is there takes stands still.
stands() {
    local before
    before=$(on "$DF_PG" rows errors)
    sleep 1
    [ "$(on "$DF_PG" rows errors)" = "$before" ]
}
until_true 60 stands || bad 'the other flow does not come to wait'
down_cpu=$(cpu_ms "$down_pid") errors_cpu=$(cpu_ms "$errors_pid") since=$(now)
while [ $(($(now) - begin)) -lt $((outage * 1000)) ] || [ $(($(now) - since)) -lt 5000 ]; do sleep 0.5; done
span=$(($(now) - since))
for f in down errors; do
    pid_name=${f}_pid cpu_name=${f}_cpu
    at_most "$f: CPU while it waits" "$idle" "$(awk "BEGIN{printf \"%.1f\", ($(cpu_ms "${!pid_name}") - ${!cpu_name}) * 100 / $span}")" %
    ours "${!pid_name}" || { bad "$f: the flow ended"; show "$dir/$f.out"; }
done
pg_server restart
restarted=$(on "$own" sql 'select clock_timestamp()')
up=$(now)
# Looked at once a second: counting takes the server's time.
there() {
    sleep 1
    [ "$(dfaudit group show --group "$run.down" --topic "$(name_of down)" 2>/dev/null | grep -o ':[0-9]*' |
        awk -F: '{n += $2} END {print n + 0}')" -ge $((first + n)) ]
}
until_true 120 there || { bad 'down: not all arrived'; show "$dir/down.out"; }
figure "sink down $outage s: all $n records there $(seconds "$up") s after its return, back-off included"
all_refused() { [ "$(sql "select count(distinct (error->>'partition', error->>'offset')) from $schema.refused" 2>/dev/null || echo 0)" -ge "$refused" ]; }
until_true 120 on "$own" all_refused || { bad 'errors: refused records are missing'; show "$dir/errors.out"; }
figure "error sink down $outage s: all $refused refused records there $(seconds "$up") s after its return"
peaks=()
for f in down errors; do
    pid_name=${f}_pid
    peak=$(rss_kib "${!pid_name}")
    peaks+=("$f:$peak")
    end "${!pid_name}" 30
    same "$f: it stops in order" 0 "$code"
    same "$f: it stayed in its group" 1 "$(grep -c 'partitions of .* assigned' "$dir/$f.out")"
done

# ---- what arrived, and how fast beside a run without a fault --------------------------------------------------
# Both flows again and side by side, as they caught up.
sed "s/table: $schema.down/table: $schema.again/; s/consumerGroup: [^,]*/consumerGroup: $run.again/" "$dir/down.yaml" >"$dir/again.yaml"
sed "s/table: $schema.refused/table: $schema.refused_again/; s/table: $schema.errors/table: $schema.errors_again/
    s/consumerGroup: [^,]*/consumerGroup: $run.errors_again/" "$dir/errors.yaml" >"$dir/errors_again.yaml"
on "$DF_PG" table errors_again
start errors_again errors_again --until-exhausted
flow again 0
code_of "$pid" 60
same 'errors_again' 0 "$code"
for p in "${peaks[@]}"; do
    f=${p%%:*}
    again=$([ "$f" = down ] && echo again || echo errors_again)
    usual=$(($(summary peak_rss_bytes "$again") / 1024))
    figure "$f: peak ${p#*:} KiB with memoryLimit 16 MiB; a run without a fault: $usual KiB"
    sanitized || at_most "$f: memory, beside a run without a fault" $((usual + 6144)) "${p#*:}" KiB
done
speed() { # TABLE SINCE: rows a second, from the first commit to the last
    on "$own" sql "with t as (select pg_xact_commit_timestamp(xmin) as at from $schema.$1), c as (select at from t where at > '$2')
        select ((select count(*) from c where at > (select min(at) from c)) / extract(epoch from max(at) - min(at)))::bigint from c"
}
drained=$(speed down "$restarted") most=$(speed again -infinity)
figure "drained at $drained rows a second, $most without a fault: $(awk "BEGIN{printf \"%.2f\", $drained / $most}")"
sanitized || at_most 'speed without a fault, in drained ones' 2 "$(awk "BEGIN{printf \"%.2f\", $most / $drained}")"
on "$own" audit_table 'sink down: nothing is lost' down --count $((first + n)) --no-gaps --expect-count $((first + n)) --max-duplicates 40000
figure "sink down: $(counted duplicates) twice"
on "$DF_PG" audit_table 'error sink down: no good record is lost' errors --count $((first + n)) --bad 0.5 --bad-kind malformed --no-gaps
same 'error sink down: every refused record is in it' "$refused" \
    "$(on "$own" sql "select count(distinct (error->>'partition', error->>'offset')) from $schema.refused")"
finish
