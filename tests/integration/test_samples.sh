#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Every manifest of examples/ validates, and runs as it stands but for addresses and names; manifests
# of both layouts with every original transformation give the same rows. ctest: timeout=240
. "$(dirname "$0")/pg_lib.sh"
: "${DF_KAFKA:?a Kafka broker is needed: tests/bed/with-servers $0}"
source=${DF_SOURCE_DIR:-$(cd "$(dirname "$0")/../.." && pwd)}
examples=$source/examples
run=s$$_$RANDOM
export DF_KAFKA

topic() { dfaudit topic create --topic "$run.$1" --partitions "${2:-1}" >/dev/null 2>&1 || bad "topic $1"; }

# fill TOPIC: lines of standard input as records; the text before a tab is the key
fill() { kcat -P -b "$DF_KAFKA" -t "$run.$1" -K '	' -Z || bad "fill $1"; }
read_all() { kcat -C -e -q -b "$DF_KAFKA" -t "$run.$1" -o beginning -f "${2:-%s\n}"; }

# here FILE: a copy with the addresses of this test; every topic and group gets a name of its own
here() {
    sed -e "s|localhost:9092|$DF_KAFKA|" -e "s#\(topic\|consumerGroup\): \(.*\)#\1: $run.\2#" \
        -e 's|connectionString: .*|connectionString: "${env:PG_TEST_URL}"|' \
        -e "s|path: .*/*orders-errors.jsonl|path: $dir/orders-errors.jsonl|" \
        -e "s|/tmp/open-orders.jsonl|$dir/open-orders.jsonl|" "$1"
}

# go NAME FILE [OPTIONS]: runs to the end; output in $dir/NAME.out, messages in $dir/NAME.log
go() {
    local rc
    timeout --foreground -k 5 100 dfproc run --until-exhausted "$2" "${@:3}" >"$dir/$1.out" 2>"$dir/$1.log" </dev/null
    rc=$?
    [ "$rc" = 0 ] && ok "$1 runs" && return
    bad "$1: exit code $rc"
    tail -n 5 "$dir/$1.log" | cut -c1-400 | sed 's/^/        /'
}

# ---- every example validates, in both spellings ------------------------------------------------
for file in "$examples"/*.yaml "$examples"/*/*.yaml; do
    name=${file#"$examples"/}
    case $name in
    *-test.yaml)
        if dfproc test "$file" >"$dir/out" 2>&1; then ok "$name passes"; else bad "$name: $(cat "$dir/out")"; fi
        continue
        ;;
    esac
    if dfproc validate "$file" >"$dir/out" 2>&1; then ok "$name validates"; else bad "$name: $(cat "$dir/out")"; fi
    if dfproc explain "$file" >"$dir/out" 2>&1; then ok "$name is explained"; else bad "$name: $(cat "$dir/out")"; fi
    dfproc fmt "$file" >"$dir/new.yaml" 2>"$dir/out" || bad "fmt $name: $(cat "$dir/out")"
    dfproc validate "$dir/new.yaml" >"$dir/out" 2>&1 || bad "fmt $name: $(cat "$dir/out")"
    dfproc fmt --check "$dir/new.yaml" >"$dir/out" 2>&1 || bad "fmt $name twice: $(cat "$dir/out")"
done

# ---- without servers -----------------------------------------------------------------------------
go generate "$examples/generate.yaml" --limit 1000
go generate "$examples/generate.yaml" --limit 1000
same 'generate begins anew' 1000 "$(grep -o '"received":[0-9]*' "$dir/generate.log" | tail -n 1 | cut -d: -f2)"
here "$examples/router.yaml" >"$dir/router.yaml"
dfproc run "$dir/router.yaml" <"$examples/events.jsonl" >"$dir/router.out" 2>"$dir/router.log" || bad 'router'
same 'router: main sink' '1
9007199254740993
5' "$(grep -o '"id":[0-9]*' "$dir/router.out" | cut -d: -f2)"
same 'router: routed and masked' '{"id":2,"status":"open","amount":5,"customer":{"name":"Bob","email":"***************"}}' \
    "$(cat "$dir/open-orders.jsonl")"

# ---- Kafka to PostgreSQL -------------------------------------------------------------------------
topic input-topic 2
for i in $(seq 1 500); do printf 'k%d\t{"id":%d,"name":"n%d","price":%d.50,"ok":true}\n' "$i" "$i" "$i" "$i"; done | fill input-topic
here "$examples/kafka-to-postgresql.yaml" >"$dir/k2p.yaml"
go kafka-to-postgresql "$dir/k2p.yaml"
same 'kafka-to-postgresql: rows' '500|125250|125500.00|500' \
    "$(sql 'select count(*), sum(id), sum(price), count(distinct name) from output_table where ok')"
printf 'k501\t{"id":501,"name":"n501","price":1,"ok":true}\n' | fill input-topic
go kafka-to-postgresql-again "$dir/k2p.yaml"
same 'kafka-to-postgresql: goes on after its last record' '501' "$(sql 'select count(*) from output_table')"

# A run of a DataFlowCron ends when all that was there is delivered, without being told to.
here "$examples/kafka-to-postgresql.yaml" | sed -e 's/kind: DataFlow/kind: DataFlowCron/' -e 's/^spec:/spec:\n  schedule: "0 * * * *"\n  checkpointPersistence: \&yes true\n  checkpointSyncOnAck: *yes/' \
    -e "s/consumerGroup: .*/consumerGroup: $run.cron/" -e 's/table: .*/table: cron_table/' >"$dir/cron.yaml"
if timeout --foreground -k 5 60 dfproc run "$dir/cron.yaml" >"$dir/cron.out" 2>"$dir/cron.log" </dev/null; then ok 'a DataFlowCron ends'; else bad 'a DataFlowCron ends'; fi
same 'a DataFlowCron: rows' 501 "$(sql 'select count(*) from cron_table')"

topic orders
printf 'a\t%s\n' '{"id":1,"item":"lamp","debug":{"t":1}}' '{"id":2,"item":"book"}' 'no json' | fill orders
here "$examples/orders.yaml" >"$dir/orders.yaml"
go orders "$dir/orders.yaml"
same 'orders: rows' '1|lamp
2|book' "$(sql 'select id, item from orders order by id')"
same 'orders: columns' 'created_at,id,item,updated_at' "$(sql "select string_agg(column_name::text, ',' order by column_name) from information_schema.columns where table_schema = '$schema' and table_name = 'orders'")"
same 'orders: the refused record, with its bytes' 1 "$(grep -c '"original_message":{"original_data":"no json"}' "$dir/orders-errors.jsonl")"

# ---- from PostgreSQL -----------------------------------------------------------------------------
here "$examples/postgresql-nightly.yaml" >"$dir/nightly.yaml"
go nightly "$dir/nightly.yaml"
sql "update orders set item = 'desk', updated_at = now() where id = 2; insert into orders (id, item) values (3, 'bed')"
go nightly-again "$dir/nightly.yaml"
same 'postgresql-nightly: the same rows, the changed one once' "$(sql 'select * from orders order by id')" "$(sql 'select * from orders_copy order by id')"
same 'postgresql-nightly: only what was new' 2 "$(grep -o '"received":[0-9]*' "$dir/nightly-again.log" | tail -n 1 | cut -d: -f2)"
same 'postgresql-nightly: the key' 'id' "$(sql "select attname from pg_index join pg_attribute on attrelid = indrelid and attnum = any (indkey) where indrelid = 'orders_copy'::regclass and indisprimary")"
topic polled
here "$examples/postgresql-to-kafka.yaml" | sed "s/topic: .*/topic: $run.polled/" >"$dir/p2k.yaml"
go postgresql-to-kafka "$dir/p2k.yaml"
same 'postgresql-to-kafka: key and item' '1 lamp
2 desk
3 bed' "$(read_all polled '%k %s\n' | sed 's/ .*"item":"\([^"]*\)".*/ \1/' | sort)"

# ---- Kafka to Kafka --------------------------------------------------------------------------------
topic orders-clean && topic orders-refused && topic orders-exact
printf '%s\n' 'x	{"orderId":7,"amount":"12.50","country":"DE"}' 'y	{"orderId":8,"amount":"many"}' | fill orders
here "$examples/kafka-exactly-once.yaml" >"$dir/exact.yaml"
go kafka-exactly-once "$dir/exact.yaml"
go kafka-exactly-once-again "$dir/exact.yaml"
same 'kafka-exactly-once: once' 1 "$(read_all orders-exact | wc -l)"
here "$examples/kafka-to-kafka.yaml" >"$dir/k2k.yaml"
go kafka-to-kafka "$dir/k2k.yaml"
same 'kafka-to-kafka: keys, types, when' 'x {"order_id":7,"amount":12.50,"country":"DE","tax_rate":0.19}' \
    "$(read_all orders-clean '%k %s\n' | grep order_id)"
same 'kafka-to-kafka: refused' 1 "$(read_all orders-refused | grep -c '"original_message":{"orderId":8,"amount":"many"}')"
# What was refused, once more, when nothing refuses it any longer.
sed '/type: cast/,/amount: float64/d' "$dir/k2k.yaml" >"$dir/mended.yaml"
for call in first second; do dfproc replay "$dir/mended.yaml" --apply >"$dir/out" 2>&1 || bad "$call replay: $(cat "$dir/out")"; done
same 'replay: delivered once' 1 "$(read_all orders-clean | grep -c '"amount":"many"')"

topic orders-checked && topic orders-failed
here "$examples/kafka-replay.yaml" >"$dir/replay.yaml"
go kafka-replay "$dir/replay.yaml"
failed_are() { grep -o '^ *[0-9]*  to replay' "$dir/out" | grep -o '[0-9]*'; }
sed -i '/type: cast/,/amount: float64/d' "$dir/replay.yaml"
dfproc replay "$dir/replay.yaml" >"$dir/out" 2>&1 || bad "kafka-replay: $(cat "$dir/out")"
before=$(read_all orders-checked | grep -c many) there=$(failed_are)
for call in first second; do dfproc replay "$dir/replay.yaml" --apply >"$dir/out" 2>&1 || bad "kafka-replay, $call: $(cat "$dir/out")"; done
same 'kafka-replay: refused, then delivered once, with its key' '0 y 1' "$before $(read_all orders-checked '%k %s\n' | awk '/many/ {print $1; n++} END {print n}' | paste -sd' ')"
same 'kafka-replay: the second call has nothing to do' "$there" "$(grep -o '^ *[0-9]*  replayed before' "$dir/out" | grep -o '[0-9]*')"

# Each order into the topic of its country.
printf '%s\n' 'x	{"orderId":9,"country":"'$run.DE'"}' 'y	{"orderId":10,"country":"nowhere"}' 'z	{"orderId":11}' | fill orders
here "$examples/kafka-by-country.yaml" | sed "s|topicAllow: .*|topicAllow: $run[.][A-Z]{2}|" >"$dir/country.yaml"
go kafka-by-country "$dir/country.yaml"
same 'kafka-by-country: its topic' '9 {"orderId":9,"country":"'$run.DE'"}' "$(read_all DE '%k %s\n')"
same 'kafka-by-country: no country' 1 "$(read_all orders-anywhere | grep -c '^{"orderId":11}$')"
same 'kafka-by-country: refused' 1 "$(read_all orders-refused | grep -c '"original_message":{"orderId":10,')"

# ---- the older layout ---------------------------------------------------------------------------
topic events && topic alerts
printf 'e\t%s\n' '{"id":1,"level":"info","user":{"name":"a","password":"secret"}}' '{"id":2,"level":"debug"}' \
    '{"id":3,"level":"error","user":{"name":"b","password":"hidden"}}' | fill events
here "$examples/old-layout.yaml" >"$dir/old.yaml"
go old-layout "$dir/old.yaml"
same 'old-layout: rows' '1|info|******' "$(sql "select id, level, \"user\"->>'password' from events")"
same 'old-layout: the route is masked too' '{"id":3,"level":"error","user":{"name":"b","password":"******"}}' \
    "$(read_all alerts | sed 's/,"processed_at":"[^"]*"//')"

# The nine transformations of the older layout, in that layout and in the newer one.
config() { if [ "$1" = old ]; then echo "$2: $3"; else echo "config: $3"; fi; }
nine() { # LAYOUT
    cat <<YAML
apiVersion: dataflow.dataflow.io/v1
kind: DataFlow
metadata: {name: nine-$1, namespace: samples}
spec:
  source: {type: stdio, $(config "$1" stdio "{path: $dir/nine.jsonl}")}
  transformations:
    - {type: flatten, $(config "$1" flatten '{field: items}')}
    - {type: filter, $(config "$1" filter '{condition: $.active}')}
    - {type: timestamp, $(config "$1" timestamp '{fieldName: seen.at, format: "2006"}')}
    - {type: mask, $(config "$1" mask '{fields: [secret], maskChar: "#", keepLength: true}')}
    - {type: remove, $(config "$1" remove '{fields: [$.noise.deep]}')}
    - {type: snakeCase, $(config "$1" snakeCase '{deep: true}')}
    - {type: router, $(config "$1" router "{routes: [{condition: sku == 'b', sink: {type: stdio, $(config "$1" stdio "{path: $dir/b.$1}")}}]}")}
    - {type: select, $(config "$1" select '{fields: [order_id, sku, secret, noise, active]}')}
    - {type: camelCase, $(config "$1" camelCase '{}')}
  sink: {type: stdio, $(config "$1" stdio "{path: $dir/main.$1}")}
  resources: {requests: {cpu: 100m, memory: 128Mi}}
  channelBufferSize: 500
  checkpointPersistence: false
YAML
}
printf '%s\n' '{"orderId":9007199254740993,"active":true,"secret":"abcd","noise":{"deep":1},"items":[{"sku":"a"},{"sku":"b"}]}' \
    '{"orderId":2,"active":false,"items":[{"sku":"c"}]}' >"$dir/nine.jsonl"
for layout in old new; do
    nine "$layout" >"$dir/nine-$layout.yaml"
    go "nine-$layout" "$dir/nine-$layout.yaml"
    same "nine, $layout layout" '{"OrderId":9007199254740993,"Sku":"a","Secret":"####","Noise":{},"Active":true}' "$(cat "$dir/main.$layout")"
    same "nine, $layout layout, route" '{"OrderId":9007199254740993,"Sku":"b","Secret":"####","Noise":{},"Active":true}' "$(cat "$dir/b.$layout")"
done
same 'fmt makes the new one of the old one' "$(sed "s/\(b\|main\)\.new/\1.old/; s/nine-new/nine-old/" "$dir/nine-new.yaml")" \
    "$(dfproc fmt "$dir/nine-old.yaml")"
finish
