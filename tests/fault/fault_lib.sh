# SPDX-License-Identifier: Apache-2.0
# fault_lib.sh: what the fault tests share. Sourced; needs DF_KAFKA, DF_PG, dfproc and dfaudit in
# PATH. DF_FAULT_SCALE multiplies the number of records (1: 300,000).
set -u
. "$(dirname "${BASH_SOURCE[0]}")/../support/script.sh"
: "${DF_KAFKA:?a Kafka broker is needed: tests/bed/with-servers $0}"
: "${DF_PG:?a PostgreSQL is needed: tests/bed/with-servers $0}"
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
bed=$here/../bed
dir=$(mktemp -d)
run=f$$_$RANDOM
schema=df_fault_$run
scale=${DF_FAULT_SCALE:-1}
own_servers=()
started=()
deadlines=()
declare -A stop_ms # by process id: its stopTimeout
export XDG_STATE_HOME=$dir/state NO_COLOR=1 DF_KAFKA DF_PG PGOPTIONS="-c client_min_messages=error"
export PGCONNECT_TIMEOUT=5
PG=$DF_PG # of this test: own servers replace it

kill_started() {
    local p
    for p in "${started[@]}"; do ours "$p" && kill -KILL "$p" && wait "$p"; done 2>/dev/null
}

# The client's log, when something failed, is all that tells what happened. A shell that was forked
# and gets a signal before exec runs the trap of its parent as well.
leave() {
    local s
    [ "$BASHPID" = $$ ] || return
    kill_started
    for s in "${own_servers[@]}"; do "$bed/${s%%:*}" stop --dir "${s#*:}" >/dev/null 2>&1; done
    psql "$DF_PG" -Xqc "drop schema if exists $schema cascade" 2>/dev/null
    wait 2>/dev/null
    [ "$failed" != 0 ] && [ -n "${DF_FAULT_KEEP:-}" ] && { echo "kept: $dir"; return; }
    rm -rf "$dir"
}
trap leave EXIT

figure() { echo "figure  $1"; }
finish() {
    local p
    for p in "${deadlines[@]}"; do wait "$p" || bad "a stop takes longer than stopTimeout and 5 s: $(tail -n 1 "$dir/late")"; done
    exit $failed
}
at_most() { # NAME LIMIT ACTUAL [unit]
    case ${4:-} in s | ms) set -- "$1" "$(awk "BEGIN{print $2 * $slack}")" "$3" "$4" ;; esac
    if awk "BEGIN{exit !(\"$3\" != \"\" && $3 <= $2)}"; then ok "$1 ($3 <= $2${4:+ $4})"; else
        bad "$1: $3, more than $2${4:+ $4}"; fi
}
has() { # NAME PATTERN FILE
    if grep -q -e "$2" "$3"; then ok "$1"; else bad "$1: no line with '$2'"; show "$3"; fi
}
show() { tail -n 6 "$1" | cut -c1-300 | sed 's/^/        /'; }
scaled() { awk "BEGIN{printf \"%d\", $1 * $scale}"; }
seconds() { awk "BEGIN{printf \"%.1f\", ($(now) - $1) / 1000}"; }
nap() { sleep "$(awk "BEGIN{srand($RANDOM); print $1 + rand() * ($2 - $1)}")"; } # FROM TO

# ---- data --------------------------------------------------------------------------------------------
sql() { psql "$PG" -XqAt -v ON_ERROR_STOP=1 -c "$1"; }
psql "$DF_PG" -Xqc "create schema $schema" || exit 1
# A table that keeps every row it is given: no key, so that a row that comes twice is seen.
table() { # NAME
    sql "create schema if not exists $schema; create table $schema.$1 (id bigint, producer int, seq bigint, key text,
        amount numeric(12,2), at timestamptz, note text, crc text, written bigserial)"
}
rows() { sql "select count(*) from $schema.$1" 2>/dev/null || echo 0; }
name_of() { echo "$run.$1"; }
topic() { dfaudit topic create --topic "$(name_of "$1")" --partitions "${2:-1}" 2>/dev/null; }
produce() { # TOPIC options
    dfaudit produce --topic "$(name_of "$1")" "${@:2}" 2>"$dir/produce.log" || bad "produce $1: $(cat "$dir/produce.log")"
}
audit() { # NAME, options of dfaudit check; the line with the counts in $counts
    local name=$1
    shift
    if counts=$(dfaudit check "$@" 2>&1); then ok "$name"; else bad "$name: $counts"; fi
}
audit_table() { audit "$1" --source table --pg "$PG" --table "$schema.$2" "${@:3}"; } # NAME TABLE options
counted() { grep -o "\"$1\":[0-9]*" <<<"$counts" | cut -d: -f2; }

# ---- flows -------------------------------------------------------------------------------------------
export FAULT_PG=$PG
from_topic() { # TOPIC [options of the source]
    echo "source: {type: kafka, config: {brokers: \"${BROKERS:-$DF_KAFKA}\", topic: $(name_of "$1"), consumerGroup: $run.$1${2:+, $2}}}"
}
to_table() { # TABLE [options]
    echo "sink: {type: postgresql, config: {connectionString: \"\${env:FAULT_PG}\", table: $schema.$1${2:+, $2}}}"
}
# flow NAME CODE [options of run]: runs $dir/NAME.yaml to its end; its output in $dir/NAME.out
flow() {
    local rc
    timeout --foreground -k 5 "${LIMIT:-120}" dfproc run "$dir/$1.yaml" --until-exhausted "${@:3}" >"$dir/$1.out" 2>&1
    rc=$?
    [ "$rc" = "$2" ] && return 0
    bad "$1: exit code $rc, not $2"
    show "$dir/$1.out"
    return 1
}
start() { # NAME [OUT [options]]: in the background; its process id in $pid
    : >"$dir/${2:-$1}.out"
    dfproc run "$dir/$1.yaml" "${@:3}" >"$dir/${2:-$1}.out" 2>&1 &
    pid=$!
    started+=("$pid")
    stop_ms[$pid]=$(sed -n 's/^stopTimeout: *\([0-9]*\)s$/\1000/p' "$dir/$1.yaml")
}
# Every stop goes through here: it has to end within stopTimeout (20 s unless the manifest says) and 5 s.
ask_to_stop() { # PID
    ours "$1" || return 0
    kill -TERM "$1"
    "$here/deadline" "$1" $((${stop_ms[$1]:-20000} + 5000)) >>"$dir/late" &
    deadlines+=("$!")
}
code_of() { # PID SECONDS: waits for its end; exit code in $code, 137 when it had to be killed
    local i
    for ((i = 0; i < $2 * 20; i++)); do ours "$1" || break; sleep 0.05; done
    ours "$1" && kill -KILL "$1" 2>/dev/null
    wait "$1" 2>/dev/null
    code=$?
}
end() { ask_to_stop "$1"; code_of "$1" "${2:-30}"; }
summary() { tail -n 1 "$dir/$2.out" | grep -o "\"$1\":[^,}]*" | head -n 1 | cut -d: -f2; } # FIELD NAME
cpu_ms() { awk '{print ($14 + $15) * 10}' "/proc/$1/stat" 2>/dev/null || echo 0; } # PID
rss_kib() { awk '/^VmHWM/ {print $2}' "/proc/$1/status" 2>/dev/null || echo 0; }
rows_at_least() { [ "$(rows "$1")" -ge "$2" ]; } # TABLE N
unique_at_least() { [ "$(sql "select count(distinct (producer, seq)) from $schema.$1" 2>/dev/null || echo 0)" -ge "$2" ]; }
sanitized() { [ -n "${DF_SANITIZE:-}" ]; }

# ---- servers of the test's own, for what would disturb others -------------------------------------------
own_pg() { # options of start; PG and FAULT_PG are this server's
    "$bed/postgresql" start --dir "$dir/pg" --parent $$ "$@" >/dev/null || { bad 'start of a PostgreSQL'; finish; }
    own_servers+=("postgresql:$dir/pg")
    PG=$(. "$dir/pg/env"; echo "$DF_PG")
    pg_port=$(. "$dir/pg/env"; echo "$DF_PG_PORT")
    export FAULT_PG=$PG
}
own_kafka() { # options of start; DF_KAFKA is this broker's
    "$bed/kafka" start --dir "$dir/kafka" --parent $$ "$@" >/dev/null || { bad 'start of a Kafka broker'; finish; }
    own_servers+=("kafka:$dir/kafka")
    . "$dir/kafka/env"
    export DF_KAFKA
}
pg_server() { "$bed/postgresql" "$1" --dir "$dir/pg" "${@:2}" >/dev/null 2>&1; }
kafka_server() { "$bed/kafka" "$1" --dir "$dir/kafka" "${@:2}" >/dev/null 2>&1; }

# ---- a proxy in front of a server --------------------------------------------------------------------
ports() { perl -MIO::Socket::INET -e 'my @s = map { IO::Socket::INET->new(LocalAddr => "127.0.0.1", Proto => "tcp", Listen => 1) } 1 .. shift;
    print join(" ", map { $_->sockport } @s), "\n"' "$1"; }
proxy() { # LISTEN TO CONTROL
    faultproxy run "$@" $RANDOM 2>"$dir/proxy.$3" &
    started+=("$!")
    until_true 10 faultproxy tell "$3" stat >/dev/null 2>&1 || bad "no proxy: $(cat "$dir/proxy.$3")"
}
tell() { faultproxy tell "$@" >/dev/null || bad "proxy: $*"; } # CONTROL COMMAND…
cpu_percent() { # PID SECONDS
    local before
    before=$(cpu_ms "$1")
    sleep "$2"
    awk "BEGIN{printf \"%.1f\", ($(cpu_ms "$1") - $before) / 10 / $2}"
}
