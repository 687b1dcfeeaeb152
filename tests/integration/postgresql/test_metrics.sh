#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# What the PostgreSQL sink counts.
. "$(dirname "$0")/../pg_lib.sh"
metric() { curl -s -m 5 "$(grep -o 'http://[^/ "]*' "$dir/out" | head -n 1)/metrics" | awk -v name="$1" '$1 ~ "^" name "[{]" {print int($NF)}'; }
rows_are() { [ "$(sql 'select count(*) from counted')" = "$1" ]; }

# A pipe that stays open, so that the run does not end.
sql "create table counted (a int, b text);
    create function refuse() returns trigger language plpgsql as \$\$ begin
        if new.a < 0 then raise exception 'too low' using errcode = '23514'; end if; return new; end \$\$;
    create trigger refuse before insert on counted for each row execute function refuse()"
manifest counted 'batchSize: 7' 'batchFlushIntervalSeconds: 1'
mkfifo "$dir/counted.jsonl"
dfproc run "$dir/counted.yaml" --metrics-port 127.0.0.1:0 >"$dir/out" 2>&1 &
pid=$!
exec 3>"$dir/counted.jsonl"
echo '{"a":1,"b":"x"}' >&3
until_true 30 rows_are 1 || bad 'the first row did not arrive'
same 'the columns were read once' 1 "$(metric dataflow_postgresql_catalog_reads_total)"
same 'no batch row by row' 0 "$(metric dataflow_postgresql_row_mode_total)"
# More refusals in a batch than are looked for one by one.
{ for n in 1 2 3 4 5 6; do echo "{\"a\":-$n}"; done; echo '{"a":2}'; } >"$dir/bad"
cat "$dir/bad" >&3
until_true 30 rows_are 2 || bad 'the good row of the bad batch did not arrive'
same 'one batch row by row' 1 "$(metric dataflow_postgresql_row_mode_total)"
same 'six are refused' 6 "$(wc -l <"$dir/counted.errors")"
exec 3>&-
kill -TERM "$pid"
wait "$pid"
same 'ends in order' 0 "$?"
finish
