#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# ctest: timeout=600
# A replica by postgresql-cdc dies at each named place between the slot and the end of a transaction,
# and is started again, while its table changes: it ends equal to the source, in both guarantees.
. "$(dirname "$0")/../integration/pg_cdc_lib.sh"
library=$(ls "${DF_BUILD_DIR:-}"/lib/libdataflow.so 2>/dev/null)
grep -qs DF_CRASH_AT "$library" || { echo 'no crash points in this build (cmake -DDF_CRASHPOINTS=ON)'; exit 77; }

# point:passage, of the snapshot and of the stream
snapshot=(cdc.publication:1 cdc.slot:1 cdc.snapshot:1 cdc.copy:1 cdc.rows:1 cdc.table:1 cdc.ended:1 cdc.handover:1)
stream=(cdc.handover:1 cdc.started:1 cdc.begin:1 cdc.moved:1 cdc.commit:2 cdc.mark:2 cdc.silent:1 cdc.ack:1 cdc.told:1)
claimed=(cdc.handover:1 cdc.begin:3 cdc.commit:1 pg.claim:1 pg.claimed:1 pg.commit:1 pg.sent:1 pg.committed:1)
parts=(cdc.part:2 cdc.undone:1 cdc.kept:1 cdc.replayed:1 cdc.spill:1 cdc.spill:3 cdc.begin:2 cdc.commit:2 cdc.ack:1 cdc.told:1) # of large transactions in parts
whole=(cdc.inside:2500 pg.committed:2) # of one that keeps transactions whole
again=(cdc.again.asked:1 cdc.again.read:3 cdc.again.marked:2 cdc.again.mark:2 cdc.again.rows:3 cdc.again.last:1) # of a table that is read again
claimed_again=(cdc.again.marked:2 cdc.again.rows:4 cdc.again.last:1)
listed() { printf '%s\n' "${snapshot[@]%:*}" "${stream[@]%:*}" "${parts[@]%:*}" "${whole[@]%:*}" "${again[@]%:*}" | grep '^cdc' | sort -u; }
written() { grep -rhoE 'DF_CRASHPOINT\("cdc[^"]+"\)' "${DF_SOURCE_DIR:-$(dirname "$0")/../..}/libdataflow" | sed 's/.*"\(.*\)".*/\1/' | sort -u; }
same 'every point of the source is tried' "$(written)" "$(listed)"

sql "create table src (id int primary key, v int, doc text); alter table src alter doc set storage external;
     create table dst (like src including all); create table aside ()"
round=0
asks=        # the flow that is asked for the table with each change; empty: none
change() { # some rows in three transactions, one of them large
    round=$((round + 1))
    sql "insert into src select $round * 10000 + g, 0, repeat('d', 3000) from generate_series(1, 3) g"
    sql "begin; update src set v = v + 1 where id % 3 = 0; savepoint s; update src set v = 0 where id < 1500; rollback to s; delete from src where id % 11 = $round % 11;
         insert into src select $round * 10000 + 10 + g, g, 'new' from generate_series(1, 2000) g; commit"
    sql "begin; update src set id = id + 5000 where id = $round * 10000 + 20; commit; truncate aside" # the log goes on beside the tables
    [ -z "$asks" ] && return
    sql "delete from dst where id % 5 = $round % 5"
    dfproc snapshot "$dir/$asks.yaml" --table "$schema.src" >"$dir/asked" 2>&1 || bad "asking: $(cat "$dir/asked")"
}
dies() { # NAME POINT:PASSAGE
    local rc
    for _ in 1 2 3; do # a short run may end before its last position is told
        { DF_CRASH_AT=$2 timeout --foreground -k 5 120 dfproc run "$dir/$1.yaml" --until-exhausted >"$dir/$1.out" 2>&1; } 2>/dev/null
        rc=$?
        [ $rc = 137 ] && return
        change
    done
    bad "$1: $2 was not passed, exit code $rc"
    tail -n 3 "$dir/$1.out"
}
difference() { sql "select count(*) from ((table src except all table dst) union all (table dst except all table src)) d"; }
anew() { # NAME: as if the flow never ran
    admin "select pg_drop_replication_slot('${slot}_$1') from pg_replication_slots where slot_name = '${slot}_$1'" >/dev/null
    admin "drop publication if exists ${slot}_$1"
    rm -rf "$dir/state"
    sql "truncate dst; truncate src; insert into src select g, 0, 'old' from generate_series(1, 9000) g"
}

replica least "$schema.src" "$schema.dst"
for point in "${snapshot[@]}"; do
    anew least
    dies least "$point"
    change
    until_end least 0
    same "$point, then equal" 0 "$(difference)"
done
replica exact "$schema.src" "$schema.dst"
sed -i 's/^spec:/spec:\n  deliveryGuarantee: exactlyOnce/' "$dir/exact.yaml"
through() { # NAME POINTS: of a flow that has copied the table
    anew "$1"
    until_end "$1" 0
    dies_at "$@"
}
dies_at() {
    local point flow=$1
    for point in "${@:2}"; do
        change
        dies "$flow" "$point"
        change
        until_end "$flow" 0
        same "$flow: $point, then equal" 0 "$(difference)"
    done
}
replica parts "$schema.src" "$schema.dst"
sed -i -e 's/^spec:/spec:\n  memoryLimit: 2Mi/' -e 's/^\( *\)slotName:/\1streaming: on\n&/' -e 's/PG_TEST_URL/PG_PART_URL/' "$dir/parts.yaml"
export PG_PART_URL="${PG_TEST_URL/search_path/logical_decoding_work_mem%3D64kB%20-csearch_path}"
through least "${stream[@]}"
through parts "${parts[@]}"
through exact "${claimed[@]}"
replica whole "$schema.src" "$schema.dst"
sed -i -e 's/^spec:/spec:\n  deliveryGuarantee: exactlyOnce/' -e 's/^\( *\)slotName:/\1applyTransactions: true\n&/' "$dir/whole.yaml"
through whole "${whole[@]}"
asks=exact
dies_at exact "${claimed_again[@]}"
asks=least
through least "${again[@]}"
finish
