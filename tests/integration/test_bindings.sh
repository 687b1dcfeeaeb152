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
export BROKERS=$DF_KAFKA TOPIC=$schema.orders DATABASE=$PG_TEST_URL
mkdir pc && sed "s#^prefix=.*#prefix=$DF_SOURCE_DIR#; s#^libdir=.*#libdir=$DF_BUILD_DIR/lib#; s#^includedir=.*#includedir=$DF_SOURCE_DIR/include#" \
    "$DF_BUILD_DIR/generated/libdataflow.pc" >pc/libdataflow.pc

program() { # LANGUAGE COMMAND...: runs it on an empty table, and looks at what it delivered
    local language=$1 refused
    shift
    sql 'drop table if exists orders' >/dev/null
    rm -f refused.jsonl
    timeout 90 "$@" >out 2>&1 && ok "$language: the run has no error" || bad "$language: $(tail -n 3 out)"
    refused=$(wc -l <refused.jsonl)
    same "  each record once" "20000 $((20000 - refused))" "$(($(sql 'select count(*) from orders') + refused)) $(sql 'select count(distinct id) from orders')"
    same '  what the function made of them' 0 "$(sql 'select count(*) from orders where abs(total - price * quantity) > 0.0001 or quantity < 1')"
    same '  why it refused' "$refused" "$(grep -c '"message":"no quantity"' refused.jsonl)"
    [ "$refused" -gt 1000 ] && ok '  refused some' || bad "  $refused were refused"
}

program Python env PYTHONPATH="$python" PYTHONDONTWRITEBYTECODE=1 python3 "$examples/python/examples/kafka_to_postgresql.py"
same '  and the word for it' "$(wc -l <refused.jsonl)" "$(grep -c '"reason":"invalid_data"' refused.jsonl)"
export LD_LIBRARY_PATH=$DF_BUILD_DIR/lib

# ---- those that this machine has ---------------------------------------------------------------------------------
go=$(command -v go || ls /usr/local/go/bin/go 2>/dev/null)
case $([ -z "$go" ] || GOTOOLCHAIN=local "$go" env GOVERSION) in
'' | go1.? | go1.1? | go1.2[012]*) echo 'the Go program is left out: no Go 1.23 or newer' ;;
*)
    (cd "$examples/go" && GOTOOLCHAIN=local GOPROXY=off GOFLAGS=-buildvcs=false GOCACHE=${XDG_CACHE_HOME:-$HOME/.cache}/dataflow-go-build GOPATH=$dir/gopath \
        PKG_CONFIG_PATH=$dir/pc "$go" build -o "$dir/go-example" ./example) >out 2>&1 || bad "Go: $(tail -n 3 out)"
    program Go ./go-example
    same '  nothing else is said' 1 "$(grep -c '<nil>$' out)"
    ;;
esac

if PATH=$PATH:$HOME/.cargo/bin command -v cargo >/dev/null; then
    tar -C "$examples" --exclude target -cf - rust | tar -xf -
    (cd rust && PATH=$PATH:$HOME/.cargo/bin CARGO_HOME=$dir/home PKG_CONFIG_PATH=$dir/pc cargo build --offline --quiet --examples --target-dir "$dir/target") \
        >out 2>&1 || bad "Rust: $(tail -n 3 out)"
    program Rust target/debug/examples/kafka_to_postgresql
else echo 'the Rust program is left out: no cargo'; fi

case $(command -v node >/dev/null && node --version) in
'' | v1[0-7].*) echo 'the Node program is left out: no Node 18 or newer' ;;
*)
    cp -r "$examples/node" . && (cd node && PKG_CONFIG_PATH=$dir/pc node build.js) >out 2>&1 || bad "Node: $(tail -n 3 out)"
    program Node node node/example/kafka-to-postgresql.js
    ;;
esac
finish
