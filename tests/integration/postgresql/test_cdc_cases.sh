#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# ctest: timeout=600
# postgresql-cdc: replica identities, columns that are left out, partitions, several tables, a table
# that is added; interleaved transactions, a large one; pgbench (DF_CDC_ROWS, DF_CDC_SECONDS: more of
# both); a server that is impatient or silent.
. "$(dirname "$0")/../pg_cdc_lib.sh"
events() { sed 's/{"payload":{\(.*\),"source":{.*},"op":"\(.\)".*/\2 \1/' "$dir/$1.jsonl"; }

# ---- what a row was before -------------------------------------------------------------------------
sql "create table whole (id int primary key, n int, doc text); alter table whole alter doc set storage external;
     alter table whole replica identity full;
     create table short (id int primary key, n int, doc text); alter table short alter doc set storage external;
     create table byindex (a int not null, b int not null, n int); create unique index byindex_ab on byindex (a, b);
     alter table byindex replica identity using index byindex_ab;
     insert into whole values (1, 1, repeat('w', 3000)); insert into short values (1, 1, repeat('s', 3000));
     insert into byindex values (1, 2, 3)"
lines before "$schema.whole, $schema.short, $schema.byindex" 'envelopeFormat: debezium'
until_end before 0
: >"$dir/before.jsonl"
sql "update whole set n = 2; update whole set id = 2; delete from whole"
sql "update short set n = 2; update short set id = 2"
sql "update byindex set n = 4; update byindex set b = 3; delete from byindex"
until_end before 0
same 'before images' 'u "before":{"id":1,"n":1,"doc":"W"},"after":{"id":1,"n":2,"doc":"W"}
d "before":{"id":1,"n":2,"doc":"W"},"after":null
c "before":null,"after":{"id":2,"n":2,"doc":"W"}
d "before":{"id":2,"n":2,"doc":"W"},"after":null
u "before":null,"after":{"id":1,"n":2}
u "before":{"id":1},"after":{"id":2,"n":2}
u "before":null,"after":{"a":1,"b":2,"n":4}
d "before":{"a":1,"b":2},"after":null
c "before":null,"after":{"a":1,"b":3,"n":4}
d "before":{"a":1,"b":3},"after":null' "$(events before | sed 's/"w\{3000\}"/"W"/g')"
forget before

# ---- what the key is: not what its index only stores -------------------------------------------------------
sql "create table stores (b int, a text, v int, primary key (a, b) include (v)); insert into stores values (1, 'x', 1), (2, 'x', 1), (1, 'y', 1)"
replica keys "$schema.stores" "$schema.stores_copy"
until_end keys 0
sql "update stores set v = 2 where b = 1"
until_end keys 0
same 'the copy has the same key, and each row once' '1 x 2,1 y 2,2 x 1' \
    "$(sql "select string_agg(concat_ws(' ', b, a, v), ',' order by b, a) from stores_copy")"
forget keys

# ---- columns, partitions, several tables, a table that is added ----------------------------------------
sql "create table parts (id int, day date, secret text, primary key (id, day)) partition by range (day);
     create table parts_1 partition of parts for values from ('2026-01-01') to ('2026-02-01');
     create table parts_2 partition of parts for values from ('2026-02-01') to ('2026-03-01');
     insert into parts values (1, '2026-01-05', 'x'), (2, '2026-02-05', 'x')"
lines parts "$schema.parts" 'excludeColumns: [SECRET]'
until_end parts 0
sql "insert into parts values (3, '2026-02-07', 'x'); update parts set day = '2026-01-07' where id = 3"
until_end parts 0
same 'partitions come as their root' '{"id":1,"day":"2026-01-05"}
{"id":2,"day":"2026-02-05"}
{"id":3,"day":"2026-02-07"}
{"id":3,"day":"2026-02-07"}
{"id":3,"day":"2026-01-07"}' "$(cat "$dir/parts.jsonl")"
forget parts

sql "create table a (id int primary key); create table b (id int primary key, a int references a);
     create table later (id int primary key); create table unread (id int primary key);
     insert into a values (0); insert into b values (0, 0); insert into later values (0)"
lines two "$schema.a, $schema.b" 'envelopeFormat: debezium'
until_end two 0
: >"$dir/two.jsonl"
sql "begin; insert into a values (1); insert into b values (1, 1); delete from a where id = 9; truncate a, b;
     insert into a values (2); insert into b values (2, 2); commit"
sql "insert into later values (1)"
admin "alter publication ${slot}_two add table $schema.later, $schema.unread"
sql "insert into unread values (1); insert into later values (2)"
lines two "$schema.a, $schema.b, $schema.later" 'envelopeFormat: debezium'
until_end two 0
says 'a table that is only in the publication is named' "does not name.*$schema.unread"
says 'the one that is added is copied' "read the table $schema.later: 3 rows"
same 'its rows first, then the stream goes on' 'r later 0
r later 1
r later 2
c a 1
c b 1
t a -
t b -
c a 2
c b 2
c later 2' "$(sed 's/.*"after":\(.*\),"source":.*"table":"\([a-z]*\)".*"op":"\(.\)".*/\3 \2 \1/; s/{"id":\([0-9]*\).*/\1/; s/null/-/; s/t b -/t b -/' "$dir/two.jsonl")"
forget two

# ---- transactions that overlap, savepoints, an exception block, a prepared one -------------------------
sql "create table tx (id int primary key, who text)"
lines tx "$schema.tx" 'logicalMessages: true'
until_end tx 0
mkfifo "$dir/one"
psql "$PG_TEST_URL" -Xq <"$dir/one" >/dev/null 2>&1 &
first=$!
exec 8>"$dir/one"
echo "set logical_decoding_work_mem = '64kB'; begin; insert into tx select g, 'T1' from generate_series(1, 500) g; savepoint s;
      insert into tx select g, 'undone' from generate_series(501, 1000) g; savepoint n; insert into tx values (1001, 'undone'); rollback to s;
      do \$\$ begin insert into tx values (1002, 'undone'); raise exception 'x'; exception when others then null; end \$\$;
      do \$\$ begin perform pg_advisory_lock(hashtext('$schema')); end \$\$;" >&8
wait_for 'T1 is open' 1 admin "select count(*) from pg_locks where locktype = 'advisory' and objid = (hashtext('$schema')::bigint & 4294967295)::oid"
sql "begin; insert into tx values (2000, 'T2'); select pg_logical_emit_message(true, 'note', 'hello'); commit" >/dev/null
sql "begin; insert into tx select g, 'undone' from generate_series(3000, 3500) g; rollback"
echo "insert into tx select g, 'T1' from generate_series(4001, 4005) g; commit;" >&8
exec 8>&-
wait $first
until_end tx 0
same 'T2, its message, then T1 without what was undone' '1 T2
1 message
505 T1' "$(sed 's/.*"who":"\([^"]*\)".*/\1/; s/.*"prefix":"note","content":"aGVsbG8=".*/message/' "$dir/tx.jsonl" | uniq -c | sed 's/^ *//')"
forget tx

# ---- a large transaction: memory stays, a restart goes on in its middle -----------------------------------
rows=${DF_CDC_ROWS:-60000}
sql "create table big (id int primary key, t text)"
lines big "$schema.big"
until_end big 0
sql "insert into big select g, repeat('b', 100) from generate_series(1, $rows) g"
start big
has_begun() { [ "$(cat "$dir/big.jsonl" 2>/dev/null | wc -l)" -gt 1000 ] && echo yes; }
wait_for 'it comes' yes has_begun
kill -9 "$flow" && wait "$flow" 2>/dev/null
until_end big 0
same 'its rows, in order' "$(seq "$rows" | md5sum)" "$(sed 's/.*{"id":\([0-9]*\).*/\1/' "$dir/big.jsonl" | awk '$1 > last { print; last = $1 }' | md5sum)"
rss=$(summary peak_rss_bytes)
if [ "$rss" -lt $((80 * 1048576)) ]; then ok 'in 80 MiB'; else bad "a large transaction took $rss bytes"; fi
forget big

# ---- pgbench runs, the flow dies in between ------------------------------------------------------------------
pgbench "$PG_TEST_URL" -i -q -s 1 >/dev/null 2>&1
sql "create table accounts (like pgbench_accounts including all)"
replica bench "$schema.pgbench_accounts" "$schema.accounts"
pgbench "$PG_TEST_URL" -n -c 2 -T "${DF_CDC_SECONDS:-3}" >"$dir/pgbench" 2>&1 &
writer=$!
copied() { sql 'select count(*) from accounts'; }
start bench
wait_for 'the table is copied while it is written' 100000 copied
kill -9 "$flow" && wait "$flow" 2>/dev/null
start bench
wait $writer || bad "pgbench: $(tail -n 3 "$dir/pgbench")"
stop
until_end bench 0
same 'the replica is exact' 0 "$(sql 'select count(*) from ((table pgbench_accounts except all table accounts) union all (table accounts except all table pgbench_accounts)) d')"
forget bench

# ---- snapshotMode, a look, a preview ---------------------------------------------------------------------
lines modes "$schema.a" 'snapshotMode: never'
dfproc validate --connect "$dir/modes.yaml" >"$dir/out" 2>&1
says 'a look before the run' "1 table, slot ${slot}_modes will be made"
same 'it makes nothing' 0 "$(admin "select count(*) from pg_replication_slots where slot_name = '${slot}_modes'")"
until_end modes 0
sql "insert into a values (50)"
until_end modes 0
same 'never: changes alone' '{"id":50}' "$(cat "$dir/modes.jsonl")"
lines modes "$schema.a" 'snapshotMode: always'
until_end modes 0
same 'always: all rows again' 3 "$(wc -l <"$dir/modes.jsonl")"
forget modes

# ---- a server that is impatient, a sink that waits -----------------------------------------------------------
sql "create table many (id int primary key, t text); create table copy (like many including all)"
replica slow "$schema.many" "$schema.copy"
sed -i "s|\${env:PG_TEST_URL}|\${env:PG_SLOW_URL}|" "$dir/slow.yaml"
export PG_SLOW_URL="${PG_TEST_URL/search_path/wal_sender_timeout%3D2s%20-csearch_path}"
start slow
wait_for 'the flow runs' t admin "select active from pg_replication_slots where slot_name = '${slot}_slow'"
mkfifo "$dir/lock"
psql "$PG_TEST_URL" -Xq <"$dir/lock" >/dev/null &
locker=$!
exec 9>"$dir/lock"
echo "begin; lock table copy in access exclusive mode;" >&9
wait_for 'the sink is held up' 1 admin "select count(*) from pg_locks where relation = '$schema.copy'::regclass and granted and mode = 'AccessExclusiveLock'"
sql "insert into many select g, repeat('t', 100) from generate_series(1, 100000) g"
sleep 5
echo 'rollback;' >&9
exec 9>&-
wait $locker
wait_for 'all rows are there' 100000 sql 'select count(*) from copy'
same 'without a new connection' 1 "$(grep -c 'reading changes from' "$dir/slow.out")"

# A server that is there and says nothing; only root or its own user can make it so.
walsender=$(admin "select active_pid from pg_replication_slots where slot_name = '${slot}_slow'")
if kill -STOP "$walsender" 2>/dev/null; then
    wait_for 'silence is noticed' 1 sh -c "grep -c 'has said nothing for' '$dir/slow.out' | sed 's/.*[1-9].*/1/'"
    kill -CONT "$walsender"
    sql "insert into many values (0, 'after')"
    wait_for 'and the flow goes on' 100001 sql 'select count(*) from copy'
fi
stop
finish
