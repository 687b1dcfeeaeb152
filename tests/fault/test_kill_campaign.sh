#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# ctest: timeout=600
# Random SIGKILLs: groups side by side, each one flow that is killed again and again at a random
# moment. The groups take turns at the flows of DF_KILL_FLOWS (all):
#   router   Kafka, router, two tables, refused records in a third
#   kafka    Kafka to Kafka, idempotent producer
#   file     file to table, positions in a folder
#   soft     the same with upserts and soft deletes: 199 keys, one change in five is a delete
# A run lives at most DF_KILL_AFTER seconds (2.5 times as long as a first one needs to get going).
# DF_KILLS (102) kills in DF_KILL_GROUPS (6) groups; the long run: DF_KILLS=3000 DF_KILL_GROUPS=12.
. "$(dirname "$0")/fault_lib.sh"
kills=${DF_KILLS:-102}
groups=${DF_KILL_GROUPS:-6}
read -r -a flows <<<"${DF_KILL_FLOWS:-router kafka file soft}"
minutes=${DF_KILL_MINUTES:-0} # 0: no limit of time
each=$(((kills + groups - 1) / groups))
chunk=${DF_KILL_CHUNK:-1000}
quick='properties: {session.timeout.ms: 45000, heartbeat.interval.ms: 1000}'
kind_of() { echo "${flows[$1 % ${#flows[@]}]}"; } # GROUP

# ---- each flow: its stages, what it needs, one more portion, whether a run got somewhere, its audit -------
router_prepare() {
    topic "in$1" 2
    table "a$1" && table "b$1"
    sql "create view $schema.all$1 as select * from $schema.a$1 union all select * from $schema.b$1;
        create table $schema.e$1 (error jsonb, original_message jsonb, original_base64 text, key_base64 text, headers_base64 text)"
    from_topic "in$1" "instanceId: i$1, $quick"
    echo 'transformations:'
    echo "  - {type: router, config: {routes: [{condition: \"\$.producer == 1\", $(to_table "b$1")}]}}"
    to_table "a$1"
    echo "errors: {type: postgresql, config: {connectionString: \"\${env:FAULT_PG}\", table: $schema.e$1}}"
}
kafka_prepare() {
    topic "in$1" 2
    topic "out$1" 2
    from_topic "in$1" "instanceId: i$1, $quick"
    echo "sink: {type: kafka, config: {brokers: \"$DF_KAFKA\", topic: $(name_of "out$1")}}"
}
file_prepare() {
    table "f$1"
    : >"$dir/f$1.in"
    echo "source: {type: stdio, config: {path: $dir/f$1.in}}"
    to_table "f$1"
}
soft_prepare() {
    sql "create schema if not exists $schema; create table $schema.s$1 (id int primary key, v int, w int, gone timestamptz)"
    : >"$dir/s$1.in"
    echo "source: {type: stdio, config: {path: $dir/s$1.in}}"
    echo 'transformations: [{type: debeziumUnwrap}]'
    to_table "s$1" 'upsertMode: true, softDeleteColumn: gone'
}
bad_of() { [ "$(kind_of "$1")" = router ] && echo "--bad 0.5 --bad-kind type"; }
more() { # GROUP TOTAL
    if [ "$(kind_of "$1")" = soft ]; then
        seq $(($2 + 1)) $(($2 + chunk)) | awk '{ id = $1 * 7919 % 199; op = $1 % 5 ? "u" : "d"; w = $1 % 3 ? ",\"w\":" $1 : ""
            printf "{\"payload\":{\"op\":\"%s\",\"before\":%s,\"after\":%s}}\n", op,
                op == "d" ? "{\"id\":" id "}" : "null", op == "d" ? "null" : "{\"id\":" id ",\"v\":" $1 w "}" }' >>"$dir/s$1.in"
    elif [ "$(kind_of "$1")" = file ]; then
        dfaudit produce --stdout --count "$chunk" --from $(($2 / 2)) --producers 2 >>"$dir/f$1.in"
    else
        produce "in$1" --count "$chunk" --from $(($2 / 2)) --producers 2 --partitions 2 --keys 20 $(bad_of "$1")
    fi
}
got_going() { grep -q 'assigned\|sink: ready' "$1"; } # OUTPUT
limit_of() { echo $(($1 * 3 * (4 * 8192 + chunk))); } # KILLS
router_audit() { # GROUP TOTAL KILLS
    audit_table "group $1, router" "all$1" --count "$2" --producers 2 $(bad_of "$1") --no-gaps --max-duplicates "$(limit_of "$3")"
    same "group $1, router: refused records" $(($2 - $(counted unique))) \
        "$(sql "select count(distinct (error->>'partition', error->>'offset')) from $schema.e$1")"
}
kafka_audit() {
    audit "group $1, kafka" --source topic --topic "$(name_of "out$1")" --count "$2" --producers 2 --no-gaps \
        --max-duplicates "$(limit_of "$3")"
}
file_audit() { audit_table "group $1, file" "f$1" --count "$2" --producers 2 --no-gaps --max-duplicates "$(limit_of "$3")"; }
# A row of each key, with what the last change of each column said, and marked where the last one is a delete.
soft_audit() {
    local wrong
    wrong=$(diff <(tr -d '{}"' <"$dir/s$1.in" | sed 's/payload://; s/before:null,after://; s/,after:null//; s/before://' | awk -F'[:,]' '
            { id = $4; gone[id] = $2 == "d" && id in v }
            $2 == "u" { v[id] = $6; if (NF > 6) w[id] = $8 }
            END { for (id in v) print id "|" v[id] "|" w[id] "|" (gone[id] ? "t" : "f") }' | sort) \
        <(sql "select id, v, w, gone is not null from $schema.s$1" | sort) | grep -c '^[<>]')
    same "group $1, soft: keys that differ" 0 "$wrong"
    counts="\"missing\":$wrong \"duplicates\":0"
}

# ---- one group, in a shell of its own; its results in $dir/g<GROUP>.result ----------------------------------
kill_one() { # GROUP HOW LONG IT LIVES: in $code how it ended, in $done and $passed what it counts for
    local pid begin
    begin=$(now)
    dfproc run "$dir/g$1.yaml" >"$dir/g$1.out" 2>&1 &
    pid=$!
    if [ -n "$2" ]; then
        nap 0.02 "$2"
    else
        until_true 30 got_going "$dir/g$1.out"
        longest=$(awk "BEGIN{t = ($(now) - $begin) / 1000; print \"$kind\" ~ /file|soft/ ? t + 0.1 : t < 0.24 ? 0.6 : 2.5 * t}")
    fi
    ours "$pid" && kill -KILL "$pid" 2>/dev/null
    wait "$pid" 2>/dev/null
    code=$?
    [ "$code" = 137 ] || return
    done=$((done + 1))
    got_going "$dir/g$1.out" && passed=$((passed + 1))
}
campaign() { # GROUP
    local g=$1 kind chunk=$chunk done=0 total=0 passed=0 longest=${DF_KILL_AFTER:-}
    export XDG_STATE_HOME=$dir/state$g
    trap - EXIT
    kind=$(kind_of "$g")
    case $kind in # a run ends with the file: a longer one
    file) chunk=$((chunk * 20)) ;;
    soft) chunk=$((chunk * 5)) ;;
    esac
    while [ "$done" -lt "$each" ]; do
        [ "$minutes" != 0 ] && [ $(($(now) - begin)) -gt $((minutes * 60000)) ] && break
        more "$g" "$total" 2>/dev/null
        total=$((total + chunk))
        kill_one "$g" "$longest"
        case $code in 0 | 137) ;; *) bad "g$g: exit code $code"; show "$dir/g$g.out"; break ;; esac
    done
    LIMIT=180 flow "g$g" 0
    echo "$done $total $passed $failed" >"$dir/g$g.result"
}
for ((g = 0; g < groups; g++)); do "$(kind_of "$g")_prepare" "$g" >"$dir/g$g.yaml"; done
begin=$(now)
workers=()
for ((g = 0; g < groups; g++)); do campaign $g >"$dir/g$g.err" 2>&1 & workers+=($!); done
wait "${workers[@]}"
took=$(seconds "$begin")

declare -A sum running duplicates records lost
for ((g = 0; g < groups; g++)); do
    kind=$(kind_of "$g")
    read -r done total passed worse <"$dir/g$g.result" || { bad "group $g ended early"; continue; }
    [ "$worse" = 0 ] || bad "group $g: $(tail -n 9 "$dir/g$g.err")"
    "${kind}_audit" "$g" "$total" "$done"
    for k in "$kind" all; do
        sum[$k]=$((${sum[$k]:-0} + done)) running[$k]=$((${running[$k]:-0} + passed))
        records[$k]=$((${records[$k]:-0} + total)) duplicates[$k]=$((${duplicates[$k]:-0} + $(counted duplicates)))
        lost[$k]=$((${lost[$k]:-0} + $(counted missing)))
    done
done
for k in "${flows[@]}" all; do
    figure "$k: ${sum[$k]:-0} kills (${running[$k]:-0} of them while it was moving records), ${records[$k]:-0} records, ${lost[$k]:-?} lost, ${duplicates[$k]:-0} twice"
done
figure "$groups groups, $took s"
[ "$minutes" != 0 ] || same 'kills' $((each * groups)) "${sum[all]}"
finish
