#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# ctest: serial timeout=300
# Topic to table with exactlyOnce: every record once, in order within its key, after kills, connections
# that are cut around the commit, a commit that comes late, a second instance, and with records that the
# table refuses. test_crashpoints.sh kills at each step of a transaction.
# DF_COMMIT_CUTS (6) cuts around the commit; the long run: DF_COMMIT_CUTS=1000.
. "$(dirname "$0")/fault_lib.sh"
quick='properties: {session.timeout.ms: 1500, heartbeat.interval.ms: 300}'
exactly() { # NAME TOPIC TABLE: the manifest
    { echo 'deliveryGuarantee: exactlyOnce'; from_topic "$2" "$quick"; to_table "$3"; } >"$dir/$1.yaml"
}
exact() { # NAME TABLE COUNT
    audit_table "$1" "$2" --count "$3" --producers 2 --expect-count "$3" --no-gaps --max-duplicates 0 --ordered
}
n=$(scaled 100000)

# ---- kills at any time -----------------------------------------------------------------------------------
topic kills 4; table kills
produce kills --count "$n" --producers 2 --partitions 4 --keys 100
exactly kills kills kills
killed=0
for _ in 1 2 3 4 5 6; do
    start kills
    until_true 20 grep -q assigned "$dir/kills.out" || bad 'no assignment'
    nap 0.05 0.4
    ours "$pid" && kill -KILL "$pid" && killed=$((killed + 1))
    wait "$pid" 2>/dev/null
done
flow kills 0
figure "$killed kills"
exact 'kills: every record once' kills "$n"
flow kills 0
same 'a second run reads nothing' 0 "$(summary received kills)"
same 'a row of positions for each partition' 4 "$(sql "select count(*) from $schema.dataflow_positions where seq > 0 and epoch > 1")"
# The group forgets what it has: the table alone says where to go on.
{ sed "s/consumerGroup: [^,]*/consumerGroup: $run.other/" "$dir/kills.yaml"; } >"$dir/other.yaml"
cp "$dir/other.yaml" "$dir/kills.yaml"
flow kills 0
exact 'another group: the position is that of the table' kills "$n"

# ---- connections are cut around the commit: CopyDone is the last message before it -------------------------
read -r pg_proxy pg_control <<<"$(ports 2)"
proxy "$pg_proxy" "$DF_PG_PORT" "$pg_control"
FAULT_PG=$(sed "s/:$DF_PG_PORT\//:$pg_proxy\//" <<<"$PG")
topic cuts 2; table cuts
exactly cuts cuts cuts
start cuts; flow_pid=$pid total=0 cuts=0
feed() { produce cuts --count "$portion" --from $((total / 2)) --producers 2 --partitions 2 --keys 100; total=$((total + portion)); }
wanted=${DF_COMMIT_CUTS:-6}
portion=$((wanted > 6 ? 200 : 2000))
whens=(before after answer)
for ((i = 0; i < wanted; i++)); do
    when=${whens[i % 3]}
    tell "$pg_control" cut-at $when hex:6300000004 0 once
    feed
    until_true 60 unique_at_least cuts "$total" || { bad "cut $when the commit: not all arrived"; show "$dir/cuts.out"; }
    cuts=$((cuts + $(faultproxy tell "$pg_control" stat | sed 's/.*cuts //')))
done
portion=2000
tell "$pg_control" pass
same 'cuts around the commit' "$wanted" "$cuts"

# ---- a commit that comes late: the old transaction waits for a lock while its connection is gone ------------
feed
until_true 60 unique_at_least cuts "$total" || bad 'not all arrived before the lock'
coproc locker { psql "$PG" -XqAt 2>&1; }
locker_pid=$!
echo "begin; select 'held' where (select count(*) from (select 1 from $schema.dataflow_positions where pipeline = 'cuts' for update) x) > 0;" >&"${locker[1]}"
read -r held <&"${locker[0]}"
same 'the rows of positions are locked' held "$held"
feed
waits() { [ "$(sql "select count(*) from pg_stat_activity where wait_event_type = 'Lock' and query like '%$schema%'")" -ge "$1" ]; }
until_true 30 waits 1 || bad 'no transaction waits'
tell "$pg_control" cut
until_true 30 waits 2 || bad 'the new connection does not look how the old one ended'
echo 'commit;' >&"${locker[1]}"
until_true 60 unique_at_least cuts "$total" || { bad 'late commit: not all arrived'; show "$dir/cuts.out"; }

# ---- later still: it holds no position when the new connection looks, and its rows are sent once more ---------
sql "create function $schema.stay() returns trigger language plpgsql as \$\$ begin perform pg_advisory_xact_lock(hashtext('$schema')); return null; end \$\$;
    create trigger stay after insert on $schema.cuts for each statement execute function $schema.stay()"
echo "select 'held' from pg_advisory_lock(hashtext('$schema'));" >&"${locker[1]}"
read -r held <&"${locker[0]}"
same 'the end of a batch is held' held "$held"
produce cuts --count 200 --from $((total / 2)) --producers 2 --partitions 2 --keys 100; total=$((total + 200))
until_true 30 waits 1 || bad 'no batch waits'
tell "$pg_control" cut
until_true 30 waits 2 || bad 'its rows are not sent again'
echo "select pg_advisory_unlock(hashtext('$schema'));" >&"${locker[1]}"
until_true 60 unique_at_least cuts "$total" || { bad 'later commit: not all arrived'; show "$dir/cuts.out"; }
sql "drop trigger stay on $schema.cuts"
echo '\q' >&"${locker[1]}"
wait "$locker_pid" 2>/dev/null

# ---- a second instance takes over: the former one ends, and nothing comes twice ------------------------------
FAULT_PG=$PG
sed "s/consumerGroup: [^,]*/consumerGroup: $run.twin/" "$dir/cuts.yaml" >"$dir/twin.tmp"
mkdir "$dir/twin" && mv "$dir/twin.tmp" "$dir/twin/cuts.yaml"
XDG_STATE_HOME=$dir/twin dfproc run "$dir/twin/cuts.yaml" >"$dir/twin.out" 2>&1 &
twin=$!
started+=("$twin")
until_true 20 grep -q assigned "$dir/twin.out" || { bad 'the twin does not begin'; show "$dir/twin.out"; }
feed
until_true 60 unique_at_least cuts "$total" || bad 'not all arrived with a twin'
feed
ended() { ! ours "$flow_pid"; }
until_true 30 ended || bad 'the former instance goes on'
wait "$flow_pid"
has 'it says why' 'another instance of this flow has taken over' "$dir/cuts.out"
until_true 60 unique_at_least cuts "$total" || bad 'not all arrived after the twin'
end "$twin"
same 'the twin ends in order' 0 "$code"
exact 'cuts, a late commit, a twin: every record once' cuts "$total"

# ---- what the table refuses, in both modes, and what is filtered ---------------------------------------------
topic mixed 2; table mixed
sql "alter table $schema.mixed add constraint few check (seq % 997 <> 5)"
# A parcel behind one that comes again must wait: its position would stand for rows that are not there.
sql "create function $schema.backwards() returns trigger language plpgsql as
         \$\$ begin raise exception 'a position goes back from % to %', old.seq, new.seq; end \$\$;
     create trigger forward before update on $schema.dataflow_positions for each row
         when (new.seq < old.seq) execute function $schema.backwards()"
produce mixed --count 8000 --producers 2 --partitions 2 --keys 100
exactly mixed mixed mixed
echo "errors: {type: stdio, config: {path: $dir/refused}}" >>"$dir/mixed.yaml"
flow mixed 0
refused=$(sql "select count(*) from generate_series(0, 3999) s where s % 997 = 5")
same 'refused records: all others are there' $((8000 - 2 * refused)) "$(rows mixed)"
same 'the refused ones are in the error sink, once' $((2 * refused)) "$(wc -l <"$dir/refused")"
flow mixed 0
same 'and the position is past them' 0 "$(summary received mixed)"
exactly none mixed mixed
sed -i "s/consumerGroup: [^,]*/consumerGroup: $run.none/" "$dir/none.yaml"
echo 'transformations: [{type: filter, config: {condition: "$.seq == \"none\""}}]' >>"$dir/none.yaml"
flow none 0
same 'what is filtered is read' 8000 "$(summary received none)"
flow none 0
same 'the position of what was filtered is stored' 0 "$(summary received none)"
finish
