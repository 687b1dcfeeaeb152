#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# upsertMode where the table's own rules decide: collations of keys and versions, identity columns,
# marks of deletes.
. "$(dirname "$0")/../pg_lib.sh"

# change OP ROW: a Debezium event
change() {
    case $1 in
    d) echo "{\"payload\":{\"op\":\"d\",\"before\":$2,\"after\":null}}" ;;
    *) echo "{\"payload\":{\"op\":\"$1\",\"before\":null,\"after\":$2}}" ;;
    esac
}
# changes NAME OPTIONS...: standard input holds the events
changes() {
    cat >"$dir/$1.jsonl"
    manifest "$@"
    sed -i '1a transformations: [{type: debeziumUnwrap}]' "$dir/$1.yaml"
}

# ---- texts that the key's collation takes for equal ---------------------------------------------
sql "create collation ci (provider = icu, locale = 'und-u-ks-level2', deterministic = false);
create table folded (k text collate ci primary key, v text); insert into folded values ('old', 'old')"
{
    change c '{"k":"a","v":"1"}'
    change d '{"k":"A"}'
    change d '{"k":"OLD"}'
    change c '{"k":"new","v":"3"}'
} | changes folded 'upsertMode: true'
flow folded 0
same 'a delete of an equal key deletes' 'new|3' "$(sql 'select * from folded order by k')"
{
    change c '{"k":"b","v":"1"}'
    change u '{"k":"B","v":"2"}'
} | changes folded 'upsertMode: true'
flow folded 0
same 'the row keeps the key as it came first' 'b|2' "$(sql "select * from folded where k = 'b'")"

# ---- versions in the order of their column ------------------------------------------------------
sql "create table versions (k int primary key, ver text collate \"en-x-icu\")"
printf '%s\n' '{"k":1,"ver":"a"}' '{"k":1,"ver":"B"}' '{"k":2,"ver":"B"}' '{"k":2,"ver":"a"}' >"$dir/versions.jsonl"
manifest versions 'upsertMode: true' 'upsertStrategy: ifNewer' 'upsertVersionColumn: ver'
flow versions 0
same 'the newest version by the collation of the column' '1|B
2|B' "$(sql 'select * from versions order by k')"

# ---- a column GENERATED ALWAYS AS IDENTITY that is not the key ----------------------------------
sql "create table ident (k int primary key, seq int generated always as identity, v text)"
printf '{"k":%d,"seq":7%d,"v":"first"}\n' 1 1 2 2 3 3 4 4 >"$dir/ident.jsonl"
manifest ident 'upsertMode: true'
flow ident 0
{
    echo '{"k":1,"seq":71,"v":"again"}'
    echo '{"k":2,"seq":99,"v":"another number"}'
    echo '{"k":3,"v":"without"}'
    echo '{"k":5,"seq":75,"v":"twice"}'
    echo '{"k":5,"seq":76,"v":"another number"}'
    echo '{"k":5,"seq":75,"v":"equal"}'
} >"$dir/ident.jsonl"
flow ident 0
same 'inserts give the number, updates keep it, another one is refused' '1|71|again
2|72|first
3|73|without
4|74|first
5|75|equal
4 2' "$(sql 'select * from ident order by k')
$(summary sent) $(summary errored)"
xmin=$(sql 'select xmin from ident where k = 1')
echo '{"k":1,"seq":71,"v":"again"}' >"$dir/ident.jsonl"
flow ident 0
same 'what changes nothing is not written' "$xmin 1 0" \
    "$(sql 'select xmin from ident where k = 1') $(summary sent) $(summary errored)"
echo '{"k":1,"seq":72,"v":"alone"}' >"$dir/ident.jsonl"
flow ident 0
same 'so it is for one record alone' "$xmin 0 1" \
    "$(sql 'select xmin from ident where k = 1') $(summary sent) $(summary errored)"

# ---- a delete that comes again ------------------------------------------------------------------
sql "create table marked (k int primary key, ver int, gone timestamptz);
insert into marked values (1, 5, '2020-01-01'), (2, 5, '2020-01-01'), (3, 5, null), (4, null, '2020-01-01')"
shown="select k, ver, case when gone = '2020-01-01' then 'before' when gone is not null then 'now' end from marked order by k"
{
    change d '{"k":1,"ver":5}'
    change d '{"k":2,"ver":6}'
    change d '{"k":3,"ver":5}'
    change d '{"k":4}'
} | changes marked 'upsertMode: true' 'softDeleteColumn: gone' 'upsertStrategy: ifNewer' 'upsertVersionColumn: ver'
cp "$dir/marked.jsonl" "$dir/marked.jsonl.copy"
flow marked 0
same 'it leaves the mark, unless it is newer' '1|5|before
2|6|now
3|5|now
4||before' "$(sql "$shown")"
sql "update marked set ver = 5, gone = '2020-01-01' where k < 3; update marked set gone = null where k = 3"
changes marked 'upsertMode: true' 'softDeleteColumn: gone' <"$dir/marked.jsonl.copy"
flow marked 0
same 'so it is without versions' '1|5|before
2|5|before
3|5|now
4||before' "$(sql "$shown")"
xmin=$(sql 'select string_agg(xmin::text, $$ $$ order by k) from marked')
flow marked 0
same 'and nothing is written' "$xmin" "$(sql 'select string_agg(xmin::text, $$ $$ order by k) from marked')"

# ---- a column of marks that has a default -------------------------------------------------------
sql "create table ends (k int primary key, v int, gone timestamptz default 'infinity')"
shown="select k, gone = 'infinity', gone <= now() from ends order by k"
{
    change c '{"k":1}'
    change c '{"k":2}'
    change d '{"k":1}'
} | changes ends 'upsertMode: true' 'softDeleteColumn: gone'
flow ends 0
same 'a delete marks the row' '1|f|t
2|t|f' "$(sql "$shown")"
echo '{"payload":{"op":"t","before":null,"after":null}}' | changes ends 'upsertMode: true' 'softDeleteColumn: gone'
flow ends 0
same 'and a truncation marks all' '1|f|t
2|f|t' "$(sql "$shown")"
finish
