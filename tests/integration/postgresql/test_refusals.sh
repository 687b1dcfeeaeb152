#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Rows that only the server can refuse; connections that end; schema changes while running.
. "$(dirname "$0")/../pg_lib.sh"
numbers() { seq "$1" "$2" | sed "s/.*/$3/"; }

# ---- one, many, deferred ------------------------------------------------------------------------
sql "create table few (k int primary key, v int check (v <> 7777))"
numbers 1 20000 '{"k":&,"v":&}' >"$dir/few.jsonl"
manifest few
flow few 0
same 'one bad row of 20,000' '19999 1' "$(summary sent) $(summary errored)"
same 'all others are there' '19999 200002223' "$(sql "select count(*) || ' ' || sum(k) from few")"
grep -qF 'few_v_check' "$dir/few.errors" && ok "the server's message" || bad "the server's message"

sql "create table many (k int primary key, v int check (v % 3 <> 0))"
numbers 1 9000 '{"k":&,"v":&}' >"$dir/many.jsonl"
manifest many
flow many 0
same 'every third row' '6000 3000 6000' "$(summary sent) $(summary errored) $(sql 'select count(*) from many')"

sql "create table parent (id int primary key); insert into parent select generate_series(1, 500);
create table child (k int, ref int references parent(id) deferrable initially deferred)"
numbers 1 600 '{"k":&,"ref":&}' >"$dir/child.jsonl"
manifest child
flow child 0
same 'deferred foreign keys' '500 100 500' "$(summary sent) $(summary errored) $(sql 'select count(*) from child')"

sql "create table guarded (k int);
create function guard() returns trigger language plpgsql as 'begin if new.k % 100 = 0 then raise exception ''round number''; end if; return new; end';
create trigger guard before insert on guarded for each row execute function guard()"
numbers 1 1000 '{"k":&}' >"$dir/guarded.jsonl"
manifest guarded
flow guarded 0
same 'a trigger that raises' '990 10 990' "$(summary sent) $(summary errored) $(sql 'select count(*) from guarded')"

# ---- duplicate keys -------------------------------------------------------------------------------
sql "create table dup (k int primary key, v text); insert into dup values (5, 'old')"
numbers 1 10 '{"k":&,"v":"new"}' >"$dir/dup.jsonl"
manifest dup 'onConflict: error'
flow dup 0
same 'onConflict: error' '9 1 old' "$(summary sent) $(summary errored) $(sql 'select v from dup where k = 5')"
flow dup 0
same 'again: all refused' '0 10' "$(summary sent) $(summary errored)"
manifest dup 'onConflict: skip'
flow dup 0
same 'onConflict: skip' '0 10 0 old' "$(summary sent) $(summary left_out) $(summary errored) $(sql 'select v from dup where k = 5')"
manifest dup
flow dup 0
same 'onConflict: equal' '9 1' "$(summary sent) $(summary errored)"

# What skip did not write is counted apart from what it wrote: in chunks, row by row, beside rows
# that are refused, with several sets of columns, and twice in one parcel.
sql "create table skipped (k int primary key, v int check (v <> 13), w int default 1); insert into skipped select g, 0 from generate_series(1, 1000, 10) g"
numbers 1 2000 '{"k":&,"v":1}' | sed '500s/"v":1/"v":13/; 700s/"v":1/"v":1,"w":2/; 801s/"v":1/"v":1,"w":2/' >"$dir/skipped.jsonl"
printf '%s\n' '{"k":3000,"v":1}' '{"k":3000,"v":2}' >>"$dir/skipped.jsonl"
manifest skipped 'onConflict: skip'
flow skipped 0
same 'skip: sent, left out, refused, rows' '1900 101 1 2000' "$(summary sent) $(summary left_out) $(summary errored) $(sql 'select count(*) from skipped')"
same 'skip: the old rows and the first of two' '100 1' "$(sql 'select count(*) filter (where v = 0), max(v) filter (where k = 3000) from skipped' | tr '|' ' ')"
flow skipped 0
same 'skip: all of them once more' '0 2001 1' "$(summary sent) $(summary left_out) $(summary errored)"
# ---- a repetition is found by any unique index ------------------------------------------------------
repeats() { # NAME DEFINITION RECORD OTHER: RECORD twice, then OTHER, which has other values
    sql "$2"
    printf '%s\n' "$3" "$3" "$4" >"$dir/$1.jsonl"
    manifest "$1"
    flow "$1" 0
    same "a repetition: $1" '2 1 1' "$(summary sent) $(summary errored) $(sql "select count(*) from $1")"
}
repeats on_expression 'create table on_expression (id text, v int, x int default 3); create unique index on on_expression (lower(id), v)' \
    '{"id":"a","v":1}' '{"id":"A","v":1}'
repeats on_condition 'create table on_condition (id int, gone bool, v int); create unique index on on_condition (id) where not gone' \
    '{"id":1,"gone":false,"v":1}' '{"id":1,"gone":false,"v":2}'
repeats on_exclusion "create table on_exclusion (during int4range, v json, exclude using gist (during with &&))" \
    '{"during":"[1,5)","v":{"a":1}}' '{"during":"[2,9)","v":{"a":1}}'
repeats on_partition "create table on_partition (id int, v int, w int) partition by list (v);
    create table on_partition_1 partition of on_partition for values in (1); create unique index on on_partition_1 (id)" \
    '{"id":1,"v":1,"w":null}' '{"id":1,"v":1,"w":2}'

# ---- what is changed on the way is told once; what would be cut is refused ----------------------------
sql 'create table changed (k int, t timestamp, c "char", n name)'
for k in 1 2 3; do
    echo "{\"k\":$k,\"t\":\"2024-01-01T00:00:00.1234567Z\"}"
    echo "{\"k\":$k,\"t\":\"2024-01-01T01:00:00+01:00\"}"
done >"$dir/changed.jsonl"
printf '%s\n' '{"c":"ab"}' '{"c":"a"}' "{\"n\":\"$(printf 'x%.0s' {1..64})\"}" >>"$dir/changed.jsonl"
manifest changed
flow changed 0
same 'nanoseconds, zones, short types' '7 2 2024-01-01 00:00:00 2024-01-01 00:00:00.123457' \
    "$(summary sent) $(summary errored) $(sql 'select min(t), max(t) from changed' | tr '|' ' ')"
same 'told once each' '1 1' \
    "$(grep -c 'rounded to microseconds' "$dir/out") $(grep -c 'go as UTC' "$dir/out")"

# ---- rights: told when the sink opens ---------------------------------------------------------------
writer=${schema}_writer
sql "create role $writer login password 'x'; grant usage on schema $schema to $writer; grant insert on dup to $writer"
as_writer() { # NAME CODE OPTION...: the flow as this role
    manifest "$1" "${@:3}"
    sed -i 's#PG_TEST_URL#PG_WRITER#' "$dir/$1.yaml"
    PG_WRITER=$(sed "s#//[^@]*@#//$writer:x@#" <<<"$PG_TEST_URL") flow "$1" "$2"
}
printf '%s\n' '{"k":5,"v":"new"}' '{"k":100,"v":"x"}' >"$dir/dup.jsonl"
as_writer dup 0
same 'equal without SELECT refuses' '1 1' "$(summary sent) $(summary errored)"
grep -q 'onConflict: a row whose key is there will be refused, as with error: grant SELECT on every column of the table to' "$dir/out" &&
    ok 'and says so' || bad 'no word about SELECT'
as_writer dup 0 'onConflict: skip'
same 'skip needs no SELECT' '0' "$(summary errored)"
grep -q 'onConflict: a row' "$dir/out" && bad 'a warning without reason' || ok 'no warning'
as_writer dup 1 'upsertMode: true'
grep -q 'upsertMode: grant SELECT on the table, UPDATE on the table, DELETE on the table to the user' "$dir/out" &&
    ok 'upsert names what is missing' || bad "upsert: $(tail -n 1 "$dir/out" | cut -c1-300)"

# ---- the widest tables ------------------------------------------------------------------------------
wide() { # NAME COUNT OPTION...: a table of COUNT columns with defaults, one record with all of them
    sql "$(awk -v n="$2" -v t="$1" 'BEGIN { printf "create table %s (c1 int primary key", t; for (i = 2; i <= n; i++) printf ", c%d int default 7", i; print ")" }')"
    awk -v n="$2" 'BEGIN { for (r = 1; r <= 3; r++) { printf "{\"c1\":%d", r; for (i = 2; i <= n; i += r) printf ",\"c%d\":%d", i, i; print "}" } }' >"$dir/$1.jsonl"
    manifest "$1" "${@:3}"
    flow "$1" 0
    same "$2 columns ${*:3}" "3 0 $2 7" "$(summary sent) $(summary errored) $(sql "select c$2 from $1 where c1 = 1") $(sql "select c3 from $1 where c1 = 2")"
}
wide wide_insert 1600
wide wide_upsert 1597 'upsertMode: true'

# ---- a table made for records that only the server refuses -----------------------------------------------
{
    echo '{"k":1,"a":1.5}'
    for i in 2 3 4 5 6 7; do echo "{\"k\":$i,\"a\":1e150000}"; done
    echo '{"k":8,"a":2.5}'
} >"$dir/fresh.jsonl"
manifest fresh 'autoCreateTable: true'
flow fresh 0
same 'the table is made anew for each try' '2 6 0 2' \
    "$(summary sent) $(summary errored) $(summary retries) $(sql 'select count(*) from fresh')"

printf '%s\n' '{"id":1,"a":"x"}' '{"id":1,"a":"x"}' '{"id":1,"a":"y"}' >"$dir/second.jsonl"
manifest second 'autoCreateTable: true'
sed -i '/^errors:/d' "$dir/second.yaml"
flow second 0
grep -q 'table second made with 4 columns, one row for each key: later records of a key are left out' "$dir/out" &&
    ok 'the key of a new table is told' || bad 'the key of a new table'
same 'a key nobody asked for leaves repetitions out' '1 2' "$(summary sent) $(summary left_out)"
manifest asked_second 'autoCreateTable: true' 'onConflict: equal'
sed -i '/^errors:/d' "$dir/asked_second.yaml"
cp "$dir/second.jsonl" "$dir/asked_second.jsonl"
flow asked_second 1
tail -n 1 "$dir/out" | grep -q 'the row is there with other values: upsertMode: true updates it, onConflict: skip leaves it' &&
    ok 'and what to do about a second record' || bad "a second record: $(tail -n 1 "$dir/out" | cut -c1-400)"

# ---- records with different columns ---------------------------------------------------------------
sql "create table shapes (id serial, a int default 10, b int default 20, c int)"
for i in $(seq 1 300); do
    echo "{\"a\":$i}"
    echo "{\"b\":$i,\"c\":$i}"
    echo "{\"a\":$i,\"b\":$i,\"id\":$((1000 + i))}"
    echo "{\"c\":$i}"
done >"$dir/shapes.jsonl"
manifest shapes
flow shapes 0
same 'defaults where the record has no value' '1200 96300 102300 600 300' \
    "$(sql "select concat_ws(' ', count(*), sum(a), sum(b), count(c), count(*) filter (where id > 1000)) from shapes")"

# ---- the catalog changes while the flow runs --------------------------------------------------------
sql "create table growing (k int)"
mkfifo "$dir/pipe"
manifest growing
sed -i "s#path: $dir/growing.jsonl#path: $dir/pipe#" "$dir/growing.yaml"
rm -rf "$dir/state"
timeout --foreground -k 5 60 dfproc run "$dir/growing.yaml" --until-exhausted >"$dir/out" 2>&1 &
runner=$!
{
    echo '{"k":1}'
    for _ in $(seq 100); do
        [ "$(sql 'select count(*) from growing')" = 1 ] && break
        sleep 0.1
    done
    sql "alter table growing add column extra text"
    echo '{"k":2,"none":1}' # refused: the catalog was read for it just now
    for _ in $(seq 100); do
        [ -s "$dir/growing.errors" ] && break
        sleep 0.1
    done
    sql "alter table growing add column late text"
    echo '{"k":2,"extra":"seen","late":"too"}'
} >"$dir/pipe"
wait $runner || bad "the run after a new column: $(tail -n 1 "$dir/out")"
same 'new columns are used at once' 'seen too 1' "$(sql "select extra || ' ' || late from growing where k = 2") $(summary errored)"

# What the columns of before refuse stands beside a row that is written: the end of the COPY looks at
# the columns, so nothing is refused by what was true a moment ago.
sql "create table eased (k int, n numeric(4,2), m int not null)"
mkfifo "$dir/eased.pipe"
manifest eased
sed -i "s#path: $dir/eased.jsonl#path: $dir/eased.pipe#" "$dir/eased.yaml"
rm -rf "$dir/state"
timeout --foreground -k 5 60 dfproc run "$dir/eased.yaml" --until-exhausted >"$dir/out" 2>&1 &
runner=$!
pair() { # K RECORD: a row that any of the columns take, and one that the latest do, in one parcel
    printf '{"k":%d,"n":1,"m":1}\n%s\n' "$1" "$2"
    for _ in $(seq 100); do
        [ "$(sql "select count(*) from eased where k = $1")" = 2 ] && return
        sleep 0.1
    done
}
{
    pair 1 '{"k":1,"n":2,"m":2}'
    sql 'alter table eased alter n type numeric(12,2)'
    pair 2 '{"k":2,"n":1000000,"m":2}'
    sql 'alter table eased alter m drop not null'
    pair 3 '{"k":3,"n":2}'
    sql 'alter table eased add column extra text'
    pair 4 '{"k":4,"n":2,"m":1,"extra":"seen"}'
    printf '%s\n' '{"k":5,"n":1,"m":1}' '{"k":5,"n":"none","m":1}'
} >"$dir/eased.pipe"
wait $runner || bad "the run with columns that ease: $(tail -n 1 "$dir/out")"
same 'columns that take more than before' '9 1000000.00 1 seen 1' \
    "$(sql "select count(*) || ' ' || max(n) || ' ' || count(*) filter (where m is null) || ' ' || max(extra) from eased") $(summary errored)"

# ---- tables that are not ours ----------------------------------------------------------------------
# Somebody rebuilds another table and holds its lock: what we ask about our own does not wait for it.
sql "create table ours (k int primary key); insert into ours values (1); create table theirs (k int, v int); create unique index on theirs (abs(k)) where v > 0"
psql "$DF_PG" -XqAt -c "begin; lock table $schema.theirs in access exclusive mode; select pg_sleep(60)" >/dev/null 2>&1 &
blocker=$!
holds() { [ -n "$(sql "select 1 from pg_locks where relation = '$schema.theirs'::regclass and mode = 'AccessExclusiveLock' and granted")" ]; }
for _ in $(seq 200); do holds && break; sleep 0.05; done
holds || bad 'nobody holds the lock'
printf '%s\n' '{"k":1}' '{"k":2}' >"$dir/ours.jsonl"
manifest ours 'onConflict: equal'
flow ours 0
holds && ok 'the flow ended beside the lock' || bad 'the flow waited for the lock of another table'
same 'equal rows beside the lock' '2 0 0' "$(summary sent) $(summary errored) $(summary retries)"
psql "$DF_PG" -XqAt -c "select pg_terminate_backend(pid) from pg_stat_activity where query like '%$schema.theirs in access%' and pid <> pg_backend_pid()" >/dev/null
wait $blocker

# ---- connections that end ---------------------------------------------------------------------------
sql "create table cut (k int, pad text)"
numbers 1 150000 '{"k":&,"pad":"some text to make the row a little longer"}' >"$dir/cut.jsonl"
manifest cut
rm -rf "$dir/state"
timeout --foreground -k 5 120 dfproc run "$dir/cut.yaml" --until-exhausted >"$dir/out" 2>&1 &
runner=$!
for _ in $(seq 12); do
    sleep 0.05
    psql "$DF_PG" -XqAt -c "select pg_terminate_backend(pid) from pg_stat_activity where application_name = 'dataflow' and query like '%\"cut\"%'" >/dev/null
done
wait $runner || bad "the run with a terminated backend: $(tail -n 1 "$dir/out")"
same 'nothing is lost when backends are terminated' 150000 "$(sql 'select count(distinct k) from cut')"

# ---- errors that are no data ---------------------------------------------------------------------------
# Each stops at once with exit code 1, says what to do, and shows no password.
printf '%s\n' '{"k":1}' >"$dir/cut.jsonl"
base=${DF_PG%%\?*} server=${DF_PG#*@} server=${server%%\?*}
role=${schema}_reader
openssl req -x509 -newkey rsa:2048 -nodes -subj /CN=other -keyout /dev/null -out "$dir/other.pem" 2>/dev/null
sql "create role $role login password 'wrong-canary'; grant usage on schema $schema to $role"
sql "create view looked as select 1 as k from cut group by 1"
stops() { # NAME CONNECTION TABLE TEXT
    manifest cut
    sed -i -e 's#connectionString: .*#connectionString: ${env:PG_WRONG}#' -e "s#table: .*#table: $3#" "$dir/cut.yaml"
    rm -rf "$dir/state"
    PG_WRONG=$2 timeout --foreground -k 1 20 dfproc run "$dir/cut.yaml" --until-exhausted >"$dir/out" 2>&1
    same "$1 stops at once" 1 "$?"
    grep -qF -- "$4" "$dir/out" && ok "$1: what to do" || { bad "$1: no \"$4\""; tail -n 1 "$dir/out" | cut -c1-400; }
    grep -qF canary "$dir/out" && bad "$1: a password is printed"
}
while IFS='|' read -r name connection table text; do
    stops "$name" "$connection" "$table" "$text"
done <<END
a wrong password|postgres://postgres:wrong-canary@$server?sslmode=disable|cut|check user and password
an unknown user|postgres://nobody:wrong-canary@$server?sslmode=disable|cut|check user and password
no password|postgres://postgres@$server?sslmode=disable|cut|has no password
a missing database|${base%/*}/not_there?sslmode=disable|cut|create the database
a bad sslmode|$base?sslmode=bogus|cut|may be disable
an unknown parameter|$base?sslmod=require|cut|unknown parameter
an unencoded password|postgres://postgres:wrong/canary@$server|cut|%40
a bad percent|postgres://postgres:wrong%zcanary@$server|cut|%25
a bad port|postgres://postgres:wrong-canary@127.0.0.1:99999/postgres|cut|1 to 65535
no host|postgres://postgres:wrong-canary@:5432/postgres|cut|names no host
no root certificate|$base?sslmode=verify-full&sslrootcert=/nonexistent/ca.pem|cut|sslrootcert=/path
another authority|$base?sslmode=verify-full&sslrootcert=$dir/other.pem|cut|sslrootcert must name
a bad server option|$base?sslmode=disable&options=-cbogus%3D1|cut|check the parameters
a missing table|$base?sslmode=disable|$schema.not_there|autoCreateTable
a missing schema|$base?sslmode=disable|not_there.cut|autoCreateTable
no privilege|postgres://$role:wrong-canary@$server?sslmode=disable|$schema.cut|needs USAGE on the schema and INSERT
a view|$base?sslmode=disable|$schema.looked|must name a table
END
sql "drop owned by $role, $writer; drop role $role, $writer"

# ---- settings of the server in the connection string ---------------------------------------------------
refused() { # NAME CONNECTION TEXT: validate says so, without a server, a run and a password
    manifest cut
    sed -i "s#connectionString: .*#connectionString: \"$2\"#" "$dir/cut.yaml"
    dfproc validate "$dir/cut.yaml" >"$dir/out" 2>&1
    same "validate, $1" 2 "$?"
    grep -qF -- "$3" "$dir/out" && ! grep -qF canary "$dir/out" && ok "validate, $1: what to do" || { bad "validate, $1"; cat "$dir/out"; }
}
refused 'an unknown parameter' "postgres://u:canary@h/db?searchpath=x" 'unknown parameter'
refused 'an unencoded password' "postgres://u:can/ary@h/db" '%40'
refused 'no host' "dbname=db password=canary" 'names no host'
refused 'neither form' "host=h searchpath=canary" 'neither'
sql "create table set_here (k int primary key, path text default current_setting('search_path'), zone text default current_setting('timezone'), own text default current_setting('my.own', true))"
printf '%s\n' '{"k":1}' >"$dir/set_here.jsonl"
manifest set_here
sed -i 's#connectionString: .*#connectionString: ${env:PG_SET}#' "$dir/set_here.yaml"
PG_SET="$base?sslmode=disable&search_path=$schema,%20public&timezone=Asia/Tokyo&my.own=a%20b%5C" flow set_here 0
same 'settings of a URL' "$schema, public|UTC|a b\\" "$(sql 'select path, zone, own from set_here')"
url=${base#*://} user=${url%%:*} rest=${url#*:} password=${rest%@*} address=${url##*@}
PG_SET="host=${address%%:*} port=$(cut -d: -f2 <<<"${address%%/*}") dbname=${address##*/} user=$user password=$password sslmode=disable search_path='$schema' my.own=x" flow set_here 0
PG_SET="$base?sslmode=disable&search_path=$schema&statement_timeout=150&my.own=x"
psql "$DF_PG" -XqAt -c begin -c "insert into $schema.set_here values (2)" -c '\! touch '"$dir/held" -c "\\! for i in \$(seq 200); do grep -qs 57014 $dir/out && break; sleep 0.05; done" >/dev/null &
for _ in $(seq 200); do [ -e "$dir/held" ] && break; sleep 0.05; done
echo '{"k":2}' >"$dir/set_here.jsonl"
export PG_SET
flow set_here 0
wait $!
same 'settings count, in either form' '1 2' "$(sql "select string_agg(k::text, ' ' order by k) from set_here")"
finish
