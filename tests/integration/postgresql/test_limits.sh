#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# One row that no statement can hold (statement_timeout, temp_file_limit) does not hold the flow:
# the others are written and it is refused. Who cancels a statement refuses nothing.
. "$(dirname "$0")/../pg_lib.sh"

# outcome NAME: sent, errored, the keys in the table, the states in the error file
outcome() {
    echo "$(summary sent) $(summary errored): $(sql "select string_agg(k::text, ' ' order by k) from $1"):" \
        $(grep -o 'SQLSTATE [0-9A-Z]*' "$dir/$1.errors" | cut -d' ' -f2)
}

sql "create function slow(int) returns boolean language plpgsql as 'begin if \$1 = 2 then perform pg_sleep(60); end if; return true; end';
create table slow (k int check (slow(k)));
create function large() returns trigger language plpgsql set work_mem = '64kB' set temp_file_limit = '100kB' as
'begin if new.k = 2 then perform from generate_series(1, 100000) x order by random(); end if; return new; end';
create table large (k int); create trigger large before insert on large for each row execute function large()"
for name in slow large; do
    printf '%s\n' '{"k":1}' '{"k":2}' '{"k":3}' >"$dir/$name.jsonl"
done
manifest slow 'statementTimeout: 1s'
flow slow 0
same 'a CHECK that takes too long for one row' '2 1: 1 3: 57014' "$(outcome slow)"
grep -q '"reason":"timeout"' "$dir/slow.errors" && ok 'and why' || bad 'and why'
sql "create table named (k int); create table chosen (k int check (slow(k)), t text)"
sed 's/}/,"t":"chosen"}/' "$dir/slow.jsonl" >"$dir/named.jsonl"
manifest named 'statementTimeout: 1s' 'tableFrom: $.t' 'tableAllow: chosen'
flow named 0
same '  likewise in a table that records name' '2 1: 1 3' "$(summary sent) $(summary errored): $(sql "select string_agg(k::text, ' ' order by k) from chosen")"
manifest large
flow large 0
same 'a trigger whose query is too large for one row' '2 1: 1 3: 53400' "$(outcome large)"

# ---- a statement that somebody cancels, a row that a lock delays --------------------------------------
sql "create table canceled (k int); create function waits() returns trigger language plpgsql as
'begin perform pg_advisory_xact_lock_shared(hashtext(''$schema'')); return new; end';
create trigger waits before insert on canceled for each row execute function waits()"
echo '{"k":1}' >"$dir/canceled.jsonl"
for how in cancel lock; do
    limit=1m
    [ $how = lock ] && limit=500ms
    manifest canceled "statementTimeout: $limit"
    rm -rf "$dir/state" "$dir/hold" "$dir/held"
    sql 'truncate canceled'
    mkfifo "$dir/hold"
    psql "$DF_PG" -XqAt -c "select pg_advisory_lock(hashtext('$schema'))" -c '\! echo held >'"$dir/held" -c "\\! read line <$dir/hold" >/dev/null &
    holder=$!
    for _ in $(seq 200); do [ -s "$dir/held" ] && break; sleep 0.05; done
    PG_TEST_URL="$PG_TEST_URL&application_name=$schema" timeout --foreground -k 5 90 dfproc run "$dir/canceled.yaml" --until-exhausted >"$dir/out" 2>&1 &
    runner=$!
    for _ in $(seq 400); do # both end the try five times: more than a limit has to
        [ "$(grep -c 'SQLSTATE 5[57]' "$dir/out")" -ge 5 ] && break
        [ $how = cancel ] && sql "select pg_cancel_backend(pid) from pg_stat_activity where application_name = '$schema' and wait_event_type = 'Lock'" >/dev/null
        sleep 0.1
    done
    echo >"$dir/hold"
    wait $holder
    wait $runner || bad "the run, $how: $(tail -n 1 "$dir/out")"
    same "$how refuses nothing" '1 0 1' "$(summary sent) $(summary errored) $(sql 'select k from canceled')"
done
finish
