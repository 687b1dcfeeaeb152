#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# ctest: timeout=600
# Random SIGKILLs: groups of flows side by side, each killed again and again at a random moment.
# Even groups: Kafka, router, two tables, refused records in a third. Odd groups: Kafka to Kafka.
# DF_KILLS (100) kills in DF_KILL_GROUPS (4) groups; the long run: DF_KILLS=3000 DF_KILL_GROUPS=8.
. "$(dirname "$0")/fault_lib.sh"
kills=${DF_KILLS:-100}
groups=${DF_KILL_GROUPS:-4}
minutes=${DF_KILL_MINUTES:-0} # 0: no limit of time
each=$((kills / groups))
chunk=${DF_KILL_CHUNK:-1000}
longest=${DF_KILL_AFTER:-$(sanitized && echo 1.2 || echo 0.6)} # seconds, at most
quick='properties: {session.timeout.ms: 45000, heartbeat.interval.ms: 1000}'

manifest() { # GROUP
    from_topic "in$1" "instanceId: i$1, $quick"
    if [ $(($1 % 2)) = 0 ]; then
        echo 'transformations:'
        echo "  - {type: router, config: {routes: [{condition: \"\$.producer == 1\", $(to_table "b$1")}]}}"
        to_table "a$1"
        echo "errors: {type: postgresql, config: {connectionString: \"\${env:FAULT_PG}\", table: $schema.e$1}}"
    else
        echo "sink: {type: kafka, config: {brokers: \"$DF_KAFKA\", topic: $(name_of "out$1")}}"
    fi
}
prepare() { # GROUP
    topic "in$1" 2
    manifest "$1" >"$dir/g$1.yaml"
    if [ $(($1 % 2)) = 0 ]; then
        table "a$1" && table "b$1"
        sql "create view $schema.all$1 as select * from $schema.a$1 union all select * from $schema.b$1;
            create table $schema.e$1 (error jsonb, original_message jsonb, original_base64 text, key_base64 text, headers_base64 text)"
    else
        topic "out$1" 2
    fi
}
bad_of() { [ $(($1 % 2)) = 0 ] && echo "--bad 0.5 --bad-kind type"; }

# One group, in a shell of its own; its results in $dir/g<GROUP>.result
campaign() { # GROUP
    local g=$1 done=0 total=0 pid passed=0
    trap - EXIT
    while [ "$done" -lt "$each" ]; do
        [ "$minutes" != 0 ] && [ $(($(now) - begin)) -gt $((minutes * 60000)) ] && break
        produce "in$g" --count "$chunk" --from $((total / 2)) --producers 2 --partitions 2 --keys 20 $(bad_of "$g")
        total=$((total + chunk))
        dfproc run "$dir/g$g.yaml" >"$dir/g$g.out" 2>&1 &
        pid=$!
        nap 0.02 "$longest"
        kill -KILL "$pid" && done=$((done + 1))
        wait "$pid" 2>/dev/null
        grep -q 'assigned' "$dir/g$g.out" && passed=$((passed + 1))
    done
    LIMIT=180 flow "g$g" 0
    echo "$done $total $passed $failed" >"$dir/g$g.result"
}
for ((g = 0; g < groups; g++)); do prepare $g; done
begin=$(now)
workers=()
for ((g = 0; g < groups; g++)); do campaign $g 2>"$dir/g$g.err" & workers+=($!); done
wait "${workers[@]}"
took=$(seconds "$begin")
sum=0 running=0 duplicates=0 records=0
for ((g = 0; g < groups; g++)); do
    read -r done total passed worse <"$dir/g$g.result" || { bad "group $g ended early"; continue; }
    [ "$worse" = 0 ] || bad "group $g: $(tail -n 3 "$dir/g$g.err")"
    sum=$((sum + done)) running=$((running + passed)) records=$((records + total))
    limit=$((done * 3 * (4 * 8192 + chunk)))
    if [ $((g % 2)) = 0 ]; then
        audit_table "group $g" "all$g" --count "$total" --producers 2 $(bad_of $g) --no-gaps --max-duplicates "$limit"
        good=$(counted unique)
        same "group $g: refused records" $((total - good)) \
            "$(sql "select count(distinct (error->>'partition', error->>'offset')) from $schema.e$g")"
    else
        audit "group $g" --source topic --topic "$(name_of "out$g")" --count "$total" --producers 2 --no-gaps \
            --max-duplicates "$limit"
    fi
    duplicates=$((duplicates + $(counted duplicates)))
done
figure "$sum kills ($running of them while it had partitions) in $groups groups, $took s: $records records, $duplicates duplicates"
[ "$minutes" != 0 ] || same 'kills' $((each * groups)) "$sum"
finish
