# SPDX-License-Identifier: Apache-2.0
# kafka_lib.sh: what the Kafka tests share. Sourced; needs DF_KAFKA, dfproc and dfaudit in PATH.
set -u
. "$(dirname "${BASH_SOURCE[0]}")/../support/script.sh"
: "${DF_KAFKA:?a Kafka broker is needed: tests/bed/with-servers $0}"
dir=$(mktemp -d)
run=k$$_$RANDOM
flows=()
export XDG_STATE_HOME=$dir/state NO_COLOR=1 DF_KAFKA

# A shell that was forked and gets a signal before exec runs the trap of its parent as well.
leave() {
    local pid
    [ "$BASHPID" = $$ ] || return
    for pid in "${flows[@]}"; do ours "$pid" && kill -KILL "$pid" 2>/dev/null; done
    wait 2>/dev/null
    rm -rf "$dir"
}
trap leave EXIT

has() { # NAME PATTERN FILE
    if grep -q -e "$2" "$3"; then ok "$1"; else
        bad "$1: no line with '$2'"
        tail -n 5 "$3" | cut -c1-300 | sed 's/^/        /'
    fi
}
audit() { # NAME, options of dfaudit check
    local name=$1 out
    shift
    if out=$(dfaudit check "$@" 2>&1); then ok "$name"; else bad "$name: $out"; fi
}

# Topics of this run, so that tests can share one broker.
name_of() { echo "$run.$1"; }
topic() { dfaudit topic create --topic "$(name_of "$1")" --partitions "${2:-1}" "${@:3}" 2>/dev/null; }
produce() { dfaudit produce --topic "$(name_of "$1")" "${@:2}" 2>"$dir/produce.log" || bad "produce $1: $(cat "$dir/produce.log")"; }
dump() { dfaudit topic dump --topic "$(name_of "$1")" "${@:2}" 2>/dev/null; }
offsets() { dfaudit group show --group "$1" --topic "$(name_of "$2")" 2>/dev/null; }

sum_of() { tr -c '0-9:\n' '\n' | awk -F: '/:[0-9]/ {sum += $2} END {print sum + 0}'; } # of offsets

source_of() { # TOPIC GROUP "option: value, option: value"
    echo "source: {type: kafka, config: {brokers: \"$DF_KAFKA\", topic: $(name_of "$1"), consumerGroup: $run.$2${3:+, $3}}}"
}
sink_to() { # TOPIC "option: value"
    echo "sink: {type: kafka, config: {brokers: \"$DF_KAFKA\", topic: $(name_of "$1")${2:+, $2}}}"
}
file_sink() { echo "sink: {type: stdio, config: {path: $dir/$1, format: ${2:-json}}}"; }

# flow NAME CODE [options of run]: runs $dir/NAME.yaml to its end; output in $dir/NAME.out
flow() {
    timeout --foreground -k 5 120 dfproc run "$dir/$1.yaml" --until-exhausted "${@:3}" >"$dir/$1.out" 2>&1
    local rc=$?
    [ "$rc" = "$2" ] && return
    bad "$1: exit code $rc, not $2"
    tail -n 5 "$dir/$1.out" | cut -c1-300 | sed 's/^/        /'
}
# start NAME [OUT [options of run]]: runs it in the background; its process id in $pid. Nothing of an
# older run is left in its output.
start() {
    : >"$dir/${2:-$1}.out"
    dfproc run "$dir/$1.yaml" "${@:3}" >"$dir/${2:-$1}.out" 2>&1 &
    pid=$!
    flows+=("$pid")
}
# end PID SECONDS: asks it to stop; exit code in $code
end() {
    ours "$1" && kill -TERM "$1" 2>/dev/null
    for ((i = 0; i < $2 * 10; i++)); do ours "$1" || break; sleep 0.1; done
    ours "$1" && kill -KILL "$1" 2>/dev/null
    wait "$1"
    code=$?
}
# metric OUT NAME: the number of a run with --metrics-port 127.0.0.1:0
metric() { curl -s -m 5 "$(grep -o 'http://[^/ "]*' "$dir/$1.out" | head -n 1)/metrics" | awk -v name="$2" '$1 ~ "^" name "[{]" {print int($NF)}' | head -n 1; }
metric_is() { [ "$(metric "$1" "$2")" = "$3" ]; }
# summary FIELD NAME: from the last line of a run
summary() { tail -n 1 "$dir/$2.out" | grep -o "\"$1\":[^,}]*" | head -n 1 | cut -d: -f2; }
