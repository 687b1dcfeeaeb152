#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# ctest: timeout=300
# dfproc snapshot: a table is read again beside the stream. Rows that the sink lost come back, and none is older than
# what came before: with commits that the stream has and no snapshot sees, under changes of all kinds, through kills.
# DF_CDC_VERSION (15): of the server, or 18. DF_REREAD_ROUNDS (1): kills under random changes; DF_REREAD_CHANGES (2000): of each writer in a round.
here=$(cd "$(dirname "$0")" && pwd)
bed=$here/../../bed/postgresql
own=$(mktemp -d)
"$bed" start --dir "$own" --parent $$ --version "${DF_CDC_VERSION:-15}" >/dev/null || exit 1
eval "$("$bed" env --dir "$own")" && export DF_PG
. "$here/../pg_cdc_lib.sh"
trap '[ "$BASHPID" = $$ ] && { tidy 2>/dev/null; kill $(jobs -p) 2>/dev/null; rm -rf "$dir"; "$bed" stop --dir "$own"; rm -rf "$own"; }' EXIT
# A commit that waits for a standby which never comes is in the log, and no snapshot sees it. All but `hangs` wait for none.
PG_TEST_URL="$PG_TEST_URL%20-csynchronous_commit%3Dlocal"
PGOPTIONS="$PGOPTIONS -c synchronous_commit=local"
hangs() { PGOPTIONS="-c search_path=$schema -c synchronous_commit=on" psql "$DF_PG" -Xq -c "$1" >/dev/null 2>&1 & }
standby() { admin "alter system set synchronous_standby_names = '$1'" && admin "select pg_reload_conf()" >/dev/null; }

difference() { sql "select count(*) from ((table $1 except all table $2) union all (table $2 except all table $1)) d"; }
again() { dfproc snapshot "$dir/$1.yaml" --table "$schema.$2" >"$dir/out" 2>&1 || bad "asking for $2: $(cat "$dir/out")"; }
times_read() { grep -c "read the table $schema.$1 again" "$dir/r.out"; }
pair() { # NAME: a table and its copy, with values that are stored out of line
    sql "create table $1 (id int primary key, v int, doc text); alter table $1 alter doc set storage external;
         create table $1_copy (like $1 including all); alter table $1_copy alter doc set storage external"
}

# ---- what the command refuses -------------------------------------------------------------------------------
pair t
sql "insert into t select g, 0, 'doc ' || g from generate_series(1, 3000) g"
replica r "$schema.t" "$schema.t_copy"
refuses() { # NAME TEXT ARGUMENTS...
    dfproc snapshot "$dir/r.yaml" "${@:3}" >"$dir/out" 2>&1 && bad "$1: is done"
    says "$1" "$2"
}
refuses 'a flow that never ran' 'the flow copies all tables when it is started' --table "$schema.t"
until_end r 0
refuses 'a table of another' 'is no table of this flow' --table "$schema.other"
refuses 'no table' 'table says which one'

# ---- rows that the sink has lost ---------------------------------------------------------------------------------
lose() { sql "delete from t_copy where id % 3 = 0; update t_copy set v = 99, doc = null where id % 3 = 1"; }
lose
again r t
same 'the flow does not run' 1 "$(grep -c 'the flow does not run: it is done when it does' "$dir/out")"
until_end r 0
same '  the next run brings all rows' 0 "$(difference t t_copy)"
until_end r 0
same '  once' '' "$(grep 'again:' "$dir/out")"
lose
start r
wait_for 'it runs' 1 grep -c 'reading changes from' "$dir/r.out"
again r t
wait_for '  and reads' 1 times_read t
same '  all rows are there' 0 "$(difference t t_copy)"
same '  changes after it come' '' "$(sql 'update t set v = 5 where id = 17')"
wait_for '    ' 0 difference t t_copy

# A key whose index has its columns in another order than the table, and one more that it only stores.
sql "create table k (b int, a text, v int, primary key (a, b) include (v)); create table k_copy (like k, primary key (a, b));
     insert into k select g % 90, 'a' || g / 90, g from generate_series(1, 700) g"
replica k "$schema.k" "$schema.k_copy"
until_end k 0
sql "delete from k_copy where b % 2 = 0"
again k k
until_end k 0
says 'a key of two columns' 'k again: 700 rows'
same '  all rows are there' 0 "$(difference k k_copy)"
forget k

# ---- commits that no snapshot sees -----------------------------------------------------------------------------
# One that the stream brings before the table is asked for: it is waited for, by its lock.
row() { sql "select coalesce((select v::text || ' ' || coalesce(left(doc, 3), 'none') from t_copy where id = $1), 'gone')"; }
standby nobody
hangs "update t set v = 100, doc = 'new' where id = 5"
wait_for 'a change that snapshots do not see is in the copy' '100 new' row 5
again r t
sql "insert into t values (9001, 1, 'after')"
wait_for '  the stream goes on' '1 aft' row 9001
sleep 1 # a step that would not wait takes a tenth of it
same '  the table is not read while it waits' '1 100 new' "$(times_read t) $(row 5)"
standby ''
wait_for '  then it is' 2 times_read t
same '  the row is the new one' "100 new 0" "$(row 5) $(difference t t_copy)"

# One that comes after it: rows of it are left to the stream.
psql "$DF_PG" -Xq -c "begin; insert into $schema.t values (9002, 2, 'held')" -c 'select pg_sleep(600)' >/dev/null 2>&1 & # a writer that was there before
holder=$!
wait_for 'a writer' 1 admin "select count(*) from pg_stat_activity where query = 'select pg_sleep(600)' and wait_event = 'PgSleep'"
sql "update t set doc = repeat('d', 3000) where id in (2997, 2999)"
again r t
sql "insert into t values (9003, 3, 'asked')"
wait_for 'the stream is past the question' '3 ask' row 9003
sql "delete from t_copy where id = 2997"
standby nobody
hangs "update t set v = 200, doc = 'new' where id = 7"
hangs "delete from t where id = 8"
hangs "update t set id = 9100, v = 300, doc = 'new' where id = 9"
hangs "update t set v = 400 where id in (2997, 2999)" # their doc is not sent
seen() { echo "$(row 7) $(row 8) $(row 9) $(row 9100) $(row 2999)"; }
wait_for 'changes that snapshots do not see are in the copy' '200 new gone gone 300 new 400 ddd' seen
sql "update t_copy set v = 77 where id = 11; delete from t_copy where id = 2998"
kill $holder && wait $holder 2>/dev/null
admin "select pg_terminate_backend(pid) from pg_stat_activity where query = 'select pg_sleep(600)'" >/dev/null
wait_for '  the table is read' '0 doc' row 11
same '  up to a row of which the stream has a part' gone "$(row 2998)"
same '  the changed rows stay as they are' '200 new gone gone 300 new 400 ddd 2' "$(seen) $(times_read t)"
standby ''
wait_for '  the rest is read when all are seen' 3 times_read t
same '  equal' "0 400 ddd 400 ddd" "$(difference t t_copy) $(row 2997) $(row 2999)"

# ---- a table that goes -----------------------------------------------------------------------------------------
stop
sql "create table going (id int primary key); insert into going values (1)"
admin "alter publication ${slot}_r add table $schema.going"
sed -i "s|- $schema.t|&\n        - $schema.going|" "$dir/r.yaml"
lines g "$schema.going"
until_end g 0
again g going
sql "drop table going; create table going (id int)"
sql "alter table going replica identity full"
admin "alter publication ${slot}_g add table $schema.going"
until_end g 0
says 'a table without a key any more is left, and told' 'is not read again: it was dropped, or has no key any more'
forget g
sed -i "/schema.going/d; /$schema.going/d" "$dir/r.yaml"

# ---- random changes, and kills ------------------------------------------------------------------------------------
changes=${DF_REREAD_CHANGES:-2000}
pair m
sql "insert into m select g, 0, repeat('d', 2500) from generate_series(1, 12000) g"
sql "create procedure work(n int, seed float8) language plpgsql as \$\$
declare k int;
begin
    perform setseed(seed);
    for i in 1 .. n loop
        k := 1 + floor(random() * 12000);
        case floor(random() * 8)::int
        when 0 then delete from m where id = k;
        when 1 then insert into m values (k, i, 'new ' || i) on conflict (id) do update set v = i, doc = 'again ' || i;
        when 2 then update m set doc = repeat(chr(97 + i % 26), 2500) where id = k;
        when 3 then if not exists (select from m where id = k + 20000) then update m set id = id + 20000, doc = 'there' where id = k; end if;
        when 4 then delete from m where id = k + 20000;
        else update m set v = v + 1 where id between k and k + 3;
        end case;
        if random() < 0.7 then commit; end if;
        if random() < 0.05 then perform pg_sleep(0.002); end if;
    end loop;
end \$\$"
seed=${DF_REREAD_SEED:-$RANDOM}
echo "# DF_REREAD_SEED=$seed"
ended() { wc -l <"$dir/done"; }
through() { # NAME "option of the spec"
    replica "$1" "$schema.m" "$schema.m_copy"
    sed -i "s/^spec:/spec:\n  $2/" "$dir/$1.yaml"
    sql "truncate m_copy"
    until_end "$1" 0
    for round in $(seq "${DF_REREAD_ROUNDS:-1}"); do
        sql "delete from m_copy where id % 7 = $round"
        again "$1" m
        : >"$dir/done"
        (sql "call work($changes, 0.$seed$round)"; echo >>"$dir/done") &
        (sql "call work($changes, 0.$round$seed)"; echo >>"$dir/done") &
        start "$1"
        sleep "0.$((RANDOM % 8 + 2))"
        kill -9 "$flow" && wait "$flow" 2>/dev/null
        again "$1" m
        start "$1"
        wait_for "$1, round $round: the writers end" 2 ended
        stop
        until_end "$1" 0
        same "$1, round $round: read again, equal to the row" "yes 0" "$(cat "$dir/$1.out" "$dir/out" | grep -q 'm again: [1-9]' && echo yes) $(difference m m_copy)"
        : >"$dir/$1.out"
    done
    forget "$1"
}
through least 'maxUncommitted: 100000'
through exact 'deliveryGuarantee: exactlyOnce'
finish
