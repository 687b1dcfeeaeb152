#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Whose fault an error is: a row that any SQLSTATE was raised for is refused when others pass, and
# the flow ends or waits when none does. Row-level security; tables that COPY cannot write to.
. "$(dirname "$0")/../pg_lib.sh"
# result NAME: sent, errored, retries, the keys in the table, the states in the error file
result() {
    echo "$(summary sent) $(summary errored) $(summary retries): $(sql "select string_agg(k::text, ' ' order by k) from $1"):" \
        $(grep -o 'SQLSTATE [0-9A-Z]*' "$dir/$1.errors" | cut -d' ' -f2)
}
role=${schema}_writer
server=${DF_PG#*@}
as_role="postgres://$role:pw@$server$([[ $DF_PG == *\?* ]] && echo '&' || echo '?')options=-csearch_path%3D$schema"
# Of its own: another test takes it from PUBLIC for a while.
sql "create role $role login password 'pw'; grant usage on schema $schema to $role;
     grant temporary on database $(sql 'select current_database()') to $role"
leave_role() {
    [ "$BASHPID" = $$ ] || return
    PGOPTIONS='-c client_min_messages=error' psql "$DF_PG" -Xqc "drop schema if exists $schema cascade" -c "drop owned by $role" -c "drop role $role"
    leave
}
trap leave_role EXIT

# ---- every class, one bad row of three -------------------------------------------------------------
# 00 is success and cannot be raised; the rest is every class, and the states that the table names.
states='01000 02000 03000 08000 08006 09000 0A000 0B000 0F000 0L000 0P000 0Z000 20000 21000 22012 22P02 23502 23505
23514 24000 25000 25006 25P02 25P03 26000 27000 28000 28P01 2B000 2D000 2F000 34000 38000 39000 3B000 3D000 3F000
40000 40001 40002 40003 40P01 42000 42501 42601 42602 42703 42804 42809 42846 42883 42P01 42P10 44000 53000 53100 53200
53300 54000 54001 55000 55006 55P03 57000 57014 57P01 57P04 58000 58030 72000 F0000 HV000 P0000 P0001 P0004 XX000 XX001
XX002 99999 ZZZZZ'
states=$(echo $states)
sql "create function raises() returns trigger language plpgsql as 'begin if new.bad is not null then
raise exception using errcode = new.bad, message = ''as told''; end if; return new; end'"
for mode in append upsert; do
    sql "create table all_$mode (k int primary key, bad text);
    create trigger raises before insert on all_$mode for each row execute function raises()"
    # three to a parcel: the bad one must be found beside two good ones, whatever came before
    n=0
    for state in $states; do
        echo "{\"k\":$((n += 1))}"
        echo "{\"k\":$((n += 1)),\"bad\":\"$state\"}"
        echo "{\"k\":$((n += 1))}"
    done >"$dir/all_$mode.jsonl"
    options=('batchSize: 3')
    [ $mode = upsert ] && options+=('upsertMode: true')
    manifest all_$mode "${options[@]}"
    flow all_$mode 0
    total=$(wc -w <<<"$states")
    same "every class, $mode" "$((2 * total)) $total 0" "$(summary sent) $(summary errored) $(summary retries)"
    same "each with its state, $mode" "$(tr ' ' '\n' <<<"$states")" "$(grep -o 'SQLSTATE [0-9A-Z]*' "$dir/all_$mode.errors" | cut -d' ' -f2)"
    same "the others are there, $mode" "$((2 * total)) 0" "$(sql "select count(*) || ' ' || count(bad) from all_$mode")"
done

# ---- a parcel of one record: the statement without a row tells ----------------------------------------
sql "create table alone (k int primary key, bad text);
create trigger raises before insert on alone for each row execute function raises()"
for state in XX000 42P01 42703 42501 0A000 28000 57014 40001 53100 08006; do
    echo "{\"k\":$((n += 1)),\"bad\":\"$state\"}"
    echo "{\"k\":$((n += 1))}"
done >"$dir/alone.jsonl"
manifest alone 'batchSize: 1'
flow alone 0
same 'each alone' '10 10 0' "$(summary sent) $(summary errored) $(summary retries)"

sql "create function odd(int) returns boolean language plpgsql as 'begin if \$1 = 2 then raise exception using errcode = ''XX000''; end if; return true; end';
create domain odd_int as int check (odd(value)); create table of_domain (k odd_int);
create table by_input (k int, name regclass, q tsquery)"
printf '%s\n' '{"k":1}' '{"k":2}' '{"k":3}' >"$dir/of_domain.jsonl"
manifest of_domain
flow of_domain 0
same 'a domain that raises XX000' '2 1 0: 1 3: XX000' "$(result of_domain)"
printf '%s\n' '{"k":1,"name":"pg_class"}' '{"k":2,"name":"not_there"}' '{"k":3,"q":"a b"}' '{"k":4,"q":"a"}' >"$dir/by_input.jsonl"
manifest by_input
flow by_input 0
same 'values that the server reads' '2 2 0: 1 4: 42P01 42601' "$(result by_input)"
manifest by_input 'batchSize: 1'
rm "$dir/by_input.errors"
flow by_input 0
same 'the same, one by one' '2 2 0: 1 1 4 4: 42P01 42601' "$(result by_input)"

# ---- no row passes: the flow ends, or waits until one does ----------------------------------------------
printf '%s\n' '{"k":1,"bad":"42501"}' '{"k":2,"bad":"42501"}' >"$dir/alone.jsonl"
manifest alone
flow alone 1
same 'a state that ends when no row passes' '0 0' "$(summary sent) $(summary errored)"
grep -q 'SQLSTATE 42501' "$dir/out" && ok 'and is told' || bad 'and is told'

# What else passes by itself, raised for every row that is there: nothing better would ever come.
for state in 40001 08006 57P01 53100 XX000 55P03; do
    printf '%s\n' "{\"k\":1,\"bad\":\"$state\"}" "{\"k\":2,\"bad\":\"$state\"}" >"$dir/alone.jsonl"
    rm -f "$dir/alone.errors"
    manifest alone
    flow alone 0
    same "$state raised for every row" "0 2 $state $state" "$(summary sent) $(summary errored) $(grep -o 'SQLSTATE [0-9A-Z]*' "$dir/alone.errors" | cut -d' ' -f2 | xargs)"
done

sql "create table locked (k int primary key, bad text);
create trigger raises before insert on locked for each row execute function raises()"
printf '%s\n' '{"k":1}' '{"k":2}' '{"k":3,"bad":"42501"}' '{"k":4}' >"$dir/locked.jsonl"
for how in lock_timeout statement_timeout; do
    manifest locked 'onConflict: error'
    sed -i 's#\${env:PG_TEST_URL}#"${env:PG_TEST_URL}%20-clock_timeout%3D100"#' "$dir/locked.yaml"
    [ $how = statement_timeout ] && manifest locked 'onConflict: error' 'statementTimeout: 200ms'
    mkfifo "$dir/hold"
    psql "$DF_PG" -XqAt -c "begin" -c "insert into $schema.locked values (2)" -c '\! echo held >'"$dir/held" -c "\\! read line <$dir/hold" >/dev/null &
    holder=$!
    for _ in $(seq 200); do [ -s "$dir/held" ] && break; sleep 0.05; done
    rm -rf "$dir/state"
    timeout --foreground -k 5 60 dfproc run "$dir/locked.yaml" --until-exhausted >"$dir/out" 2>&1 &
    runner=$!
    until grep -q 'SQLSTATE 5[57]' "$dir/out" || ! kill -0 $runner 2>/dev/null; do sleep 0.05; done
    echo >"$dir/hold"
    wait $holder
    wait $runner || bad "the run with $how: $(tail -n 1 "$dir/out")"
    same "$how is nobody's fault" '3 1: 1 2 4: 42501' "$(result locked | sed 's/ [0-9]*:/:/')"
    sql 'truncate locked'
    rm -f "$dir/locked.errors"
    rm -f "$dir/hold" "$dir/held"
done

# ---- row-level security: COPY refuses it, and so does a policy -------------------------------------------
for mode in append upsert; do
    sql "create table rls_$mode (k int primary key, a text); alter table rls_$mode enable row level security;
    grant select, insert, update, delete on rls_$mode to $role; create policy p on rls_$mode using (true) with check (a <> 'forbidden')"
    seq 1 300 | sed 's/.*/{"k":&,"a":"allowed"}/; 77s/allowed/forbidden/; 230s/allowed/forbidden/' >"$dir/rls_$mode.jsonl"
    options=('batchSize: 100')
    [ $mode = upsert ] && options+=('upsertMode: true')
    manifest rls_$mode "${options[@]}"
    PG_TEST_URL=$as_role flow rls_$mode 0
    same "row-level security, $mode" '298 2 0 298: 42501 42501' \
        "$(result rls_$mode | sed "s/:[^:]*:/ $(sql "select count(*) from rls_$mode where a = 'allowed'"):/")"
done
sql "create view through as select k, a from rls_append"
seq 501 600 | sed 's/.*/{"k":&,"a":"x"}/' >"$dir/through.jsonl"
manifest through
flow through 0
same 'a view that rows can be inserted through' '100 100' "$(summary sent) $(sql "select count(*) from rls_append where a = 'x'")"
finish
