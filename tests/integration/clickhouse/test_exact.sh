#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# ctest: timeout=900
# ctest: no-servers
# deliveryGuarantee: exactlyOnce on the engine of today: every row once, and every sum of a view once, after answers
# that are cut, late, truncated, inserts that never came, kills at each step, a second owner, and with a window that
# another writer runs over. DF_EXACT_CUTS: faults of answers (60; by option 1000).
. "$(dirname "$0")/../ch_today_lib.sh"
cuts=${DF_EXACT_CUTS:-60}
library=$(dirname "$(command -v dfproc)")/../modules/clickhouse.so

# once NAME COUNT PARTITIONS "option: value lines": generated rows into the table NAME. By $rate a read brings few of
# them, so that parcels are as small as batchSize says.
rate=0
once() {
    {
        echo "source: {type: generate, config: {count: $2, rate: $rate, partitions: $3, template: '{\"id\":\${seq},\"v\":\"row \${seq}\"}'}}"
        printf '%s\n' "sink:" "  type: clickhouse" "  config:" "    connectionString: \${env:CH_TEST_URL}"
        printf '    %s\n' "table: $1" "${@:4}"
        echo "errors: {type: stdio, config: {path: $dir/$1.errors}}"
        echo 'deliveryGuarantee: exactlyOnce'
    } >"$dir/$1.yaml"
}
again() { timeout --foreground -k 5 "${LIMIT:-120}" dfproc run "$dir/$1.yaml" --until-exhausted >"$dir/out" 2>&1; } # NAME
run_once() { # NAME CODE
    again "$1"
    local rc=$?
    [ "$rc" = "$2" ] && return
    bad "$1: exit code $rc, not $2"
    tail -n 5 "$dir/out" | cut -c1-600 | sed 's/^/        /'
}
table_of() { # NAME [WINDOW]
    sql "create table $1 (id UInt64, v String) engine = MergeTree order by id settings non_replicated_deduplication_window = ${2:-10000}"
}
# audit NAME TEXT COUNT: each id from 0 once, with its own value
audit() {
    same "$2" "$3 $3 $(($3 * ($3 - 1) / 2)) $3" \
        "$(sql "select count(), uniqExact(id), sum(id), countIf(v = concat('row ', toString(id))) from $1" | tr '\t' ' ')"
}

# ---- the plain way -------------------------------------------------------------------------------
table_of plain
once plain 20000 4
run_once plain 0
audit plain 'four partitions, every row once' 20000
run_once plain 0
audit plain 'a second run adds none' 20000
same 'a row for each partition counts, and nothing is begun' '4 0' "$(sql "select count(), countIf(begun is not null) from
    (select partition, argMax(begun, (epoch, number)) as begun from dataflow_positions where pipeline = 'plain' group by partition)" | tr '\t' ' ')"
has 'explain says why' 'the server drops one that comes twice' "$(dfproc explain "$dir/plain.yaml" 2>&1)"
once made 1000 1 'autoCreateTable: true'
run_once made 0
audit made 'a table that is made knows repeats' 1000
same 'and says so' 1 "$(sql "select count() from system.tables where name = 'made' and engine_full like '%non_replicated_deduplication_window = 10000%'")"

# ---- answers -------------------------------------------------------------------------------------
table_of cut
sql 'create table cut_sum (n UInt64, s UInt64) engine = SummingMergeTree order by tuple() settings non_replicated_deduplication_window = 10000'
sql 'create materialized view cut_view to cut_sum as select count() as n, sum(id) as s from cut'
rows=$((cuts * 80)) rate=20000
once cut $rows 2 'batchSize: 50' 'queryTimeout: 1s'
python3 -c 'import random, sys
random.seed(7)
for _ in range(int(sys.argv[1])):
    print(random.choice(["cut"] * 6 + ["short"] * 6 + ["lost"] * 3 + ["late"]), "ok " * random.randrange(1, 3), end=" ")' "$cuts" >"$work/plan"
: >"$work/inserts"
LIMIT=$((60 + cuts * 5)) run_once cut 0
audit cut "$cuts answers that were cut, late, half or never sent" $rows
same 'the sums of a view too' "$rows $((rows * (rows - 1) / 2))" "$(sql 'select sum(n), sum(s) from cut_sum' | tr '\t' ' ')"
echo "figure  $(cut -d' ' -f1 "$work/inserts" | sort | uniq -c | paste -sd' ' | tr -s ' ')"
same 'the whole plan came' '' "$(cat "$work/plan")"
rm "$work/plan"

# ---- kills ---------------------------------------------------------------------------------------
if grep -qs DF_CRASH_AT "$library"; then
    table_of killed
    sql 'create table killed_sum (n UInt64, s UInt64) engine = SummingMergeTree order by tuple() settings non_replicated_deduplication_window = 10000'
    sql 'create materialized view killed_view to killed_sum as select count() as n, sum(id) as s from killed'
    size=100
    for point in ch.shut:1 ch.claim:1 ch.shut:2 ch.claim:2 ch.note:1 ch.noted:1 ch.inserted:1 ch.inserted:2 ch.written:1 ch.moved:1 \
        ch.note:3 ch.noted:3 ch.inserted:4 ch.written:3 ch.moved:3; do
        # Another batchSize each time: a block that was begun ends where it did all the same.
        size=$((size % 300 + 70))
        once killed 12000 2 "batchSize: $size"
        { DF_CRASH_AT=$point again killed; } 2>/dev/null
        same "killed at $point" 137 $?
    done
    run_once killed 0
    audit killed 'fifteen kills, with another batchSize each' 12000
    same 'the sums of a view too' "12000 71994000" "$(sql 'select sum(n), sum(s) from killed_sum' | tr '\t' ' ')"
else
    echo 'no crash points in this build (cmake -DDF_CRASHPOINTS=ON): the kills are left out'
fi

# ---- a second owner ------------------------------------------------------------------------------
table_of owner
rate=4000
once owner 40000 2 'batchSize: 100'
dfproc run "$dir/owner.yaml" >"$dir/first" 2>&1 & first=$!
some_rows() { [ "$(sql 'select count() from owner')" -gt 1000 ]; }
until_true 30 some_rows || bad 'the first one writes nothing'
kill -STOP "$first"
mkdir "$dir/second" && sed 's/rate: 4000/rate: 0/' "$dir/owner.yaml" >"$dir/second/owner.yaml"
timeout --foreground -k 5 120 dfproc run "$dir/second/owner.yaml" --until-exhausted >"$dir/out" 2>&1 || bad 'the second one'
audit owner 'one that was stopped, and another one to the end' 40000
kill -CONT "$first"
ended() { ! ours "$first"; }
until_true 60 ended || { bad 'the first one goes on'; kill "$first"; }
wait "$first"
has 'the first one says why it ends' 'another instance of this flow has taken over' "$(cat "$dir/first")"
audit owner 'what it had under way when it was stopped came once' 40000

# ---- a window that is run over -------------------------------------------------------------------
table_of small 100
once small 2000 1 'batchSize: 100'
echo 'ok ok ok cut lost lost lost lost lost lost lost lost lost lost lost lost' >"$work/plan"
timeout 120 dfproc run "$dir/small.yaml" --until-exhausted >"$dir/out" 2>&1 & run=$!
until_true 30 grep -q 'may be written' "$dir/out" || bad 'no answer was lost'
for i in $(seq 101); do sql "insert into small values ($((1000000 + i)), 'other')"; done
wait "$run"
same 'a window that another writer ran over: it ends' 1 $?
has 'and says what to look at' 'a repeat could write it twice' "$(cat "$dir/out")"
rm -f "$work/plan"
LIMIT=20 run_once small 1
has 'also at the next start' 'as docs/clickhouse.md shows' "$(cat "$dir/out")"
same 'nothing twice' 0 "$(sql 'select count() - uniqExact(id) from small where id < 1000000')"
# As the page shows: the rows up to the end of the block are there.
told() { # NAME: as the page shows, of what is begun alone
    echo "select space, pipeline, stage, partition, epoch, number + 1, incarnation, source, seq, begun, block, inserts, lists, mark
        from (select * from dataflow_positions where pipeline = '$1' and incarnation != ''
            order by epoch desc, number desc limit 1 by space, pipeline, stage, partition) where begun is not null"
}
same 'of a flow that has nothing begun it takes no row' 0 "$(sql "select count() from ($(told plain))")"
sql "insert into dataflow_positions (space, pipeline, stage, partition, epoch, number, incarnation, source, seq, position, block,
     inserts, lists, mark) $(told small)"
run_once small 0
same 'it goes on when it was told that they are there' '2000 2000' "$(sql 'select count(), uniqExact(id) from small where id < 1000000' | tr '\t' ' ')"

# The table would know the repeat, and the one that its view writes to would not.
if grep -qs DF_CRASH_AT "$library"; then
    table_of wide
    sql 'create table wide_sum (n UInt64, s UInt64) engine = SummingMergeTree order by tuple() settings non_replicated_deduplication_window = 100'
    sql 'create materialized view wide_view to wide_sum as select count() as n, sum(id) as s from wide'
    once wide 2000 1 'batchSize: 100'
    { DF_CRASH_AT=ch.inserted:1 again wide; } 2>/dev/null
    same 'killed when an insert was sent' 137 $?
    for i in $(seq 101); do sql "insert into wide values ($((1000000 + i)), 'other')"; done
    LIMIT=20 run_once wide 1
    has 'the window of a table that a view writes to was run over' 'a repeat could write it twice' "$(cat "$dir/out")"
    same 'the sum of the view has nothing twice' 0 "$(sql 'select sum(n) - (select count() from wide) from wide_sum')"
fi

# A table that is gone has nothing that could come twice: it is made, and the block that was begun is in it.
if grep -qs DF_CRASH_AT "$library"; then
    once gone 500 1 'batchSize: 100' 'autoCreateTable: true'
    { DF_CRASH_AT=ch.noted:3 again gone; } 2>/dev/null
    first=$(sql 'select max(id) + 1 from gone')
    sql 'drop table gone sync'
    run_once gone 0
    same 'a table that is gone: what was begun is written, and what comes then' "$first 499 $((500 - first))" \
        "$(sql 'select min(id), max(id), count() from gone' | tr '\t' ' ')"
fi

# ---- a table that looks like a replicated one ----------------------------------------------------
# No server with replicas is to be had: what is judged is what the server tells of the table.
looks() { # WINDOW SECONDS
    sql 'drop view if exists tables'
    sql "create view tables as select * replace (if(name = 'common' or name = 'dataflow_positions', concat('Replicated', engine), engine) as engine,
        if(name = 'common', concat(engine_full, ', replicated_deduplication_window = $1, replicated_deduplication_window_seconds = $2'), engine_full) as engine_full)
        from system.tables"
    touch "$work/tables"
}
table_of common
once common 3000 1 'batchSize: 1000'
looks 100 599
run_once common 1
has 'a time that is too short' 'remembers inserts for 599 s only (replicated_deduplication_window_seconds)' "$(cat "$dir/out")"
looks 99 604800
run_once common 1
has 'a number that is too small' 'remembers the last 99 inserts only (replicated_deduplication_window)' "$(cat "$dir/out")"
looks 100 604800
echo 'ok cut ok' >"$work/plan"
run_once common 0
audit common 'both are enough, and an answer was cut' 3000
if grep -qs DF_CRASH_AT "$library"; then
    once common 9000 1 'batchSize: 1000'
    { DF_CRASH_AT=ch.inserted:2 again common; } 2>/dev/null
    # As if that had been a day ago.
    sql "alter table dataflow_positions update updated_at = updated_at - 86400 where pipeline = 'common' settings mutations_sync = 1"
    looks 100 86400
    LIMIT=20 run_once common 1
    has 'a block that was begun before the time ran out: it ends' 'remembers an insert for 86400 s' "$(cat "$dir/out")"
    LIMIT=20 run_once common 1
    has 'also at the next start' 'remembers an insert for 86400 s' "$(cat "$dir/out")"
    looks 100 604800
    run_once common 0
    audit common 'while the table knows it, it is sent again' 9000
fi
rm -f "$work/plan" "$work/tables"

# ---- a disk that is full -------------------------------------------------------------------------
table_of disk
once disk 2000 1 'batchSize: 500'
echo 'ok full full ok' >"$work/plan"
run_once disk 0
audit disk 'a disk that was full for a while' 2000
rm -f "$work/plan"

# ---- lists of columns ----------------------------------------------------------------------------
sql "create table lists (id UInt64, v String, d UInt8 default 7) engine = MergeTree order by id settings non_replicated_deduplication_window = 100"
python3 -c 'for i in range(200): print("{\"id\":%d,\"v\":\"row %d\"%s}" % (i, i, ",\"d\":1" if i % 3 else ""))' >"$dir/lists.jsonl"
manifest lists 'batchSize: 50'
echo 'deliveryGuarantee: exactlyOnce' >>"$dir/lists.yaml"
echo 'ok cut ok short cut ok ok lost' >"$work/plan"
run_once lists 0
audit lists 'several inserts of one block: each once' 200
same 'with their defaults' 67 "$(sql 'select countIf(d = 7) from lists')"

# ---- refused rows --------------------------------------------------------------------------------
table_of bad
python3 -c 'for i in range(300): print("{\"id\":%s,\"v\":\"row %d\"}" % (i if i % 100 != 50 else "\"x\"", i))' >"$dir/bad.jsonl"
manifest bad 'batchSize: 60'
echo 'deliveryGuarantee: exactlyOnce' >>"$dir/bad.yaml"
run_once bad 0
same 'refused by us: to the error sink, the others once' '297 297 3' "$(sql 'select count(), uniqExact(id) from bad' | tr '\t' ' ') $(wc -l <"$dir/bad.errors")"
sql 'create table checked (id UInt64, v String, constraint few check id != 77) engine = MergeTree order by id settings non_replicated_deduplication_window = 100'
once checked 2000 1 'batchSize: 50'
run_once checked 1
has 'refused by the server: it ends, and says what to do' 'or leave the record out with a filter' "$(cat "$dir/out")"
echo "transformations: [{type: filter, config: {condition: '\$.id != 77'}}]" >>"$dir/checked.yaml"
run_once checked 0
same 'the same block without it' '1999 1999' "$(sql 'select count(), uniqExact(id) from checked' | tr '\t' ' ')"

# ---- where it cannot hold ------------------------------------------------------------------------
cannot() { # NAME TEXT
    once "$1" 10 1
    run_once "$1" 1
    has "$1: refused" "$2" "$(cat "$dir/out")"
}
sql 'create table none (id UInt64, v String) engine = MergeTree order by id'
cannot none 'MODIFY SETTING non_replicated_deduplication_window = 10000'
table_of tiny 10
cannot tiny 'remembers the last 10 inserts only'
sql 'create table memory (id UInt64, v String) engine = Memory'
cannot memory 'has the engine Memory, which drops no repeated inserts'
table_of viewed
sql 'create table viewed_sum (n UInt64) engine = SummingMergeTree order by tuple()'
sql 'create materialized view viewed_view to viewed_sum as select count() as n from viewed'
cannot viewed "viewed_sum, which a view of viewed writes to, drops no repeated inserts"
sql 'alter table viewed_sum modify setting non_replicated_deduplication_window = 100'
sql 'create materialized view viewed_inner engine = MergeTree order by n as select n from viewed_sum'
cannot viewed 'which a view of viewed writes to, drops no repeated inserts'
table_of ours
once ours 10 1
sed -i 's/CH_TEST_URL/CH_OWN_URL/' "$dir/ours.yaml"
export CH_OWN_URL="$CH_TEST_URL?insert_deduplicate=0"
run_once ours 1
has 'a setting that the sink needs' 'take it out of connectionString' "$(cat "$dir/out")"
finish
