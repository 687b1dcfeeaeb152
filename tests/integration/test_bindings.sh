#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# A whole program in another language: Kafka, a function of the program, PostgreSQL. Where the
# bindings are built: release builds with DF_WITH_PYTHON.
# ctest: timeout=300
python=${DF_BUILD_DIR:?}/python
[ -d "$python/dataflow" ] || { echo 'skip: this build has no Python package (DF_WITH_PYTHON)' && exit 77; }
. "$(dirname "$0")/pg_lib.sh"
: "${DF_KAFKA:?a Kafka broker is needed: tests/bed/with-servers $0}"
examples=$(cd "$(dirname "$0")/../../bindings" && pwd)

dfaudit topic create --topic "$schema.orders" --partitions 4 >/dev/null 2>&1
cat >"$dir/fill.yaml" <<END
source: {type: generate, config: {count: 20000, seed: 7, partitions: 4, key: "\${seq}", template: '{"id":\${seq},"quantity":\${int:0:9},"price":\${float:1:500}}'}}
sink: {type: kafka, config: {brokers: "$DF_KAFKA", topic: "$schema.orders"}}
END
dfproc run -u --no-progress --state-dir "$dir/fill.state" "$dir/fill.yaml" >"$dir/out" 2>&1 || bad "fill: $(tail -n 1 "$dir/out")"

cd "$dir" || exit 1
BROKERS=$DF_KAFKA TOPIC=$schema.orders DATABASE=$PG_TEST_URL PYTHONPATH=$python PYTHONDONTWRITEBYTECODE=1 \
    timeout 90 python3 "$examples/python/examples/kafka_to_postgresql.py" >out 2>&1 || bad "Python: $(tail -n 3 out)"
refused=$(wc -l <refused.jsonl)
same 'Python: each record once' "20000 $((20000 - refused))" "$(($(sql 'select count(*) from orders') + refused)) $(sql 'select count(distinct id) from orders')"
same 'Python: what the function made of them' 0 "$(sql 'select count(*) from orders where abs(total - price * quantity) > 0.0001 or quantity < 1')"
same 'Python: why it refused' "$refused" "$(grep -c '"message":"no quantity".*"reason":"invalid_data"' refused.jsonl)"
[ "$refused" -gt 1000 ] && ok 'Python: refused some' || bad "Python: $refused were refused"

# ---- Go, when there is one -------------------------------------------------------------------------
go=$(command -v go || ls /usr/local/go/bin/go 2>/dev/null)
case $([ -z "$go" ] || GOTOOLCHAIN=local "$go" env GOVERSION) in
'' | go1.? | go1.1? | go1.2[012]*) echo 'the Go program is left out: no Go 1.23 or newer'; finish ;;
esac
sql 'drop table orders' >/dev/null
rm -f refused.jsonl
mkdir pc && sed "s#^prefix=.*#prefix=$DF_SOURCE_DIR#; s#^libdir=.*#libdir=$DF_BUILD_DIR/lib#; s#^includedir=.*#includedir=$DF_SOURCE_DIR/include#" \
    "$DF_BUILD_DIR/generated/libdataflow.pc" >pc/libdataflow.pc
(cd "$examples/go" && GOTOOLCHAIN=local GOPROXY=off GOFLAGS=-buildvcs=false GOCACHE=${XDG_CACHE_HOME:-$HOME/.cache}/dataflow-go-build GOPATH=$dir/gopath \
    PKG_CONFIG_PATH=$dir/pc "$go" build -o "$dir/go-example" ./example) >out 2>&1 || bad "Go: $(tail -n 3 out)"
BROKERS=$DF_KAFKA TOPIC=$schema.orders DATABASE=$PG_TEST_URL LD_LIBRARY_PATH=$DF_BUILD_DIR/lib timeout 90 ./go-example >out 2>&1
same 'Go: the run has no error' 1 "$(grep -c '<nil>$' out)"
refused=$(wc -l <refused.jsonl)
same 'Go: each record once' "20000 $((20000 - refused))" "$(($(sql 'select count(*) from orders') + refused)) $(sql 'select count(distinct id) from orders')"
same 'Go: what the function made of them' 0 "$(sql 'select count(*) from orders where abs(total - price * quantity) > 0.0001 or quantity < 1')"
same 'Go: why it refused' "$refused" "$(grep -c '"message":"no quantity"' refused.jsonl)"
finish
