#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# ctest: timeout=600
# snapshotParallelism: a first read over several connections, on the suite's server and on a PostgreSQL
# 18 of its own. Writers run meanwhile, it is killed in the middle, and goes on with what is left.
here=$(cd "$(dirname "$0")" && pwd)
if [ -z "${DF_FIRST_READ_ON:-}" ]; then
    own=$(mktemp -d)
    trap '[ "$BASHPID" = $$ ] && { "$here/../../bed/postgresql" stop --dir "$own/pg"; rm -rf "$own"; }' EXIT
    "$here/../../bed/postgresql" start --version 18 --dir "$own/pg" --parent $$ >/dev/null || exit 1
    DF_FIRST_READ_ON=15 "$0"
    rc=$?
    eval "$("$here/../../bed/postgresql" env --dir "$own/pg")"
    DF_PG=$DF_PG DF_FIRST_READ_ON=18 "$0" && exit $rc
    exit 1
fi
. "$here/../pg_lib.sh"
. "$here/poll_lib.sh"
echo "    on $(sql 'show server_version')"
rows=120000

# A flow writes to a pipe that is read when the test wants it: it stands still where it must.
to_pipe() { echo "{type: stdio, config: {path: $dir/$1.pipe}}"; }
readers() { sql "select count(*) from pg_stat_activity where application_name = 'dataflow' and query like 'COPY%$1%'"; }
# The newest of the two that are kept has the least left.
position() { cat "$dir"/state/*/busy* 2>/dev/null | grep -ao '{"firstRead.*}' | awk '!best || length < length(best) { best = $0 } END { print best }'; }

# ---- each row once, whatever orders the rows --------------------------------------------------------------
sql "create table big (id bigserial primary key, updated_at timestamptz, v text);
create index on big (updated_at, id);
insert into big (updated_at, v) select case when g % 10 = 0 then null when g % 3 = 0 then now() else clock_timestamp() end, 'v' || g from generate_series(1, $rows) g;
create table keyed (a text collate \"C\", b uuid default gen_random_uuid(), n numeric, primary key (a, n, b));
insert into keyed (a, n) select 'k ''' || g % 7, g / 10.0 from generate_series(1, 5000) g;
create table parts (id int, at timestamp not null, primary key (id, at)) partition by hash (id);
create table parts_0 partition of parts for values with (modulus 2, remainder 0); create table parts_1 partition of parts for values with (modulus 2, remainder 1);
insert into parts select g, now() from generate_series(1, 5000) g;
create table empty (id int primary key); create table one (id int primary key); insert into one values (1)"
polled big "$(to_file big)" 'table: big' 'snapshotParallelism: 4'
polled keyed "$(to_file keyed)" 'table: keyed' 'snapshotParallelism: 3' 'orderByColumn: [a, n, b]' 'changeTrackingColumn: a'
polled parts "$(to_file parts)" 'table: parts' 'snapshotParallelism: 2' 'orderByColumn: id, at' 'changeTrackingColumn: at'
polled empty "$(to_file empty)" 'table: empty' 'snapshotParallelism: 4'
polled one "$(to_file one)" 'table: one' 'snapshotParallelism: 16'
polled pages "$(to_file pages)" 'table: big' 'snapshotParallelism: 4' 'readBatchSize: 1000'
for flow in big keyed parts empty one pages; do once $flow; done
same 'four connections: each row once' "$rows $rows" "$(wc -l <"$dir/big.out") $(jq -r .id "$dir/big.out" | sort -nu | wc -l)"
same 'in pages, too' "$rows $rows" "$(wc -l <"$dir/pages.out") $(jq -r .id "$dir/pages.out" | sort -nu | wc -l)"
same 'keys of text, numbers and uuids' '5000 5000' "$(wc -l <"$dir/keyed.out") $(jq -r .b "$dir/keyed.out" | sort -u | wc -l)"
same 'partitions' '5000 5000' "$(wc -l <"$dir/parts.out") $(jq -r .id "$dir/parts.out" | sort -u | wc -l)"
same 'no row, one row' '0 1' "$(cat "$dir/empty.out" 2>/dev/null | wc -l) $(wc -l <"$dir/one.out")"
sql "insert into big (updated_at, v) values (now(), 'new'), (null, 'new, without a time'); insert into empty values (1); update keyed set n = n where a = 'none'"
for flow in big empty keyed; do once $flow; done
same 'then what is new' "$((rows + 2)) 1 5000" "$(wc -l <"$dir/big.out") $(wc -l <"$dir/empty.out") $(wc -l <"$dir/keyed.out")"

# ---- refused where rows cannot be cut --------------------------------------------------------------------
sql "create table keyless (id int, updated_at timestamptz not null default now()); create view seen as select * from big"
for table in keyless seen; do
    polled $table "$(to_file $table)" "table: $table" 'snapshotParallelism: 2'
    timeout 60 dfproc run "$dir/$table.yaml" --until-exhausted >"$dir/out" 2>&1
    says "$table: there is no key" 'snapshotParallelism: the table needs a primary key'
done
polled asked "$(to_file asked)" 'query: select * from big' 'changeTrackingColumn: updated_at' 'snapshotParallelism: 2'
timeout 60 dfproc validate "$dir/asked.yaml" >"$dir/out" 2>&1
says 'a query' 'snapshotParallelism.*is for a table'

# ---- killed in the middle, with writers ------------------------------------------------------------------
sql "create table busy (id bigserial primary key, updated_at timestamptz not null default clock_timestamp(), v int not null default 0, pad text default repeat('x', 200));
create index on busy (updated_at, id);
insert into busy (pad) select repeat('x', 200) from generate_series(1, $rows); analyze busy"
mkfifo "$dir/busy.pipe"
polled busy "$(to_pipe busy)" 'table: busy' 'snapshotParallelism: 4' 'pollInterval: 100ms'
coproc LATE { exec psql "$DF_PG" -XqAt -v ON_ERROR_STOP=1; }
say() { echo "$1" >&"${LATE[1]}"; read -r -t 20 _ <&"${LATE[0]}"; }
say "set search_path to $schema; begin; insert into busy (updated_at, v) select min(updated_at), 7 from busy returning id;"
start busy
exec 5<"$dir/busy.pipe"
head -n 50000 <&5 >"$dir/busy.1"
until_there 20 eval '[ "$(readers busy)" -ge 4 ]' && ok 'four connections read' || bad "$(readers busy) connections read"
until_there 20 eval '[ -n "$(position)" ]' && ok 'what is left of the pieces is the position' || bad 'no position of pieces'
stop KILL
cat <&5 >>"$dir/busy.1" # what was in the pipe
exec 5<&-
sql "insert into busy (v) select 1 from generate_series(1, 100); update busy set v = 2, updated_at = clock_timestamp() where id % 100 = 0;
delete from busy where id % 1000 = 7"
say "commit; select 1;"
left=$(position | jq -r '.firstReadLeft[] | map(if . then "(\u0027" + (.[0] | tostring) + "\u0027::timestamptz, " + (.[1] | tostring) + ")" else "(\u0027-infinity\u0027::timestamptz, 0)" end) | "(updated_at, id) > " + .[0] + " and (updated_at, id) <= " + .[1]' |
    sed 's/^/(/;s/$/)/' | paste -sd'|' | sed 's/|/ or /g')
left=$(sql "select count(*) from busy where $left")
start busy
cat "$dir/busy.pipe" >"$dir/busy.2" &
cat=$!
sql "select id || ' ' || v from busy" | sort >"$dir/busy.want"
missing() {
    grep -h '^{.*}$' "$dir/busy.1" "$dir/busy.2" | jq -r '"\(.id) \(.v)"' 2>/dev/null | sort -u | comm -13 - "$dir/busy.want" | wc -l
}
until_there 60 eval '[ "$(missing)" = 0 ]'
stop
wait $cat
again=$(wc -l <"$dir/busy.2")
[ "$left" -lt $rows ] && [ "$again" -le $((left + rows / 100 + 200)) ] && ok "it goes on with the pieces: $again rows, $left were left" || bad "$again rows after the crash, $left were left"
same 'every row is there as it is now' 0 "$(missing)"
eval "exec ${LATE[1]}>&-"

# ---- exactly once, killed in the middle: pieces; times that many rows have, which are their only order ---------
sql "create table several (id int, at timestamptz not null, v text); insert into several select g, '2026-01-01'::timestamptz + (g / 40) * interval '1 ms', repeat('x', 100) from generate_series(1, $rows) g;
create index on several (at)"
exactly() { # NAME TABLE OPTION...
    sql "create table $1 (id int, v text)"
    polled "$1" "{type: postgresql, config: {connectionString: \"\${env:PG_TEST_URL}\", table: $1, unknownFields: ignore, batchSize: 5000}}" "table: $2" 'pollInterval: 100ms' "${@:3}"
    sed -i '1i deliveryGuarantee: exactlyOnce' "$dir/$1.yaml"
    for part in 1 2 3; do
        start "$1"
        until_there 30 eval '[ "$(sql "select count(*) from '"$1"'")" -ge '$((rows / 4 * part))' ]'
        stop KILL
    done
    once "$1"
    same "exactly once ($1)" "$(sql "select count(*) || ' ' || count(distinct id) from $2")" "$(sql "select count(*) || ' ' || count(distinct id) from $1")"
}
exactly exact_pieces busy 'snapshotParallelism: 4'
exactly exact_times several 'changeTrackingColumn: at' 'orderByColumn: at'
sql "create table scaled (id int, n numeric not null, v text); insert into scaled select g, case when g % 2 = 0 then (g / 40)::numeric(12, 1) else (g / 40)::numeric(12, 3) end, repeat('x', 100) from generate_series(1, $rows) g;
create index on scaled (n)"
exactly exact_scales scaled 'orderByColumn: n'

# ---- a connection is lost; the server has no more of them --------------------------------------------------
polled cut "$(to_file cut)" 'table: busy' 'snapshotParallelism: 4' 'pollInterval: 100ms'
start cut
until_there 20 has_lines cut 1
sql "select pg_terminate_backend(pid) from pg_stat_activity where pid = (select max(pid) from pg_stat_activity where query like 'COPY%busy%' and pid <> pg_backend_pid())" >/dev/null
count=$(sql 'select count(*) from busy')
until_there 30 has_lines cut "$count"
sleep 0.3
stop
same 'a connection that is lost: each row once' "$count $count" "$(wc -l <"$dir/cut.out") $(jq -r .id "$dir/cut.out" | sort -nu | wc -l)"
sql "drop role if exists few_$$; create role few_$$ login password 'few' connection limit 2; grant usage on schema $schema to few_$$; grant select on all tables in schema $schema to few_$$; grant pg_read_all_stats to few_$$"
polled few "$(to_file few)" 'table: busy' 'snapshotParallelism: 4'
PG_TEST_URL=$(sed "s|//[^@]*@|//few_$$:few@|" <<<"$PG_TEST_URL") once few
same 'two connections are allowed: it goes on with them' "$count" "$(wc -l <"$dir/few.out")"
grep -q 'has 2 of the 4 connections' "$dir/out" && ok '  and says so' || bad 'no warning'
sql "drop owned by few_$$; drop role few_$$"
finish
