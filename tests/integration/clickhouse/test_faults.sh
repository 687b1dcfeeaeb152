#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Inserts that fail, before and after the server did them; what a server of today sees of us; refused rows found among
# good ones; a table that changes; and each mistake of a manifest told in its own words.
# ctest: timeout=400
. "$(dirname "$0")/../ch_lib.sh"
support=$(cd "$(dirname "$0")/../../support" && pwd)
export DATAFLOW_PLUGINS=${DF_BUILD_DIR:-build/dev}/lib/typed_rows.so
peer=
# peer STEPS: a new scripted server
peer() {
    [ -n "$peer" ] && { kill "$peer"; wait "$peer" 2>/dev/null; }
    rm -f "$dir"/{inserts,rows,port}
    mkfifo "$dir/port"
    python3 "$support/clickhouse_peer.py" "$dir" "$1" >"$dir/port" & peer=$!
    read -r port <"$dir/port"
    rm "$dir/port"
    export CH_PEER_URL="http://us:secret-word@127.0.0.1:$port/shop"
}
trap '[ "$BASHPID" = $$ ] && [ -n "$peer" ] && kill "$peer"; leave' EXIT
# scripted NAME "option: value lines": as manifest, to the table t of the scripted server
scripted() {
    manifest "$@"
    sed -i -e 's/CH_TEST_URL/CH_PEER_URL/' -e "s/table: $1/table: t/" "$dir/$1.yaml"
}

# ---- done or not, the rows arrive ------------------------------------------------------------------
printf '{"id":%s,"v":"x"}\n' 1 2 3 >"$dir/again.jsonl"
scripted again
peer cut,short,noted
flow again 0
same 'a lost answer, a cut one, and one that was not meant: again, each sent once by us' \
    'cut short noted keep' "$(cut -d' ' -f1 "$dir/inserts" | paste -sd' ')"
same 'nothing is missing' '1 2 3' "$(grep -o '"id": [0-9]*' "$dir/rows" | sort -u | cut -d' ' -f2 | paste -sd' ')"
has 'it is said' 'may be written' "$(cat "$dir/out")"
has 'settings that a profile may have otherwise' 'async_insert=0&wait_for_async_insert=1' "$(head -n 1 "$dir/inserts")"
has 'the database' '/?database=shop' "$(head -n 1 "$dir/inserts")"
has 'names and types of what is sent' 'FORMAT RowBinaryWithNamesAndTypes' "$(head -n 1 "$dir/inserts")"
case $(cat "$dir/inserts" "$dir/out") in *secret-word*) bad 'the password is shown' ;; *) ok 'the password is not shown' ;; esac
tokens() { grep -o 'insert_deduplication_token=[^& ]*' "$dir/inserts" | sort | uniq -c | awk '{print $1}' | paste -sd' '; }
same 'each time under the name of the first' 4 "$(tokens)"
yes '{"id":1,"v":"x"}' | head -n 6 >"$dir/twins.jsonl"
scripted twins 'batchSize: 2'
peer cut
flow twins 0
same 'batches that are the same are no repeats of one another' '1 1 2' "$(tokens | tr ' ' '\n' | sort | paste -sd' ')"
peer busy,gateway
flow again 0
same 'too many parts, a gateway without its server: again' 'busy gateway keep 3' \
    "$(cut -d' ' -f1 "$dir/inserts" | paste -sd' ') $(wc -l <"$dir/rows")"
peer space,full
flow again 0
same 'a disk that is full, by its code and by the words of the system: again, and no row is refused' 'space full keep 3 0' \
    "$(cut -d' ' -f1 "$dir/inserts" | paste -sd' ') $(wc -l <"$dir/rows") $(summary errored)"

# The server itself has too many parts: it is left alone until it has merged some, and nothing is lost or twice.
sql 'create table crowded (id UInt32) engine = MergeTree order by id settings parts_to_delay_insert = 5, parts_to_throw_insert = 6'
sql "system stop merges $database.crowded"
python3 -c 'for i in range(200): print("{\"id\":%d}" % i)' >"$dir/crowded.jsonl"
manifest crowded 'batchSize: 10'
rm -rf "$dir/state"
timeout 120 dfproc run "$dir/crowded.yaml" --until-exhausted >"$dir/out" 2>&1 & run=$!
until_true 60 grep -q 'fewer and larger inserts' "$dir/out" || bad 'it is not said that there are too many parts'
sql "system start merges $database.crowded"
sql 'optimize table crowded final'
wait "$run" || bad "the run ended with $?"
same 'too many parts at the real server: every row once' '200 200' "$(sql 'select count(), uniqExact(id) from crowded' | tr '\t' ' ')"

# ---- bodies made smaller ---------------------------------------------------------------------------
python3 -c 'for i in range(5000): print("{\"id\":%d,\"v\":\"%s\"}" % (i, "x" * (i % 50)))' >"$dir/small.jsonl"
for packing in lz4 zstd gzip; do
    peer cut
    scripted small "compression: $packing"
    flow small 0
    same "$packing: every row, also when it is sent again" "10000 5000 $packing" \
        "$(wc -l <"$dir/rows") $(sort -u "$dir/rows" | wc -l) $(awk '{print $NF}' "$dir/inserts" | sort -u)"
done
sql 'create table small (id UInt32, v String) engine = MergeTree order by id'
manifest small 'compression: gzip'
flow small 0
same 'gzip to the real server' '5000 5000 122500' "$(sql 'select count(), uniqExact(id), sum(length(v)) from small' | tr '\t' ' ')"
manifest small 'compression: zstd'
flow small 1
has 'a server that does not know it' 'take the option compression out' "$(cat "$dir/out")"

# ---- deletes and changed keys ----------------------------------------------------------------------
peer ''
cat >"$dir/marks.rows" <<'END'
{"op":"insert","row":{"id":1,"v":"a"}}
{"op":"update","row":{"id":2,"v":"b"},"before":{"id":1,"v":"a"}}
{"op":"delete","row":{"id":2},"before":{"id":2,"v":"b"}}
{"op":"update","row":{"id":3,"v":{"$unchanged":true}},"before":{"id":3,"v":"kept"}}
END
scripted marks 'upsertMode: true' 'conflictKey: id'
sed -i "1s|.*|source: {type: typed, config: {path: $dir/marks.rows}}|" "$dir/marks.yaml"
flow marks 0
same 'a row for each, a mark for what is gone' '1 a 0,2 b 0,1 a 1,2  1,3 kept 0' \
    "$(python3 -c 'import json,sys; print(",".join("%s %s %s" % (r["id"], r["v"], r["del"]) for r in map(json.loads, open(sys.argv[1]))))' "$dir/rows")"
same 'versions that never fall' yes \
    "$(python3 -c 'import json,sys; v=[json.loads(l)["ver"] for l in open(sys.argv[1])]; print("yes" if v == sorted(v) else v)' "$dir/rows")"

cat >"$dir/owns.rows" <<'END'
{"op":"insert","row":{"id":1,"v":"a","ver":70}}
{"op":"delete","row":{"id":1},"before":{"id":1,"v":"a","ver":70}}
{"op":"delete","row":{"id":2},"before":{"id":2}}
END
peer ''
scripted owns 'upsertMode: true'
sed -i "1s|.*|source: {type: typed, config: {path: $dir/owns.rows}}|" "$dir/owns.yaml"
flow owns 0
same 'a delete has the version of the row that goes, or is refused' '1 70 0,1 70 1 no_version' \
    "$(python3 -c 'import json,sys; print(",".join("%s %s %s" % (r["id"], r["ver"], r["del"]) for r in map(json.loads, open(sys.argv[1]))))' "$dir/rows") $(reasons owns | cut -d: -f1)"

# Records that have not the same columns go in several inserts: what replaces what must not depend on it.
cat >"$dir/newest.rows" <<'END'
{"op":"insert","row":{"id":1,"v":"a","d":1}}
{"op":"update","row":{"id":1,"v":"b"}}
{"op":"update","row":{"id":1,"v":"c","d":1}}
END
peer keep,busy
scripted newest 'upsertMode: true'
sed -i "1s|.*|source: {type: typed, config: {path: $dir/newest.rows}}|" "$dir/newest.yaml"
flow newest 0
same 'the last record is the newest, also when a part of the parcel is sent again' 'keep busy keep keep c' \
    "$(cut -d' ' -f1 "$dir/inserts" | paste -sd' ') $(python3 -c 'import json,sys; print(max(map(json.loads, open(sys.argv[1])), key=lambda r: r["ver"])["v"])' "$dir/rows")"
cat >"$dir/hides.rows" <<'END'
{"op":"delete","row":{"id":2},"before":{"id":2,"v":"a","ver":5}}
{"op":"insert","row":{"id":1,"v":"a","ver":70,"d":1}}
{"op":"delete","row":{"id":1},"before":{"id":1,"v":"a","ver":70}}
END
peer ''
scripted hides 'upsertMode: true'
sed -i "1s|.*|source: {type: typed, config: {path: $dir/hides.rows}}|" "$dir/hides.yaml"
flow hides 0
same 'a mark of the same version comes behind its row' '2 5 1,1 70 0,1 70 1' \
    "$(python3 -c 'import json,sys; print(",".join("%s %s %s" % (r["id"], r["ver"], r["del"]) for r in map(json.loads, open(sys.argv[1]))))' "$dir/rows")"

# ---- one refused row among many --------------------------------------------------------------------
peer ''
python3 -c 'for i in range(200): print("{\"id\":%d,\"v\":\"%s\"}" % (i, "refused" if i == 77 else "x"))' >"$dir/one.jsonl"
scripted one
flow one 0
same 'the others once' '199 199' "$(wc -l <"$dir/rows") $(sort -u "$dir/rows" | wc -l)"
same 'itself refused' 'constraint_violation: ClickHouse refused it: code 469 VIOLATED_CONSTRAINT' "$(reasons one)"

# Rows without a column that has a DEFAULT go in an insert of their own, which is written before the other is refused.
peer ''
python3 -c 'for i in range(40): print("{\"id\":%d,\"v\":\"%s\"%s}" % (i, "refused" if i == 33 else "x", ",\"d\":1" if i % 2 else ""))' >"$dir/lists.jsonl"
scripted lists
flow lists 0
same 'two lists of columns: what is written is not sent again' '39 39' "$(wc -l <"$dir/rows") $(sort -u "$dir/rows" | wc -l)"
same 'and the one refused' 1 "$(reasons lists | grep -c 'code 469')"
sed 's/refused/x/' "$dir/lists.jsonl" >"$dir/halves.jsonl"
scripted halves
peer keep,cut
flow halves 0
same 'after a lost answer to the second list the first one is not sent again' '20 once, 20 twice' \
    "$(sort "$dir/rows" | uniq -c | awk '{n[$1]++} END {print n[1] " once, " n[2] " twice"}')"

# ---- a table that is not what it was ---------------------------------------------------------------
printf '{"id":%s,"v":"x","w":"y"}\n' 1 2 3 4 5 6 >"$dir/gone.jsonl"
scripted gone 'batchSize: 2' 'unknownFields: ignore'
peer dropped
flow gone 0
same 'a column goes while two parcels are on their way' '1 2 3 4 5 6' "$(grep -o '"id": [0-9]*' "$dir/rows" | cut -d' ' -f2 | paste -sd' ')"
peer column,column,column,column
flow again 0
same 'a column that a replica does not know yet: again' 'column column column column keep' "$(cut -d' ' -f1 "$dir/inserts" | paste -sd' ')"
peer view
flow again 0
same 'a table behind a view is not there: again' 'view keep' "$(cut -d' ' -f1 "$dir/inserts" | paste -sd' ')"
has 'and that it is not this one' 'table t is there, so a view of it' "$(cat "$dir/out")"

# ---- the same by the real server, and a table that changes -----------------------------------------
sql 'create table checked (id UInt32, v String, c UInt8 default throwIf(id = 77)) engine = MergeTree order by id'
cp "$dir/one.jsonl" "$dir/checked.jsonl"
manifest checked
flow checked 0
same 'a row that an expression of the table refuses' '199 199 1' \
    "$(sql 'select count(), uniqExact(id) from checked' | tr '\t' ' ') $(reasons checked | grep -c 'code 395')"
sql 'create table moving (id UInt32, v String) engine = MergeTree order by id'
manifest moving
mkfifo "$dir/in"
sed -i "1s|.*|source: {type: stdio, config: {path: $dir/in}}|" "$dir/moving.yaml"
timeout 120 dfproc run "$dir/moving.yaml" --until-exhausted >"$dir/out" 2>&1 & run=$!
exec 7>"$dir/in"
arrived() { # COUNT
    for _ in $(seq 600); do [ "$(sql 'select count() from moving')" = "$1" ] && return; sleep 0.1; done
    bad "$1 rows did not arrive"
    tail -n 3 "$dir/out"
}
echo '{"id":1,"v":"a"}' >&7
arrived 1
sql 'alter table moving add column w Int64 after id'
echo '{"id":2,"v":"b","w":-5}' >&7
arrived 2
sql 'alter table moving modify column v Nullable(String)'
echo '{"id":3,"v":null,"w":7}' >&7
arrived 3
sql 'alter table moving drop column w'
echo '{"id":4,"v":"d"}' >&7
arrived 4
sql 'rename table moving to aside'
echo '{"id":5,"v":"e"}' >&7
until_true 60 grep -q 'table moving is gone' "$dir/out" || bad 'it is not said that the table is gone'
sql 'rename table aside to moving'
arrived 5
exec 7>&-
wait "$run" || bad "the run ended with $?"
same 'columns that come, change and go, and a table that is away for a while' '1 a,2 b,3 \N,4 d,5 e' "$(sql 'select id, v from moving order by id' | tr '\t' ' ' | paste -sd,)"

# ---- secrets ---------------------------------------------------------------------------------------
echo '{"id":1,"v":"payload-value"}' >"$dir/quiet.jsonl"
scripted quiet
for who in us:secret-word@ ''; do
    peer busy,cut
    CH_PEER_URL="http://${who}127.0.0.1:$port/shop"
    [ -n "$who" ] || CH_PEER_URL+='?username=us&password=secret-word'
    rm -rf "$dir/state"
    timeout --foreground -k 5 120 dfproc run "$dir/quiet.yaml" --until-exhausted --log-level debug >"$dir/out" 2>&1 || bad "quiet: exit code $?"
    case $(cat "$dir/out" "$dir/inserts") in
    *secret-word* | *payload-value*) bad "the log or a URL shows a password or a value (${who:-in the settings})" ;;
    *) ok "no password and no value in the log of debug and in URLs (${who:-in the settings})" ;;
    esac
done

# ---- a statement that is longer than a URL may be --------------------------------------------------
columns=$(seq -f 'a_column_whose_name_is_not_exactly_short_%.0f' 600)
sql "create table wide ($(sed 's/$/ UInt16/' <<<"$columns" | paste -sd,)) engine = MergeTree order by tuple()"
(sed 's/.*_\([0-9]*\)$/"&":\1/' <<<"$columns" | paste -sd, | sed 's/.*/{&}/') >"$dir/wide.jsonl"
manifest wide
flow wide 0
same '600 columns with long names' '1 300 600' "$(sql 'select count(), any(a_column_whose_name_is_not_exactly_short_300), any(a_column_whose_name_is_not_exactly_short_600) from wide' | tr '\t' ' ')"

# ---- mistakes --------------------------------------------------------------------------------------
base=${DF_CLICKHOUSE%/default} host=${DF_CLICKHOUSE##*@} host=${host%/default}
echo '{"id":1}' >"$dir/wrong.jsonl"
# wrong NAME URL TABLE TEXT: both a run and a look before it say so
wrong() {
    manifest wrong
    sed -i "s|table: wrong|table: $3|; s|CH_TEST_URL|CH_WRONG_URL|" "$dir/wrong.yaml"
    CH_WRONG_URL=$2 dfproc validate --connect "$dir/wrong.yaml" >"$dir/said" 2>&1
    has "$1" "$4" "$(cat "$dir/said")"
    ! grep -q nonsense-word "$dir/said" || bad "$1: the password is shown"
}
sql 'create table there (id UInt32) engine = MergeTree order by id'
wrong 'a wrong password' "http://dataflow:nonsense-word@$host/default" t 'look at the user and the password'
wrong 'an unknown user' "http://nobody:nonsense-word@$host/default" t 'look at the user and the password'
wrong 'an unknown database' "$base/nowhere" t 'name another database in connectionString'
wrong 'an unknown table' "$CH_TEST_URL" nowhere 'table nowhere does not exist; make it, or set autoCreateTable: true'
wrong 'an unknown setting' "$CH_TEST_URL?no_such_setting=1" there 'take the setting out of connectionString'
wrong 'nobody there' 'http://127.0.0.1:1/default' t '127.0.0.1:1'
wrong 'another server there' "http://127.0.0.1:$(python3 - <<'END'
import os, socket, sys
s = socket.socket()
s.bind(("127.0.0.1", 0))
s.listen()
print(s.getsockname()[1], flush=True)
if os.fork() == 0:
    os.close(1)
    s.settimeout(60)
    c = s.accept()[0]
    c.recv(65536)
    c.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello")
    c.recv(1)
END
)/x" t 'not as a ClickHouse server'
manifest wrong
echo 'deliveryGuarantee: exactlyOnce' >>"$dir/wrong.yaml"
has 'exactlyOnce where the server knows no tokens' 'a server before 22.2 knows no names of inserts' \
    "$(sed -i 's/table: wrong/table: there/' "$dir/wrong.yaml"; dfproc validate --connect "$dir/wrong.yaml" 2>&1)"
has 'all is well' 'table there, 1 column, engine MergeTree' \
    "$(manifest wrong; sed -i 's|table: wrong|table: there|' "$dir/wrong.yaml"; dfproc validate --connect "$dir/wrong.yaml" 2>&1)"
manifest wrong
sed -i "s|table: wrong|table: there|; s|CH_TEST_URL|CH_WRONG_URL|" "$dir/wrong.yaml"
export CH_WRONG_URL=${CH_TEST_URL/dataflow:/reader:}
flow wrong 1
has 'a user that may not write' "the user's profile is read-only" "$(cat "$dir/out")"
finish
