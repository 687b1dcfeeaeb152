#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Several hosts in one connection string: the one that takes writes is found, at the start and when the
# roles change while rows come.
. "$(dirname "$0")/../pg_lib.sh"
bed=${DF_SOURCE_DIR:-$(cd "$(dirname "$0")/../../.." && pwd)}/tests/bed/postgresql
leave_all() {
    kill -9 "${flow:-}" 2>/dev/null
    "$bed" stop --dir "$dir/a"
    "$bed" stop --dir "$dir/b"
    leave
}
trap '[ "$BASHPID" = $$ ] && leave_all' EXIT
"$bed" start --dir "$dir/a" --parent $$ >"$dir/a.env" && "$bed" start --dir "$dir/b" --parent $$ >"$dir/b.env" || { bad 'two servers'; finish; }
for side in a b; do
    url=$(sed -n "s/^DF_PG='\(.*\)'/\1/p" "$dir/$side.env")
    eval "url_$side=\$url"
    eval "port_$side=\$(sed -n 's/^DF_PG_PORT=//p' "$dir/$side.env")"
    psql "$url" -Xqc "create table t (id int primary key); create table src (id int primary key, updated_at timestamptz not null default now())"
done
on() { eval "psql \"\$url_$1\" -XqAt -c \"\$2\""; }
# One password stands for all hosts: both servers were made from one template.
secret=${url_a#*://postgres:} && secret=${secret%%@*}
PG_HOSTS="postgres://postgres:$secret@127.0.0.1:$port_a,127.0.0.1:$port_b/postgres?sslmode=disable&target_session_attrs=read-write&connect_timeout=2"
export PG_HOSTS
standby() { on "$1" "alter system set default_transaction_read_only = $2" && on "$1" 'select pg_reload_conf()' >/dev/null; }
count_is() { [ "$(on "$1" 'select count(*) from t')" = "$2" ]; }

standby a on
cat >"$dir/flow.yaml" <<END
source: {type: stdio, config: {path: $dir/rows}}
sink: {type: postgresql, config: {connectionString: "\${env:PG_HOSTS}", table: t, upsertMode: true}}
END
mkfifo "$dir/rows"
dfproc run "$dir/flow.yaml" >"$dir/out" 2>&1 &
flow=$!
exec 8>"$dir/rows"
echo '{"id":1}' >&8
until_true 30 count_is b 1 && ok 'the host that takes writes is found' || bad 'no row came to the second host'

# The roles change: what was the primary becomes read-only in the middle of the session.
standby a off
standby b on
echo '{"id":2}' >&8
until_true 60 count_is a 1 && ok 'a primary that turns read-only: the other one takes over' || bad 'no row came to the first host'
same '  nothing went to the old one' 1 "$(on b 'select count(*) from t')"

# It dies.
standby b off
"$bed" kill --dir "$dir/a"
echo '{"id":3}' >&8
until_true 60 count_is b 2 && ok 'one that dies: the other one takes over' || bad 'no row came after the death of the first host'
exec 8>&-
wait "$flow"
same '  and the flow ends well' 0 $?
finish
