#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# ctest: timeout=420
# A broker that asks for TLS, client certificates, users: what gets in gets the records, what does not
# says why and what to do; certificates and passwords that change are read again in a running flow.
bed=${DF_BED:-$(dirname "$0")/../../bed}
folder=$(mktemp -d)
trap '[ "$BASHPID" = $$ ] && { "$bed/kafka" stop --dir "$folder/kafka"; rm -rf "$folder"; }' EXIT
"$bed/kafka" start --dir "$folder/kafka" --parent $$ --secure >"$folder/env" || exit 1
set -a
. "$folder/env"
set +a
. "$(dirname "$0")/../kafka_lib.sh"
trap '[ "$BASHPID" = $$ ] && { leave; "$bed/kafka" stop --dir "$folder/kafka"; rm -rf "$folder"; }' EXIT
certs=$DF_KAFKA_CERTS
examples=${DF_SOURCE_DIR:-$(cd "$(dirname "$0")/../../.." && pwd)}/examples
topic in 2
lines() { seq "$1" "$2" | sed 's/.*/{"n":&}/' | kcat -b "$DF_KAFKA" -P -t "$(name_of in)"; }
lines 1 100

# manifest NAME BROKER OPTIONS: the topic to a file
manifest() {
    { echo "source: {type: kafka, config: {brokers: \"$2\", topic: $(name_of in), consumerGroup: $run.$1, $3}}"; file_sink "$1.jsonl"; } >"$dir/$1.yaml"
}
# look NAME CODE WORDS: what a look before the run says, and that it says it in time
look() {
    local begin=$SECONDS rc
    timeout --foreground 60 dfproc validate --connect "$dir/$1.yaml" >"$dir/$1.look.out" 2>&1
    rc=$?
    same "$1: a look ends with" "$2" "$rc"
    has "$1: a look says it too" "$3" "$dir/$1.look.out"
    [ $((SECONDS - begin)) -le $((12 * slack)) ] || bad "$1: a look took $((SECONDS - begin)) s"
}
lets_in() { # NAME BROKER OPTIONS
    manifest "$@"
    look "$1" 0 'source (kafka): ok: topic .*: 2 partitions, 1 broker$'
    flow "$1" 0
    same "$1" 100 "$(wc -l <"$dir/$1.jsonl")"
}
refuses() { # NAME BROKER OPTIONS WORDS: ends by itself and says them
    local begin=$SECONDS
    manifest "$1" "$2" "$3"
    flow "$1" 1
    has "$1" "$4" "$dir/$1.out"
    [ $((SECONDS - begin)) -le $((10 * slack)) ] || bad "$1: only after $((SECONDS - begin)) s"
    look "$1" 1 "source (kafka): .*$4"
}
warns() { # NAME BROKER OPTIONS WORDS: says them and tries on
    manifest "$1" "$2" "$3"
    start "$1"
    until_true 10 grep -q -e "$4" "$dir/$1.out"
    has "$1" "$4" "$dir/$1.out"
    kill -KILL "$pid"
    wait "$pid" 2>/dev/null
    look "$1" 1 "source (kafka): .*$4"
}

# ---- TLS ------------------------------------------------------------------------------------------
trust="caFile: $certs/ca.pem"
lets_in tls "$DF_KAFKA_TLS" "securityProtocol: ssl, tls: {$trust}"
lets_in 'insecure' "$DF_KAFKA_TLS" "tls: {insecureSkipVerify: true}"
has 'insecure warns' 'not verified' "$dir/insecure.out"
start insecure insecure.m --metrics-port 127.0.0.1:0
until_true 20 metric_is insecure.m dataflow_kafka_tls_unverified 1 && ok 'and is a metric' || bad 'no metric says so'
end "$pid" 20
refuses another_ca "$DF_KAFKA_TLS" "tls: {caFile: $certs/other.pem}" 'is not signed by a certificate that is trusted'
refuses 'ca_wins_over_insecure' "$DF_KAFKA_TLS" "tls: {insecureSkipVerify: true, caFile: $certs/other.pem}" 'is not signed by'
refuses expired "$DF_KAFKA_EXPIRED" "tls: {$trust}" 'has expired; renew it'
refuses host "localhost:${DF_KAFKA_TLS#*:}" "tls: {$trust}" 'is for another host'
refuses no_file "$DF_KAFKA_TLS" "tls: {caFile: $certs/none.pem}" 'tls.ca: .*none.pem cannot be read: No such file'
refuses no_pem "$DF_KAFKA_TLS" "tls: {caFile: $certs/log}" 'the certificates to trust cannot be read as PEM'
warns plain_to_tls "$DF_KAFKA_TLS" 'format: json' 'perhaps this port wants TLS: give the block tls'
warns tls_to_plain "$DF_KAFKA" "tls: {$trust}" 'broke TLS off'

# ---- what a look finds ----------------------------------------------------------------------------
warns advertised "$DF_KAFKA_LOST" 'format: json' \
    "$DF_KAFKA_LOST answers and says that .*broker.* is at localhost:1 (its advertised.listeners), and there it is not reached: nobody listens there"
manifest nobody 127.0.0.1:1 'format: json'
look nobody 1 'no broker of 127.0.0.1:1 can be reached: broker 127.0.0.1:1: nobody listens there'
manifest missing "$DF_KAFKA" 'format: json'
sed -i "s/$(name_of in)/$(name_of none)/" "$dir/missing.yaml"
look missing 1 "topic $(name_of none) does not exist on $DF_KAFKA; create it"
look missing 1 'does not exist' # it was not made by asking
{ source_of in looker; sink_to none; } >"$dir/missing_sink.yaml"
look missing_sink 1 "sink (kafka): topic $(name_of none) does not exist"
look missing_sink 1 'source (kafka): ok'
{ source_of in looker; sink_to none 'topicCreate: {}'; } >"$dir/made.yaml"
look made 0 "sink (kafka): ok: topic $(name_of none): is not there, a run makes it, 1 broker;"
look missing 1 'does not exist' # nor was it made by that
same 'no offset is stored' '{"0":-1,"1":-1}' "$(offsets "$run.looker" in)"

# ---- client certificates: files, and texts with a chain, of which no file is left behind ----------------
mine="certFile: $certs/client.pem, keyFile: $certs/client.key"
lets_in mtls "$DF_KAFKA_MTLS" "tls: {$trust, $mine}"
lets_in mtls_text "$DF_KAFKA_MTLS" "tls: {ca: '\${file:$certs/ca.pem}', cert: '\${file:$certs/client.pem}', key: '\${file:$certs/client.key}'}"
refuses no_certificate "$DF_KAFKA_MTLS" "tls: {$trust}" 'wants a client certificate'
refuses no_chain "$DF_KAFKA_MTLS" "tls: {$trust, certFile: $certs/lone.pem, keyFile: $certs/client.key}" 'intermediate certificates stand after it'
refuses old "$DF_KAFKA_MTLS" "tls: {$trust, certFile: $certs/expired.pem, keyFile: $certs/expired.key}" 'does not accept the client.s certificate: it has expired'
refuses other_key "$DF_KAFKA_MTLS" "tls: {$trust, certFile: $certs/client.pem, keyFile: $certs/stranger.key}" 'the key does not belong to'

# ---- certificates that end: a metric, and a warning before ------------------------------------------------
ends() { date -u -d "$(openssl x509 -in "$1" -noout -enddate | cut -d= -f2)" +%s; }
expires() { curl -s -m 5 "$(grep -o 'http://[^/ "]*' "$dir/$1.out" | head -n 1)/metrics" | sed -n "s/^dataflow_kafka_certificate_expires_timestamp_seconds{.*certificate=\"$2\"} //p" | head -n 1; }
expires_is() { [ "$(expires "$1" "$2")" = "$3" ]; }
(
    mkdir "$dir/ca" && cd "$dir/ca" && : >index
    printf '%s\n' '[ca]' 'default_ca = c' '[c]' 'database = index' 'new_certs_dir = .' 'rand_serial = yes' 'default_md = sha256' 'policy = p' '[p]' 'commonName = supplied' >conf
    openssl req -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -subj /CN=client -keyout soon.key -out soon.csr &&
        openssl ca -batch -config conf -in soon.csr -cert "$certs/middle.pem" -keyfile "$certs/middle.key" -notext -out soon.pem \
            -startdate "$(date -u -d '-80 days' +%Y%m%d%H%M%SZ)" -enddate "$(date -u -d '+10 days 1 hour' +%Y%m%d%H%M%SZ)" && cat "$certs/middle.pem" >>soon.pem
    for root in ended:-1 next:20; do # of the CA: the name, and the days that are left
        openssl req -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -subj "/CN=${root%:*}" -keyout root.key -out root.csr &&
            openssl ca -batch -config conf -selfsign -in root.csr -keyfile root.key -notext -out "${root%:*}.pem" \
                -startdate "$(date -u -d '-3000 days' +%Y%m%d%H%M%SZ)" -enddate "$(date -u -d "${root#*:} days 1 hour" +%Y%m%d%H%M%SZ)"
    done
    cat ended.pem "$certs/ca.pem" >still.pem && cat ended.pem next.pem "$certs/ca.pem" >list.pem
) >"$dir/ca.log" 2>&1 || bad "openssl ca: $(tail -n 3 "$dir/ca.log")"
soon="certFile: $dir/ca/soon.pem, keyFile: $dir/ca/soon.key"
lets_in soon "$DF_KAFKA_MTLS" "tls: {$trust, $soon}"
has 'a certificate that ends soon: told' 'warn.*the certificate of the client ends at 20.*Z (10 days): renew it' "$dir/soon.out"
has 'by a look too' 'the certificate of the client ends at 20.*(10 days): renew it' "$dir/soon.look.out"
same 'one that does not: nothing' '' "$(grep 'the certificate of the' "$dir"/mtls*.out "$dir"/tls.out)"
for form in file text; do
    manifest soon.$form "$DF_KAFKA_MTLS" "tls: {$trust, $soon}"
    [ $form = text ] && sed -i "s|certFile: \([^,]*\), keyFile: \([^}]*\)|cert: '\${file:\1}', key: '\${file:\2}'|" "$dir/soon.$form.yaml"
    start soon.$form soon.$form --metrics-port 127.0.0.1:0
    until_true 20 expires_is soon.$form broker "$(ends "$certs/server.pem")" && ok "$form: when the broker's ends" || bad "$form, broker: $(expires soon.$form broker)"
    same "$form: when the client's ends" "$(ends "$dir/ca/soon.pem")" "$(expires soon.$form client)"
    end "$pid" 20
done
{ source_of in sink_soon; sink_to soon "tls: {$trust, $soon}" | sed "s|brokers: \"[^\"]*\"|brokers: \"$DF_KAFKA_MTLS\"|"; } >"$dir/sink_soon.yaml"
flow sink_soon 0
has 'a sink tells it' 'sink_soon/sink: the certificate of the client ends at' "$dir/sink_soon.out"
for form in still list; do # a CA that has ended, and one that ends soon
    manifest $form "$DF_KAFKA_TLS" "tls: {caFile: $dir/ca/$form.pem}"
    start $form $form --metrics-port 127.0.0.1:0
    [ $form = list ] && due=$dir/ca/next.pem || due=$certs/ca.pem
    until_true 20 expires_is $form ca "$(ends "$due")" && ok "$form: when the CA's ends" || bad "$form, CA: $(expires $form ca)"
    end "$pid" 20
done
has 'a CA that ends soon: told' 'warn.*the certificate of the CA ends at 20.*Z (20 days): renew it' "$dir/list.out"
same 'one that has ended beside one that has not: nothing' '' "$(grep 'the certificate of the' "$dir/still.out")"

# ---- users ------------------------------------------------------------------------------------------
export PASSWORD=alice-pw
lets_in plain "$DF_KAFKA_SASL" "sasl: {username: alice, password: '\${env:PASSWORD}'}"
lets_in plain_tls "$DF_KAFKA_SASLTLS" "securityProtocol: sasl-ssl, tls: {$trust}, sasl: {mechanism: PLAIN, username: alice, password: alice-pw}"
lets_in scram_256 "$DF_KAFKA_SASLTLS" "tls: {$trust}, sasl: {mechanism: scram_sha-256, username: bob, password: bob-pw}"
lets_in scram_512 "$DF_KAFKA_SASL" "sasl: {mechanism: SCRAM-SHA-512, username: carol, password: carol-pw}"
refuses password "$DF_KAFKA_SASL" 'sasl: {username: alice, password: wrong-pw}' 'check user and password'
refuses password_scram "$DF_KAFKA_SASL" 'sasl: {mechanism: scram-sha-512, username: carol, password: wrong-pw}' 'check user and password; a broker of Kafka 4'
refuses no_user "$DF_KAFKA_SASL" 'sasl: {mechanism: scram-sha-512, username: nobody, password: wrong-pw}' 'check user and password'
refuses no_right "$DF_KAFKA_SASL" 'sasl: {username: guest, password: guest-pw}' 'give this client the right'
refuses user_to_plain "$DF_KAFKA" 'sasl: {username: alice, password: alice-pw}' 'this port wants no user'
warns plain_to_user "$DF_KAFKA_SASL" 'format: json' 'this port wants a user: give the block sasl'
# guest may write the topic, which is not there, and not create it.
set -f
$DF_KAFKA_JAVA kafka.admin.AclCommand --bootstrap-server "$DF_KAFKA" --add --allow-principal User:guest \
    --operation Write --operation Describe --topic "$(name_of made)" >"$dir/acls.log" 2>&1 || bad "acls: $(tail -n 3 "$dir/acls.log")"
set +f
{ source_of in made; sink_to made "topicCreate: {partitions: 2}, sasl: {username: guest, password: guest-pw}"; } |
    sed "s|\(sink: .*brokers: \)\"[^\"]*\"|\1\"$DF_KAFKA_SASL\"|" >"$dir/no_create.yaml"
flow no_create 1
has no_create 'it may not create it: give it the right CREATE' "$dir/no_create.out"
same 'no password in any output' '' "$(grep -l -e '[a-z]*-pw' "$dir"/*.out)"

# ---- rights of exactly-once, one after the other: what is missing is named, nothing is written meanwhile -------
may() { # OPTIONS of the tool for ACLs
    set -f
    $DF_KAFKA_JAVA kafka.admin.AclCommand --bootstrap-server "$DF_KAFKA" --add --allow-principal User:guest "$@" >"$dir/acls.log" 2>&1 ||
        bad "acls: $(tail -n 3 "$dir/acls.log")"
    set +f
}
topic exact
{ echo 'deliveryGuarantee: exactlyOnce'; source_of in exact
  sink_to exact "transactionalId: $run.tx, sasl: {username: guest, password: guest-pw}"; } |
    sed "s|\(sink: .*brokers: \)\"[^\"]*\"|\1\"$DF_KAFKA_SASL\"|" >"$dir/exact.yaml"
lacks() { # WORDS
    flow exact 1
    has "exactly once: $1" "$1" "$dir/exact.out"
}
lacks 'the right to write with the transactionalId'
may --operation Write --operation Describe --topic "$(name_of exact)" --transactional-id "$run.tx"
lacks 'the right to read with this consumerGroup'
same 'exactly once: nothing was written' '' "$(kcat -b "$DF_KAFKA" -C -e -q -X isolation.level=read_committed -t "$(name_of exact)")"
may --operation Read --group "$run.exact" --topic "$(name_of in)"
flow exact 0
same 'exactly once: with all of them, all of it' 100 "$(kcat -b "$DF_KAFKA" -C -e -q -X isolation.level=read_committed -t "$(name_of exact)" | wc -l)"

# ---- the sample, all of whose secrets are references -----------------------------------------------------
mkdir -p "$dir/secrets/kafka" "$dir/secrets/kafka-client"
cp "$certs/ca.pem" "$dir/secrets/kafka/ca.crt"
cp "$certs/client.pem" "$dir/secrets/kafka-client/tls.crt"
cp "$certs/client.key" "$dir/secrets/kafka-client/tls.key"
printf carol >"$dir/secrets/kafka/user"
printf carol-pw >"$dir/secrets/kafka/password"
topic secured
sed -e "s|localhost:9094|$DF_KAFKA_SASLTLS|; s|localhost:9095|$DF_KAFKA_MTLS|; s|consumerGroup: .*|consumerGroup: $run.sample|" \
    -e "s|topic: orders$|topic: $(name_of in)|; s|topic: orders-secure|topic: $(name_of secured)|" "$examples/kafka-secure.yaml" >"$dir/sample.yaml"
dfproc validate --connect "$dir/sample.yaml" --secrets-dir "$dir/secrets" >"$dir/sample.look.out" 2>&1
same 'the sample: a look' 0 $?
flow sample 0 --secrets-dir "$dir/secrets"
same 'the sample: all of it' 100 "$(dump secured | grep -c .)"
printf wrong-pw >"$dir/secrets/kafka/password"
flow sample 1 --secrets-dir "$dir/secrets"
has 'the sample: a wrong password by reference' 'check user and password' "$dir/sample.out"
rm "$dir/secrets/kafka-client/tls.key"
flow sample 1 --secrets-dir "$dir/secrets"
has 'the sample: a secret without the key' 'tls.key' "$dir/sample.out"
same 'no secret in any output' '' "$(grep -l -e '[a-z]*-pw' -e 'PRIVATE KEY' "$dir"/*.out)"

# ---- what changes is read again -------------------------------------------------------------------------
# The broker takes another password and other client certificates from now on. Its clients notice when it
# refuses them: source and sink read what is there by then, and no record is missing.
topic out 2
mkdir "$dir/own"
cp "$certs/ca.pem" "$dir/own/"
cp "$certs/client.pem" "$dir/own/cert.pem"
cp "$certs/client.key" "$dir/own/key.pem"
printf alice-pw >"$dir/own/password"
cat >"$dir/changes.yaml" <<END
source: {type: kafka, config: {brokers: "$DF_KAFKA_SASLTLS", topic: $(name_of in), consumerGroup: $run.changes,
  tls: {$trust}, sasl: {username: alice, password: "\${file:$dir/own/password}"}}}
sink: {type: kafka, config: {brokers: "$DF_KAFKA_MTLS", topic: $(name_of out),
  tls: {$trust, cert: "\${file:$dir/own/cert.pem}", keyFile: $dir/own/key.pem}}}
END
numbers() { dump out | grep -o '[{][\\]*"n[\\]*":[0-9]*' | cut -d: -f2 | sort -nu; }
arrived() { [ "$(numbers | wc -l)" = "$1" ]; }
start changes
until_true 30 arrived 100 || bad 'the flow with certificates and password does not begin'
sed -i 's/user_alice="alice-pw"/user_alice="changed-pw"/' "$folder"/kafka/server.1.properties
cp "$certs/other.pem" "$certs/client-ca.pem"
echo "listener.name.mtls.ssl.truststore.type=PEM
listener.name.mtls.ssl.truststore.location=$certs/client-ca.pem" >>"$folder/kafka/server.1.properties"
"$bed/kafka" restart --dir "$folder/kafka" >/dev/null
until_true 30 grep -q 'check user and password' "$dir/changes.out"
has 'the old password is refused' 'check user and password' "$dir/changes.out"
lines 101 200
sleep 1
ours "$pid" && ok 'the flow waits' || bad "the flow ended: $(tail -n 2 "$dir/changes.out")"
cp "$certs/stranger.pem" "$dir/own/cert.pem" # for a moment the pair does not fit
sleep 1
cp "$certs/stranger.key" "$dir/own/key.pem"
printf changed-pw >"$dir/own/password"
until_true 60 arrived 200 && ok 'and goes on with the new ones' || { bad 'it does not go on'; tail -n 5 "$dir/changes.out" | cut -c1-300; }
end "$pid" 20
same 'it ends in order' 0 "$code"
same 'no record is missing' "$(seq 200 | paste -sd,)" "$(numbers | paste -sd,)"

# ---- rules ----------------------------------------------------------------------------------------------
rule() { # OPTIONS WORDS
    manifest rule h:1 "$1"
    dfproc validate "$dir/rule.yaml" >"$dir/rule.out" 2>&1
    has "$1" "$2" "$dir/rule.out"
}
rule 'securityProtocol: PLAINTEXT, tls: {}' 'securityProtocol: PLAINTEXT goes without tls'
rule 'securityProtocol: SSL' 'securityProtocol: SSL needs the block tls'
rule 'securityProtocol: SSL, tls: {}, sasl: {username: u, password: p}' 'securityProtocol: SSL goes without sasl'
rule 'securityProtocol: SASL_SSL, tls: {}' 'securityProtocol: SASL_SSL needs the block sasl'
rule 'securityProtocol: tls' 'is not a protocol'
rule 'sasl: {username: u}' '"password" or "passwordSecretRef" is required'
rule 'sasl: {mechanism: gssapi, username: u, password: p}' 'is not a mechanism'
rule 'tls: {certFile: c.pem}' 'a client certificate needs keyFile'
rule 'properties: {sasl.password: x}' 'use the option sasl.password'
finish
