#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# ctest: timeout=600
# postgresql-cdc with streaming: large transactions come in parts before their end. What is delivered is what
# comes without it, byte for byte: sub-transactions that are undone, whole transactions, several at once, tables
# that change in between; a flow that is killed in the middle; files that cannot be written; memory. On the
# server of the suite and on a PostgreSQL 18 of its own.
. "$(dirname "$0")/../pg_cdc_lib.sh"
here=$(cd "$(dirname "$0")" && pwd)
export PG_PART_URL="${PG_TEST_URL/search_path/logical_decoding_work_mem%3D64kB%20-csearch_path}" # the least there is
work=$dir/work
mkdir "$work"
in_parts() { sed -i "s|\${env:PG_TEST_URL}|\${env:PG_PART_URL}|" "$dir/$1.yaml"; } # FLOW
streamed() { admin "select case when stream_txns > 0 then 'yes' end from pg_stat_replication_slots where slot_name = '${slot}_$1'"; }
nothing_left() { same "$1: no file is left" '' "$(ls -A "$work")"; }
until_end_in() { # NAME CODE
    timeout --foreground -k 5 120 dfproc run "$dir/$1.yaml" --until-exhausted --work-dir "$work" "${@:3}" >"$dir/out" 2>&1
    local rc=$?
    [ "$rc" = "$2" ] && return
    bad "$1: exit code $rc, not $2"
    tail -n 5 "$dir/out" | sed 's/^/        /'
}
start_in() { # NAME
    dfproc run "$dir/$1.yaml" --work-dir "$work" --metrics-port 127.0.0.1:0 >>"$dir/$1.out" 2>&1 &
    flow=$!
    flows+=("$flow")
}
metric() { # FLOW NAME: 0, some, or nothing where there is none
    curl -s -m 5 "$(grep -o 'http://[^/ "]*' "$dir/$1.out" | tail -n 1)/metrics" |
        awk -v name="$2" '$1 ~ "^" name "[{]" {print ($NF > 0 ? "some" : "0")}'
}
declare -A session
open_session() { # NAME: psql that gets statements by `say`
    local fd
    mkfifo "$dir/$1.in"
    psql "$PG_TEST_URL" -Xq <"$dir/$1.in" >/dev/null 2>"$dir/$1.err" &
    session[$1]=$!
    exec {fd}>"$dir/$1.in"
    session[$1.fd]=$fd
}
say() { # NAME STATEMENTS: returns when they are done
    echo "$2; select pg_catalog.set_config('application_name', '$1 $((++said))', false);" >&"${session[$1.fd]}"
    wait_for_quietly "$1 $said"
}
said=0
wait_for_quietly() {
    for _ in $(seq 600); do
        [ "$(admin "select count(*) from pg_stat_activity where application_name = '$1' and state like 'idle%'")" = 1 ] && return
        sleep 0.05
    done
    bad "a session did not get to '$1': $(cat "$dir/${1% *}.err")"
}
close_session() {
    local fd=${session[$1.fd]}
    echo '\q' >&"$fd" # others have the pipe open, too
    exec {fd}>&-
    wait "${session[$1]}"
}

# ---- the same bytes as without ---------------------------------------------------------------------------
sql "create table t (id int primary key, who text, doc text); alter table t alter doc set storage external;
     create table u (id int primary key, n numeric); alter table u replica identity full;
     insert into t select g, 'first', repeat('d', 3000) from generate_series(1, 5) g"
lines parts "$schema.t, $schema.u" 'envelopeFormat: debezium' 'logicalMessages: true' 'streaming: on'
lines whole "$schema.t, $schema.u" 'envelopeFormat: debezium' 'logicalMessages: true' "streaming: off"
for name in parts whole; do
    in_parts $name
    until_end_in $name 0
    : >"$dir/$name.jsonl"
done
open_session T1 && open_session T2 && open_session T3
rows() { echo "insert into t select g, '$1', repeat('x', 300) from generate_series($2, $3) g"; }
say T1 "begin; $(rows T1 1000 1499); savepoint s; $(rows undone 1500 1999); savepoint n; $(rows undone 2000 2499)"
say T2 "begin; $(rows T2 3000 3499); update t set who = 'two' where id <= 2; select pg_logical_emit_message(true, 'in', 'two')"
say T3 "begin; $(rows undone 4000 4999); truncate u"
say T1 "rollback to s; do \$\$ begin $(rows undone 5000 5499); raise exception 'x'; exception when others then null; end \$\$"
say T1 "savepoint r; $(rows T1 5500 5999); savepoint r2; $(rows T1 6000 6499); release r2; $(rows T1 6500 6505); release r"
say T3 "rollback"
say T1 "savepoint q; $(rows undone 7000 7499); savepoint q1; $(rows undone 7500 7999); release q1; $(rows undone 8000 8499); rollback to q"
sql "insert into u select g, g / 3.0 from generate_series(1, 3) g; select pg_logical_emit_message(false, 'free', 'm')" >/dev/null
say T2 "delete from t where id = 3; update t set id = 30 where id = 4; commit"
say T1 "update t set doc = 'short' where id = 5; savepoint d; alter table u add extra int default 7; insert into u select g, g from generate_series(100, 700) g;
        rollback to d; insert into u select g, g from generate_series(100, 900) g; alter table u rename n to m; insert into u select g, g from generate_series(1000, 1900) g;
        update u set m = m + 1 where id < 300; truncate t; $(rows last 9000 9001); commit"
close_session T1 && close_session T2 && close_session T3
# Many at once, with blocks in blocks that end in any way.
sql "create function work(seed int, depth int) returns void language plpgsql as \$\$
     begin
         for i in 1 .. 6 loop
             insert into t select (random() * 400)::int + seed * 1000, 'w' || depth, repeat('y', 400) from generate_series(1, 1 + (random() * 30)::int) on conflict do nothing;
             update t set who = who || '+' where id between i * 9 + seed * 1000 and i * 9 + 7 + seed * 1000;
             delete from t where id = (random() * 400)::int + seed * 1000;
             if depth < 3 then
                 begin
                     perform work(seed, depth + 1);
                     if random() < 0.4 then raise exception 'undone'; end if;
                 exception when raise_exception then null;
                 end;
             end if;
         end loop;
     end \$\$"
writers=()
for seed in 1 2 3 4; do
    for n in 1 2 3; do echo "begin; select setseed(0.$seed$n); select work($seed, 1); $( ((n == 2)) && echo rollback || echo commit);"; done |
        psql "$PG_TEST_URL" -Xqv ON_ERROR_STOP=1 >/dev/null 2>>"$dir/writers" &
    writers+=($!)
done
wait "${writers[@]}"
same 'writers' '' "$(cat "$dir/writers")"
until_end_in whole 0
until_end_in parts 0
same 'the server sent parts' yes "$(streamed parts)"
same 'and to the other none' '' "$(streamed whole)"
sed -i 's/"connector":"postgresql","name":"[^"]*",//' "$dir/parts.jsonl" "$dir/whole.jsonl"
if cmp -s "$dir/parts.jsonl" "$dir/whole.jsonl"; then ok "the same $(wc -l <"$dir/whole.jsonl") records, byte for byte"; else
    bad "records differ: $(wc -l <"$dir/parts.jsonl") and $(wc -l <"$dir/whole.jsonl")"
    diff "$dir/parts.jsonl" "$dir/whole.jsonl" | head -n 4 | cut -c1-300
fi
same 'nothing of what was undone' 0 "$(grep -c undone "$dir/parts.jsonl")"
same 'T2 ended first' 'T2 T1' "$(grep -o '"who":"T[12]"' "$dir/parts.jsonl" | uniq | tr -dc 'T12\n' | paste -sd' ')"
nothing_left 'overlapping transactions'
for name in parts whole; do forget $name; done

# ---- it goes on in the middle of one, in either way --------------------------------------------------------
sql "create table mid (id int primary key, t text)"
lines mid "$schema.mid" 'streaming: on'
in_parts mid
until_end_in mid 0
sql "begin; insert into mid select g, repeat('m', 100) from generate_series(1, 3000) g; savepoint s; insert into mid select g, 'undone' from generate_series(3001, 6000) g;
     rollback to s; insert into mid select g, repeat('m', 100) from generate_series(6001, 9000) g; commit; insert into mid values (10000, 'last')"
for way in on off on off; do
    sed -i "s/streaming: .*/streaming: $way/" "$dir/mid.yaml"
    until_end_in mid 0 --limit 1700
done
until_end_in mid 0
same 'each row once, in order' "$({ seq 3000; seq 6001 9000; echo 10000; } | md5sum)" "$(sed 's/.*{"id":\([0-9]*\).*/\1/' "$dir/mid.jsonl" | md5sum)"
forget mid

# ---- a rollback that the server does not tell ------------------------------------------------------------
# After a restart it has what it may not send again on its disk; see cdc/undone.c.
sql "create table untold (id int primary key, v text)"
lines untold "$schema.untold" 'streaming: on'
in_parts untold
until_end_in untold 0
open_session U1
say U1 "begin; insert into untold select g, repeat('k', 200) from generate_series(1, 5000) g; savepoint s; update untold set v = 'undone'"
sql "insert into untold values (6000, 'other')"
until_end_in untold 0
say U1 "insert into untold select g, 'undone' from generate_series(7001, 7010) g"
sql "insert into untold select g, 'more' from generate_series(8001, 11000) g"
say U1 "rollback to s; savepoint r; delete from untold where id < 10; commit"
close_session U1
until_end_in untold 0
same 'untold: nothing of what was undone' 0 "$(grep -c undone "$dir/untold.jsonl")"
same 'untold: all of the rest' $((5000 + 9 + 1 + 3000)) "$(wc -l <"$dir/untold.jsonl")"
forget untold

# ---- killed in the middle --------------------------------------------------------------------------------
sql "create table src (id int primary key, v text); create table dst (like src including all); insert into src select g, 'old' from generate_series(1, 100) g"
difference() { sql "select count(*) from ((table src except all table dst) union all (table dst except all table src)) d"; }
replica kill "$schema.src" "$schema.dst"
sed -i 's/^\( *\)slotName:/\1streaming: on\n&/' "$dir/kill.yaml"
in_parts kill
until_end_in kill 0
open_session K1 && open_session K2
start_in kill
for round in 1 2; do
    admin "select pg_stat_reset_replication_slot('${slot}_kill')" >/dev/null
    say K1 "begin; insert into src select g, repeat('k', 200) from generate_series($round * 10000, $round * 10000 + 3000) g; savepoint s; update src set v = 'undone'"
    say K2 "begin; insert into src select g, repeat('u', 200) from generate_series($round * 20000 + 5000, $round * 20000 + 8000) g"
    wait_for "parts have come, $round" yes streamed kill
    [ $round = 1 ] && wait_for 'what is kept is counted' some metric kill dataflow_postgresql_cdc_spooled_bytes
    kill -9 "$flow" && wait "$flow" 2>/dev/null
    nothing_left "killed, $round"
    start_in kill
    say K1 "rollback to s; delete from src where id < $round * 10"
    say K2 "rollback"
    say K1 "update src set v = v || '$round' where id between $round * 10000 and $round * 10000 + 1000; commit"
    wait_for "equal, $round" 0 difference
done
wait_for 'nothing is kept' 0 metric kill dataflow_postgresql_cdc_spooled_bytes
same 'the lag is told in seconds' 1 "$(metric kill dataflow_postgresql_cdc_lag_seconds | wc -l)"
close_session K1 && close_session K2
stop
same 'nothing of what was undone came' 0 "$(sql "select count(*) from dst where v like 'u%'")"

# ---- files that cannot be written --------------------------------------------------------------------------
big() { sql "insert into src select g, repeat('f', 300) from generate_series($1, $1 + 20000) g"; }
narrow() { # NAME: files of 64 KiB at most
    { (trap '' XFSZ; ulimit -f 64; exec timeout --foreground -k 5 "$2" dfproc run "$dir/$1.yaml" --until-exhausted --work-dir "$work" >"$dir/out" 2>&1); } 2>/dev/null
}
sed -i 's/^spec:/spec:\n  memoryLimit: 16Mi/' "$dir/kill.yaml"
big 100000
narrow kill 8
says 'a file that cannot be written is told' "a transaction that is under way cannot be kept in $work: File too large"
same 'and nothing was passed over' t "$(sql 'select count(*) < (select count(*) from src) from dst')"
until_end_in kill 0
same 'later all is there' 0 "$(difference)"
big 200000
sed -i 's/streaming: on/streaming: auto/' "$dir/kill.yaml"
narrow kill 60
same 'auto: it ends well without files' 0 $?
says 'and says so' 'From here on the server keeps them'
same 'all is there' 0 "$(difference)"
mv "$work" "$work.away"
big 300000
until_end_in kill 0
says 'auto without a folder' 'streaming: auto is off: No such file or directory'
same 'all is there, too' 0 "$(difference)"
sed -i 's/streaming: auto/streaming: on/' "$dir/kill.yaml"
until_end_in kill 1
says 'on without a folder is refused' 'streaming: on cannot be: No such file or directory'
mv "$work.away" "$work"
forget kill

# ---- memory ----------------------------------------------------------------------------------------------------
rows=${DF_CDC_ROWS:-200000}
sql "create table big (id int primary key, t text)"
for way in on off; do
    lines big "$schema.big" "streaming: $way" 'snapshotMode: never'
    echo 'memoryLimit: 16Mi' >>"$dir/big.yaml"
    sed -i 's|path: .*jsonl|path: /dev/null|' "$dir/big.yaml"
    in_parts big
    until_end_in big 0
    sql "begin; truncate big; insert into big select g, repeat('b', 100) from generate_series(1, $rows) g; savepoint s; insert into big select -g, 'undone' from generate_series(1, $rows) g;
         rollback to s; insert into big values (0, 'last'); commit"
    until_end_in big 0
    same "$way: the rows" $((rows + 2)) "$(summary received)"
    rss=$(summary peak_rss_bytes)
    if [ -n "${DF_SANITIZE:-}" ] || [ "$rss" -lt $((32 * 1048576)) ]; then ok "$way: $((rss >> 20)) MiB"; else bad "$way: a large transaction took $rss bytes"; fi
    forget big
    rm -rf "$dir/state"
done

# ---- all of it on PostgreSQL 18 ------------------------------------------------------------------------------
if [ -z "${DF_CDC_ANOTHER:-}" ]; then
    "$here/../../bed/postgresql" start --version 18 --dir "$dir/pg18" --parent $$ >/dev/null || bad 'no PostgreSQL 18'
    (eval "$("$here/../../bed/postgresql" env --dir "$dir/pg18")" && export DF_PG && DF_CDC_ANOTHER=1 exec bash "$0") >"$dir/out18" 2>&1 &&
        ok 'all of it on PostgreSQL 18' || { bad 'on PostgreSQL 18'; grep -v '^ok' "$dir/out18"; }
    "$here/../../bed/postgresql" stop --dir "$dir/pg18"
fi
finish
