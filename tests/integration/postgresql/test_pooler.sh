#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Behind pgbouncer in transaction mode: a session is ours for one transaction only, and nothing that is
# set in it may be left to others.
. "$(dirname "$0")/../pg_cdc_lib.sh"
command -v pgbouncer >/dev/null || { bad 'pgbouncer is needed: tools/setup test'; finish; }

read -r port < <(python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])')
rest=${DF_PG#*://} && name=${rest%%:*} && secret=${rest#*:} && secret=${secret%%@*}
server=${rest#*@} && host=${server%%:*} && server=${server#*:}
mkdir "$dir/bouncer"
database=${schema}_db
admin "create database $database" && admin "alter database $database set timezone = 'Asia/Tokyo'; alter database $database set datestyle = 'SQL, DMY';
    alter database $database set intervalstyle = 'sql_standard'; alter database $database set bytea_output = 'escape'"
trap '[ "$BASHPID" = $$ ] && { tidy; admin "drop database if exists $database with (force)"; }; leave' EXIT
DF_OWN=$(sed "s|/postgres?|/$database?|" <<<"$DF_PG")
sql() { psql "$DF_OWN" -XqAt -v ON_ERROR_STOP=1 -c "set search_path to $schema" -c "$1"; }
psql "$DF_OWN" -Xqc "create schema $schema"
printf '"%s" "%s"\n' "$name" "$secret" >"$dir/users"
cat >"$dir/bouncer.ini" <<END
[databases]
$database = host=$host port=${server%%/*} dbname=$database pool_size=2
[pgbouncer]
listen_addr = 127.0.0.1
listen_port = $port
auth_type = scram-sha-256
auth_file = $dir/users
pool_mode = transaction
unix_socket_dir =
logfile = $dir/bouncer/log
pidfile = $dir/bouncer/pid
END
if [ "$(id -u)" = 0 ]; then
    chmod 755 "$dir" && chown -R postgres: "$dir/users" "$dir/bouncer.ini" "$dir/bouncer"
    setpriv --reuid=postgres --regid=postgres --init-groups pgbouncer -q "$dir/bouncer.ini" >"$dir/bouncer.out" 2>&1 &
else
    pgbouncer -q "$dir/bouncer.ini" >"$dir/bouncer.out" 2>&1 &
fi
bouncer=$!
flows+=("$bouncer")
PG_POOL_URL="postgres://$name:$secret@127.0.0.1:$port/$database?sslmode=disable"
export PG_POOL_URL
pooled() { psql "$PG_POOL_URL" -XqAt -c "$1" 2>/dev/null; }
unset PGOPTIONS # what pgbouncer does not take
wait_for 'the pooler answers' 1 pooled 'select 1'

# Others run through the same two sessions all the time, so that no two transactions of ours meet in one.
others() { while sleep 0.01; do pooled "select pg_sleep(0.02)" >/dev/null; done; }
others &
flows+=($!)
others &
flows+=($!)

into() { # NAME "option: value"...: rows of $dir/NAME.jsonl into the table NAME through the pooler
    manifest "$@"
    sed -i "s|env:PG_TEST_URL|env:PG_POOL_URL|; s|table: $1|table: $schema.$1|" "$dir/$1.yaml"
}
sql "create table plain (id int primary key, at timestamptz, v int check (v < 1000), day date, b bytea);
     create table upserted (like plain including all); create table other (id int primary key, x text, y text, z text)"
seq 1 20000 | awk '{ printf "{\"id\":%d,\"at\":\"2026-01-02T03:04:05Z\",\"v\":%d,\"day\":\"2026-02-01\",\"b\":\"xyz\"}\n", $1 % 15000, $1 % 5000 == 0 ? 1000 : $1 % 1000 }' >"$dir/plain.jsonl"
cp "$dir/plain.jsonl" "$dir/upserted.jsonl"
seq 1 20000 | awk '{ printf "{\"id\":%d,\"x\":\"%d\",\"y\":\"a\"}\n", $1 % 3000, $1 }' >"$dir/other.jsonl"
into plain 'onConflict: skip' 'batchSize: 500'
into upserted 'upsertMode: true' 'batchSize: 500'
into other 'upsertMode: true' 'batchSize: 500'
sed -i '1i deliveryGuarantee: exactlyOnce' "$dir/plain.yaml" "$dir/other.yaml"
for t in plain upserted other; do
    timeout 120 dfproc run "$dir/$t.yaml" --until-exhausted >"$dir/$t.out" 2>&1 &
    eval "$t=\$!"
done
wait "$plain" "$other"
wait "$upserted"
same 'append: all that fit' '14997 4' "$(sql 'select count(*) from plain') $(wc -l <"$dir/plain.errors")"
same 'upsert: the last of each key' '14997 4' "$(sql 'select count(*) from upserted') $(wc -l <"$dir/upserted.errors")"
same '  two flows, other columns' '3000 20000' "$(sql 'select count(*), max(x::int) from other' | tr '|' ' ')"
same 'times and dates as they were' '2026-01-02 03:04:05+00|2026-02-01|xyz' "$(sql "set timezone = 'UTC'; set datestyle = 'ISO'; select distinct at, day, convert_from(b, 'UTF8') from upserted")"

# ---- polling ------------------------------------------------------------------------------------------------
sql "create table src (id int primary key, updated_at timestamptz not null default now(), d interval, b bytea); insert into src select g, now(), '1 day 2:03:04', 'x' from generate_series(1, 2000) g"
cat >"$dir/poll.yaml" <<END
source: {type: postgresql, config: {connectionString: "\${env:PG_POOL_URL}", table: $schema.src, pollInterval: 100ms, readBatchSize: 300}}
sink: {type: stdio, config: {path: $dir/poll.jsonl}}
END
start poll
lines_are() { [ -e "$dir/poll.jsonl" ] && [ "$(wc -l <"$dir/poll.jsonl")" = "$1" ] && echo yes; }
wait_for 'polling reads the table' yes lines_are 2000
sql "insert into src select g, now(), '1 day 2:03:04', 'x' from generate_series(2001, 2100) g"
wait_for '  and what is new' yes lines_are 2100
stop
same '  in the same form' 'Y "1 day 02:03:04" 2100' "$(jq -c '[(.updated_at | endswith("Z")), .d] | "Y \(.[1] | @json)"' -r "$dir/poll.jsonl" | sort | uniq -c | awk '{n = $1; $1 = ""; print substr($0, 2), n}')"

# ---- what others find in the sessions -----------------------------------------------------------------------
left() { for _ in 1 2 3 4 5 6 7 8; do pooled "select current_setting('statement_timeout'), current_setting('jit'), current_setting('client_min_messages'), current_setting('lock_timeout'), current_setting('intervalstyle')"; done | sort -u; }
same 'nothing of ours is left in the sessions' '0|on|notice|0|sql_standard' "$(left)"

# ---- what cannot work ---------------------------------------------------------------------------------------
sed "s|\${env:PG_POOL_URL}|\${env:PG_PATH_URL}|" "$dir/plain.yaml" >"$dir/path.yaml"
export PG_PATH_URL="$PG_POOL_URL&options=-csearch_path%3D$schema"
until_end path 1
says 'settings in the connection string: a text' 'unsupported startup parameter: options.*pooler'
{ source_of cdc "$schema.src" && echo "sink: {type: stdio, config: {path: $dir/cdc.out}}"; } | sed 's|env:PG_TEST_URL|env:PG_POOL_URL|' >"$dir/cdc.yaml"
until_end cdc 1
says 'changes: a text' 'pooler'
finish
