#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# A replica keeps what is no row of its own: truncations and changed keys, in their place among the
# rows of a batch; and changes that come again after a copy was cut short.
. "$(dirname "$0")/../pg_cdc_lib.sh"

equal() { # NAME SOURCE COPY
    same "$1" "0 $(sql "select count(*) from $2")" \
        "$(sql "select count(*) from ((table $2 except all table $3) union all (table $3 except all table $2)) d") $(sql "select count(*) from $3")"
}
sql "create table src (id int primary key, v int, doc text not null); alter table src alter doc set storage external;
     create table dst (like src including all); alter table dst alter doc set storage external;
     insert into src select g, 0, repeat('d', 3000) from generate_series(1, 10) g"
replica r "$schema.src" "$schema.dst"
until_end r 0
equal 'the copy' src dst

# ---- truncations ------------------------------------------------------------------------------------
sql "insert into src values (11, 0, 'x'); truncate src; insert into src values (1, 1, 'a'), (2, 2, 'b')"
until_end r 0
equal 'a truncation between rows' src dst
sql "truncate src"
until_end r 0
equal 'a truncation alone' src dst
sql "insert into src select g, 0, repeat('d', 3000) from generate_series(1, 50) g"
until_end r 0
sql "begin; truncate src; insert into src values (1, 1, 'a'); savepoint s; truncate src; rollback to s; update src set v = 7; commit"
sql "insert into src values (2, 2, 'b'); truncate src; insert into src values (3, 3, 'c'); update src set v = 4"
until_end r 0
equal 'several of them' src dst
sql "create table child (id int primary key, of int not null references dst on delete cascade); insert into child values (1, 3)"
sql "truncate src; insert into src values (3, 5, 'e')"
until_end r 0
equal 'where a foreign key leads to the copy' src dst
same '  its rows went as the constraint says' 0 "$(sql 'select count(*) from child')"
sql "drop table child"

# ---- keys that change, with values that are not sent --------------------------------------------------
sql "truncate src; insert into src select g, 0, repeat(g::text, 3000) from generate_series(1, 40) g"
until_end r 0
sql "update src set id = id + 1000 where id between 1 and 5; update src set id = 7777, v = 3 where id = 10;
     begin; update src set id = 500 where id = 11; update src set id = 501 where id = 500; update src set v = 9 where id = 501;
     delete from src where id = 12; update src set id = 12 where id = 13; insert into src values (13, 1, 'new'); commit"
until_end r 0
equal 'the rows move' src dst
sql "update src set id = id + 100000; update src set id = id - 100000"
until_end r 0
equal 'all of them, there and back' src dst

# A key that is written in another way is the same for the server: its row stays.
sql "create table written (id numeric primary key, v int, doc text); alter table written alter doc set storage external;
     create table written_copy (like written including all); insert into written select g, 0, repeat('d', 3000) from generate_series(1, 5) g"
replica w "$schema.written" "$schema.written_copy"
until_end w 0
sql "update written set id = id * 1.00, v = 1 where id < 4"
until_end w 0
same 'a key in another form keeps its row' "5 3 5" "$(sql "select count(*) || ' ' || sum(v) || ' ' || count(doc) from written_copy")"

# ---- refused rows beside them -------------------------------------------------------------------------
{ cat "$dir/r.yaml" && echo "  errors: {type: stdio, config: {path: $dir/errors}}"; } >"$dir/new" && mv "$dir/new" "$dir/r.yaml"
sql "alter table dst add constraint small check (v < 100); insert into src values (60, 100, 'no'), (61, 1, 'yes');
     truncate src; insert into src values (62, 200, 'no'), (63, 1, 'yes'); update src set id = 64 where id = 63"
until_end r 0
same 'refused rows are told, the others are there' '64 2' "$(sql "select string_agg(id::text, ' ') from dst") $(wc -l <"$dir/errors")"

# ---- soft deletes -------------------------------------------------------------------------------------
sql "create table soft (id int primary key, v text); create table soft_copy (id int primary key, v text, gone timestamptz);
     insert into soft values (1, 'a'), (2, 'b')"
replica s "$schema.soft" "$schema.soft_copy"
sed -i "s/name: postgresql-replica/name: soft/" "$dir/s.yaml"
sed -i 's/upsertMode: true/&\n      softDeleteColumn: gone/' "$dir/s.yaml"
until_end s 0
sql "truncate soft; insert into soft values (2, 'c')"
until_end s 0
same 'a truncation marks the rows' '1:a:t 2:c:f' "$(sql "select string_agg(id || ':' || v || ':' || (gone is not null)::text::char, ' ' order by id) from soft_copy")"

# ---- a copy that is cut short, and rows that go meanwhile ------------------------------------------------
sql "create table long (id int primary key, v int, doc text not null); alter table long alter doc set storage external;
     create table long_copy (like long including all);
     insert into long select g, 0, repeat('d', 2500) from generate_series(1, 30000) g"
replica l "$schema.long" "$schema.long_copy"
sed -i "s/name: postgresql-replica/name: long/" "$dir/l.yaml"
start l
begun() { sql 'select count(*) > 0 from long_copy'; }
wait_for 'the copy begins' t begun
kill -9 "$flow" && wait "$flow" 2>/dev/null
sql "update long set v = 1 where id = 29000; delete from long where id = 29000;
     update long set id = 90000 where id = 29001; delete from long where id = 90000;
     update long set id = 90001, v = 5 where id = 29002; update long set id = 1000000 + id where id < 5"
until_end l 0
equal 'what was updated and deleted before the copy went on' long long_copy
finish
