#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# ctest: no-servers
# Certificates of authorities where a system keeps them: in libcurl's own place, in another system's, nowhere. Each in a
# private view of /etc/ssl.
. "$(dirname "$0")/../cli_lib.sh"
[ "$(id -u)" = 0 ] && unshare -m true 2>/dev/null || { echo 'skipped: a private view of /etc/ssl needs root' && exit 77; }
dfproc connectors | grep -qw trino || { echo 'skipped: no connector trino' && exit 77; }
cd "$dir" || exit 1
unset CURL_CA_BUNDLE SSL_CERT_FILE
openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -keyout key.pem -out cert.pem -days 2 -subj /CN=localhost \
    -addext subjectAltName=DNS:localhost >out 2>err || { bad 'a certificate'; exit 1; }
python3 - <<'END' >port 2>requests &
import http.server, ssl
server = http.server.HTTPServer(("localhost", 0), http.server.BaseHTTPRequestHandler)
context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
context.load_cert_chain("cert.pem", "key.pem")
server.socket = context.wrap_socket(server.socket, server_side=True)
print(server.server_port, flush=True)
server.serve_forever()
END
server=$!
trap '[ "$BASHPID" = $$ ] && { kill $server; rm -rf "$dir"; }' EXIT
until_true 20 test -s port || { bad 'the server'; exit 1; }
printf '%s\n' 'source: {type: generate, config: {count: 1}}' \
    "sink: {type: trino, config: {serverURL: 'https://localhost:$(cat port)', catalog: memory, schema: a, table: b}}" >flow.yaml

# seen NAME COMMAND: a look at the server where COMMAND has filled an empty /etc/ssl
seen() {
    : >requests
    run "$1" 1 unshare -m sh -c "mount -t tmpfs none /etc/ssl && mkdir /etc/ssl/certs && { $2; } && exec dfproc validate --connect flow.yaml"
}
reached() { grep -q HTTP requests && ok '  the server was believed' || bad '  the server was believed'; }
seen "where libcurl looks" 'cp cert.pem /etc/ssl/certs/ca-certificates.crt'
reached
seen "where another system keeps them" 'cp cert.pem /etc/ssl/ca-bundle.pem'
reached
seen "another server's" 'openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -keyout /dev/null -out /etc/ssl/cert.pem -subj /CN=x 2>/dev/null -config /dev/null'
grep -q HTTP requests && bad '  no request reaches it' || ok '  no request reaches it'
seen "nowhere" true
grep -q HTTP requests && bad '  no request reaches it' || ok '  no request reaches it'
for word in /etc/ssl/certs/ca-certificates.crt /etc/pki/tls/certs/ca-bundle.crt ca-certificates caFile; do
    grep -q "$word" err || bad "  it does not say $word"
done
exit $failed
