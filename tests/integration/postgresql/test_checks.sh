#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Rows that a CHECK constraint refuses: all of them in the error sink in order with bytes and
# reason, all others in the table, whatever else the table has; and without going row by row.
. "$(dirname "$0")/../pg_lib.sh"
numbers() { seq "$1" "$2" | sed "s/.*/$3/"; }

# refused NAME FIRST LAST CONDITION: the error file holds, in order, exactly the records k of
# FIRST..LAST for which the condition of python holds, as they were written to the source
refused() {
    python3 - "$dir/$1" "$2" "$3" "$4" <<'END' && ok "$1: refused records" || bad "$1: refused records"
import json, sys
name, first, last, condition = sys.argv[1], int(sys.argv[2]), int(sys.argv[3]), sys.argv[4]
lines = open(name + ".jsonl").read().splitlines()
want = [l for l in lines if (lambda k: first <= k <= last and eval(condition))(json.loads(l)["k"])]
got = []
for line in open(name + ".errors"):
    e = json.loads(line)
    at = line.index('"original_message":') + len('"original_message":')
    got.append(line[at:at + e["error"]["size"]])
    if e["error"]["reason"] != "constraint_violation":
        print("        reason:", line[:300]); sys.exit(1)
if want != got:
    print("        %d wanted, %d found" % (len(want), len(got)))
    print("        first that differs:", next((p for p in zip(want, got) if p[0] != p[1]), None))
sys.exit(want != got)
END
}

# ---- several parcels, one in two refused -------------------------------------------------------------
sql "create table half (k int, pad text, constraint \"a \"\"name\"\" '%s\" check (k % 2 <> 0))"
numbers 1 60000 '{"k":&,"pad":"text to make the record longer than it would be without"}' >"$dir/half.jsonl"
manifest half
flow half 0
same 'half of 60,000' '30000 30000 30000 900000000' \
    "$(summary sent) $(summary errored) $(sql "select count(distinct k) || ' ' || sum(k) from half")"
refused half 1 60000 'k % 2 == 0'

# The first line of a COPY, of several, and the last one: as the others, and nothing is written twice.
sql "create table edges (k int check (k % 5000 not in (1, 0)))"
numbers 1 20000 '{"k":&}' >"$dir/edges.jsonl"
manifest edges 'batchSize: 5000'
flow edges 0
refused edges 1 20000 'k % 5000 in (1, 0)'
same 'the first and the last line' '19992 8 0 19992 19992' \
    "$(summary sent) $(summary errored) $(summary retries) $(sql "select count(*) || ' ' || count(distinct k) from edges")"

# ---- what the table may have -----------------------------------------------------------------------------
sql "create function is_even(int) returns boolean language sql immutable as 'select \$1 % 2 = 0';
create table odd (k int, \"Quoted \"\"x\"\"\" int default 7, late int default 3, twice int generated always as (k * 2) stored,
  constraint z_function check (k < 900 or not is_even(k)),
  constraint quoted check (\"Quoted \"\"x\"\"\" <> 8), constraint defaulted check (late > 2),
  constraint generated check (twice is not null and twice <> 50),
  constraint two_columns check (k + late <> 103), constraint nothing check (k is null or k > 0 or null))"
sql "alter table odd add constraint not_valid check (k <> 77) not valid"
{
    numbers 1 999 '{"k":&}'
    numbers 1000 1999 '{"k":&,"Quoted \\"x\\"":8}'
    numbers 2001 2009 '{"k":&,"late":1}'
} >"$dir/odd.jsonl"
manifest odd
flow odd 0
refused odd 1 2009 'k in (25, 77, 100) or k >= 1000 or (k >= 900 and k % 2 == 0)'
same 'all kinds of constraints' "$(seq 999 | awk '$1 != 25 && $1 != 77 && $1 != 100 && ($1 < 900 || $1 % 2)' | wc -l)" \
    "$(sql 'select count(*) from odd where late = 3')"

sql "create table mended (k int check (k > 0), v int);
create function mend() returns trigger language plpgsql as 'begin new.k := abs(new.k); return new; end';
create trigger mend before insert on mended for each row execute function mend()"
numbers 1 400 '{"k":-&}' >"$dir/mended.jsonl"
echo '{"k":0}' >>"$dir/mended.jsonl"
manifest mended
flow mended 0
same 'a trigger mends rows before the check' '400 1' "$(sql 'select count(*) from mended') $(summary errored)"

sql "create table parts (k int check (k % 5 <> 0)) partition by range (k);
create table parts_low partition of parts for values from (0) to (500);
create table parts_high partition of parts (constraint own check (k <> 601)) for values from (500) to (1001)"
numbers 1 1000 '{"k":&}' >"$dir/parts.jsonl"
manifest parts
flow parts 0
refused parts 1 1000 'k % 5 == 0 or k == 601'
same 'partitions' 799 "$(sql 'select count(*) from parts')"

sql "create domain positive as int check (value > 0);
create table domains (k int check (k <> 3), v positive)"
numbers 1 300 '{"k":&,"v":1}' >"$dir/domains.jsonl"
sed -i '7s/"v":1/"v":-1/; 9s/"v":1/"v":-1/' "$dir/domains.jsonl"
manifest domains
flow domains 0
refused domains 1 300 'k in (3, 7, 9)'

# ---- together with other refusals ---------------------------------------------------------------------
sql "create table mixed (k int, u int unique, check (k % 10 <> 0)); insert into mixed values (1, 500)"
seq 1 20000 | awk '{ print "{\"k\":" $1 ",\"u\":" ($1 % 997 == 1 ? 500 : $1 + 1000) "}" }' >"$dir/mixed.jsonl"
manifest mixed 'onConflict: error'
flow mixed 0
refused mixed 1 20000 'k % 10 == 0 or k % 997 == 1'

# ---- without the right to make a function -----------------------------------------------------------------
role=${schema}_plain
sql "create table poor (k int check (k <> 50)); create role $role login password 'x';
grant usage on schema $schema to $role; grant select, insert on poor to $role"
database=$(sql 'select current_database()')
public=$(sql "select has_database_privilege('public', '$database', 'TEMP')")
[ "$public" = t ] && sql "revoke temporary on database $database from public"
numbers 1 100 '{"k":&}' >"$dir/poor.jsonl"
manifest poor
PG_PLAIN=$(sed "s#//[^@]*@#//$role:x@#" <<<"$PG_TEST_URL") && export PG_PLAIN
sed -i 's/env:PG_TEST_URL/env:PG_PLAIN/' "$dir/poor.yaml"
flow poor 0
refused poor 1 100 'k == 50'
[ "$public" = t ] && sql "grant temporary on database $database to public"
sql "revoke select on poor from $role" # a condition reads the columns
sed -i 's/"k":50/"k":5050/' "$dir/poor.jsonl"
sql "alter table poor add check (k <> 5050)"
flow poor 0
same 'INSERT is the only privilege' '99 1' "$(summary sent) $(summary errored)"
sql "drop owned by $role; drop role $role"

# ---- the constraint comes and goes while the flow runs --------------------------------------------------------
sql "create table moving (k int)"
mkfifo "$dir/pipe"
manifest moving
sed -i "s#path: $dir/moving.jsonl#path: $dir/pipe#" "$dir/moving.yaml"
rm -rf "$dir/state"
timeout --foreground -k 5 60 dfproc run "$dir/moving.yaml" --until-exhausted >"$dir/out" 2>&1 &
runner=$!
there() { for _ in $(seq 200); do [ "$(sql 'select count(*) from moving')" = "$1" ] && return; sleep 0.05; done; bad "waited for $1 rows"; }
refusals() { for _ in $(seq 200); do [ "$(wc -l <"$dir/moving.errors")" = "$1" ] && return; sleep 0.05; done; bad "waited for $1 refusals"; }
{
    numbers 1 10 '{"k":&}'
    there 10
    sql 'alter table moving add constraint c check (k < 100)'
    numbers 95 104 '{"k":&}'
    there 15; refusals 5
    numbers 110 119 '{"k":&}'
    refusals 15
    sql 'alter table moving drop constraint c'
    numbers 105 109 '{"k":&}'
    there 20
    sql 'alter table moving add constraint c check (k < 150)'
    numbers 145 154 '{"k":&}'
    there 25; refusals 20
    sql 'alter table moving rename column k to other; alter table moving add column k int'
    numbers 160 169 '{"k":&}'
    there 35
} >"$dir/pipe"
wait $runner || bad "the run with constraints that change: $(tail -n 1 "$dir/out")"
same 'constraints that change' '25 21 25 20' \
    "$(sql "select count(*) filter (where other < 150) || ' ' || count(*) filter (where k is null and other < 146) from moving") $(sql "select count(*) from moving where k is null") $(wc -l <"$dir/moving.errors")"

# ---- the table is made by the flow, the constraint comes later ------------------------------------------
manifest made 'autoCreateTable: true'
numbers 1 10 '{"k":&}' >"$dir/made.jsonl"
flow made 0
sql 'alter table made add check (k <> 15)'
numbers 11 20 '{"k":&}' >"$dir/made.jsonl"
flow made 0
refused made 11 20 'k == 15'
same 'a table made by the flow' 19 "$(sql 'select count(*) from made')"

# ---- the connection ends in the middle -----------------------------------------------------------------
sql "create table broken (k int primary key, check (k % 4 <> 0))"
numbers 1 120000 '{"k":&,"a":1}' >"$dir/broken.jsonl"
manifest broken 'unknownFields: ignore'
rm -rf "$dir/state"
timeout --foreground -k 5 120 dfproc run "$dir/broken.yaml" --until-exhausted >"$dir/out" 2>&1 &
runner=$!
for _ in $(seq 15); do
    sleep 0.04
    psql "$DF_PG" -XqAt -c "select pg_terminate_backend(pid) from pg_stat_activity where application_name = 'dataflow' and query like '%\"broken\"%'" >/dev/null
done
wait $runner || bad "the run with a terminated backend: $(tail -n 1 "$dir/out")"
same 'terminated backends: good rows' 90000 "$(sql 'select count(*) from broken')"
same 'terminated backends: refused rows' 30000 \
    "$(grep -o '"original_message":{"k":[0-9]*' "$dir/broken.errors" | sort -u | wc -l)"
finish
