# SPDX-License-Identifier: Apache-2.0
# kafka-secure.sh: what `tests/bed/kafka start --secure` adds: certificates, users, and listeners that
# ask for them. Sourced by tests/bed/kafka.
#
# In $dir/certs: ca.pem (signs the brokers and, through middle.pem, the clients), client.pem (leaf and
# intermediate) with client.key, lone.pem (the leaf alone), expired.pem with expired.key, other.pem
# (another CA), stranger.pem with stranger.key (signed by that one).
# Users: alice/alice-pw and guest/guest-pw (PLAIN; guest may do nothing), bob/bob-pw (SCRAM-SHA-256),
# carol/carol-pw (SCRAM-SHA-512). The broker's certificate is good for 127.0.0.1 and for --host, not for
# localhost.
# OAUTH takes an unsigned access token (OAUTHBEARER) of the user dave, and cuts connections after 10 s.
# LOST is a listener whose advertised address, localhost:1, leads nowhere.

secure_listeners=(TLS MTLS EXPIRED SASL SASLTLS LOST OAUTH)
secure_protocols=(SSL SSL SSL SASL_PLAINTEXT SASL_SSL PLAINTEXT SASL_PLAINTEXT)
secure_users=(--add-scram 'SCRAM-SHA-256=[name=bob,password=bob-pw]' --add-scram 'SCRAM-SHA-512=[name=carol,password=carol-pw]')

sign() { # NAME CA DAYS SUBJECT EXTENSION: NAME.key, NAME.pem
    openssl req -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -subj "/CN=$4" -keyout "$1.key" -out "$1.csr" &&
        openssl x509 -req -in "$1.csr" -CA "$2.pem" -CAkey "$2.key" -days "$3" -extfile <(echo "$5") -out "$1.pem"
}

make_certificates() (
    mkdir -p "$dir/certs" && cd "$dir/certs" || exit
    {
        for ca in ca other; do
            openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 3650 -subj "/CN=test $ca" \
                -keyout $ca.key -out $ca.pem || exit
        done
        sign middle ca 3650 'test intermediate' basicConstraints=critical,CA:TRUE &&
            sign server ca 3650 broker "subjectAltName=IP:127.0.0.1,IP:$host" &&
            sign late ca -1 broker subjectAltName=IP:127.0.0.1 &&
            sign lone middle 3650 client extendedKeyUsage=clientAuth &&
            sign expired middle -1 client extendedKeyUsage=clientAuth &&
            sign stranger other 3650 client extendedKeyUsage=clientAuth || exit
    } >log 2>&1
    cat lone.pem middle.pem >client.pem
    mv lone.key client.key
    for name in server late; do cat $name.key $name.pem ca.pem >$name.store.pem; done
)

secure_properties() { # ports, one for each listener
    local i name lower listeners='' protocols=''
    for i in "${!secure_listeners[@]}"; do
        listeners+=",${secure_listeners[i]}://$host:$1"
        protocols+=",${secure_listeners[i]}:${secure_protocols[i]}"
        shift
    done
    sed -i "s#^\(listeners=.*\|advertised.listeners=.*\)#\1$listeners#; s#^\(listener.security.protocol.map=.*\)#\1$protocols#
        /^advertised.listeners=/s#LOST://[^,]*#LOST://localhost:1#" "$properties"
    cat >>"$properties" <<-END
	ssl.keystore.type=PEM
	ssl.keystore.location=$dir/certs/server.store.pem
	ssl.truststore.type=PEM
	ssl.truststore.location=$dir/certs/ca.pem
	listener.name.mtls.ssl.client.auth=required
	listener.name.expired.ssl.keystore.type=PEM
	listener.name.expired.ssl.keystore.location=$dir/certs/late.store.pem
	sasl.enabled.mechanisms=PLAIN,SCRAM-SHA-256,SCRAM-SHA-512
	listener.name.oauth.sasl.enabled.mechanisms=OAUTHBEARER
	listener.name.oauth.oauthbearer.connections.max.reauth.ms=10000
	listener.name.oauth.oauthbearer.sasl.jaas.config=org.apache.kafka.common.security.oauthbearer.OAuthBearerLoginModule required unsecuredLoginStringClaim_sub="broker";
	authorizer.class.name=org.apache.kafka.metadata.authorizer.StandardAuthorizer
	super.users=User:ANONYMOUS;User:alice;User:bob;User:carol;User:dave;User:CN=client
	END
    for name in sasl sasltls; do
        lower=listener.name.$name
        cat <<-END
	$lower.plain.sasl.jaas.config=org.apache.kafka.common.security.plain.PlainLoginModule required user_alice="alice-pw" user_guest="guest-pw";
	$lower.scram-sha-256.sasl.jaas.config=org.apache.kafka.common.security.scram.ScramLoginModule required;
	$lower.scram-sha-512.sasl.jaas.config=org.apache.kafka.common.security.scram.ScramLoginModule required;
	END
    done >>"$properties"
}

secure_env() { # ports
    local name
    for name in "${secure_listeners[@]}"; do
        echo "DF_KAFKA_$name=$host:$1"
        shift
    done
    echo "DF_KAFKA_CERTS='$dir/certs'"
    echo "DF_KAFKA_JAVA='$java -Xmx128m -XX:TieredStopAtLevel=1 -cp $home/lib/*'"
}
