#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# What is refused, and how: options, properties, topics and offsets that do not exist.
. "$(dirname "$0")/../kafka_lib.sh"

# ---- options ------------------------------------------------------------------------------------
cat >"$dir/bad.yaml" <<END
source:
  type: kafka
  config:
    brokers: h:1
    topic: t
    securityProtocol: sasl-ssl
    format: avro
    consumerMaxWait: 3s
    netReadTimeout: 1s
    properties: {sesion.timeout.ms: 5, group.id: x, session.timeout.ms: abc, linger.ms: 5}
sink:
  type: kafka
  config: {brokers: h:1, topic: t, requiredAcks: local, idempotent: false}
END
dfproc validate "$dir/bad.yaml" >"$dir/bad.out" 2>&1
same 'refused' 2 $?
has 'protocol' 'securityProtocol: SASL_SSL needs the block sasl' "$dir/bad.out"
has 'avro' 'format: avro needs the schema: schemaRegistry, avroSchema or avroSchemaFile' "$dir/bad.out"
has 'timing' 'netReadTimeout: must be more than consumerMaxWait' "$dir/bad.out"
has 'nearest name' 'did you mean "session.timeout.ms"' "$dir/bad.out"
has 'option of ours' 'use the option consumerGroup' "$dir/bad.out"
has 'value of a property' 'properties.session.timeout.ms: Invalid value' "$dir/bad.out"
has 'property of the other side' 'properties.linger.ms: is not in the list' "$dir/bad.out"
has 'acks' 'requiredAcks: must be all' "$dir/bad.out"
has 'idempotent' 'warning.*idempotent: is always true' "$dir/bad.out"
cat >"$dir/later.yaml" <<END
source: {type: kafka, config: {brokers: h:1, topic: t, tls: {caFile: x}, schemaRegistry: {url: u}}}
sink: {type: kafka, config: {brokers: h:1, topic: t, maxOpenRequests: 6, compresion: lz4}}
END
dfproc validate "$dir/later.yaml" >"$dir/later.out" 2>&1
has 'a registry without a use' 'schemaRegistry: needs format: avro' "$dir/later.out"
has 'open requests' 'maxOpenRequests: must be between 1 and 5' "$dir/later.out"
has 'did you mean' 'did you mean "compression"' "$dir/later.out"
{ source_of one user; sink_to two 'sasl: {username: u}'; } >"$dir/user.yaml"
dfproc validate "$dir/user.yaml" >"$dir/user.out" 2>&1
has 'a user without a password' '"password" or "passwordSecretRef" is required' "$dir/user.out"
dfproc version >"$dir/version" 2>&1
has 'version of the library' 'kafka: librdkafka [0-9]' "$dir/version"

# ---- a topic that is not there ----------------------------------------------------------------------
{ source_of nowhere nowhere; file_sink none; } >"$dir/nowhere.yaml"
flow nowhere 1
has 'unknown topic' "topic $(name_of nowhere) does not exist on $DF_KAFKA; create it" "$dir/nowhere.out"

# ---- offsets that are not there --------------------------------------------------------------------
topic range 2
produce range --count 1000 --partitions 2
out_of_range() { # GROUP POLICY CODE
    dfaudit group set --group "$run.$1" --topic "$(name_of range)" --from 99999 >/dev/null 2>&1
    { source_of range "$1" "onOffsetOutOfRange: $2"; file_sink "$1.jsonl"; } >"$dir/$1.yaml"
    flow "$1" "$3"
}
out_of_range r1 stop 1
has 'out of range stops' 'offset 99999 does not exist any more' "$dir/r1.out"
out_of_range r2 earliest 0
audit 'out of range, earliest' --source jsonl --file "$dir/r2.jsonl" --count 1000 --expect-count 1000 --max-duplicates 0 --no-gaps
same 'and committed' '{"0":500,"1":500}' "$(offsets "$run.r2" range)"
out_of_range r3 latest 0
same 'out of range, latest' 0 "$(summary received r3)"
# One partition is out of range, the other one goes on.
topic one 2
produce one --count 1000 --partitions 2
dfaudit group set --group "$run.one" --topic "$(name_of one)" --from 500 >/dev/null 2>&1
produce one --count 1 --from 1000 --partitions 1
kcat -b "$DF_KAFKA" -t "$(name_of one)" -p 0 -P </dev/null 2>/dev/null
{ source_of one one; file_sink one.jsonl; } >"$dir/one.yaml"
flow one 0
same 'the rest is read' 1 "$(summary received one)"
finish
