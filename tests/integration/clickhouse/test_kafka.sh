#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# The example, as it stands but for addresses: a topic into a table that is made, over two runs.
. "$(dirname "$0")/../ch_lib.sh"
: "${DF_KAFKA:?a Kafka broker is needed: tests/bed/with-servers $0}"
example=${DF_SOURCE_DIR:-$(cd "$(dirname "$0")/../../.." && pwd)}/examples/kafka-to-clickhouse.yaml
topic=$database
sed -e "s|localhost:9092|$DF_KAFKA|; s|input-topic|$topic|; s|dataflow-group|$topic|" \
    -e "s|\"http://dbuser.*\"|\${env:CH_TEST_URL}|" "$example" >"$dir/k2c.yaml"
send() { # FROM TO
    python3 -c 'import sys; [print("{\"id\":%d,\"n\":%d.50,\"t\":\"x%d\"}" % (i, i, i)) for i in range(int(sys.argv[1]), int(sys.argv[2]))]' "$@" |
        timeout 60 kcat -b "$DF_KAFKA" -P -t "$topic" || bad 'sending'
}
send 0 5000
flow k2c 0
same 'every record once, exact' '5000 5000 12500000.0000000000' \
    "$(sql 'select count(), uniqExact(id), sum(n) from output_table' | tr '\t' ' ')"
send 5000 5010
flow k2c 0
same 'the second run goes on' '5010 5010' "$(sql 'select count(), uniqExact(id) from output_table' | tr '\t' ' ')"
finish
