#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# ctest: timeout=240
# OAUTHBEARER: access tokens of a token endpoint let source, sink and a look in; they are renewed before
# they end, also while nothing flows, and kept while the endpoint is away; no secret is in any output.
bed=${DF_BED:-$(dirname "$0")/../../bed}
folder=$(mktemp -d)
trap '[ "$BASHPID" = $$ ] && { "$bed/kafka" stop --dir "$folder/kafka"; rm -rf "$folder"; }' EXIT
"$bed/kafka" start --dir "$folder/kafka" --parent $$ --secure >"$folder/env" || exit 1
set -a
. "$folder/env"
set +a
. "$(dirname "$0")/../kafka_lib.sh"
trap '[ "$BASHPID" = $$ ] && { leave; "$bed/kafka" stop --dir "$folder/kafka"; rm -rf "$folder"; }' EXIT

# The token endpoint: what it does stands in $dir/does (ok, 503), each token is a line in $dir/tokens.
cat >"$dir/endpoint.py" <<'END'
import base64, http.server, json, os, sys, time, urllib.parse
folder = sys.argv[1]
def part(value): return base64.urlsafe_b64encode(json.dumps(value).encode()).rstrip(b"=").decode()
class Endpoint(http.server.BaseHTTPRequestHandler):
    def log_message(self, *_): pass
    def reply(self, status, body):
        text = json.dumps(body).encode()
        self.send_response(status)
        self.send_header("content-type", "application/json")
        self.send_header("content-length", str(len(text)))
        self.end_headers()
        self.wfile.write(text)
    def do_POST(self):
        form = urllib.parse.parse_qs(self.rfile.read(int(self.headers["content-length"])).decode())
        basic = base64.b64decode(self.headers["authorization"].split()[1]).decode()
        who, secret = map(urllib.parse.unquote, basic.split(":"))
        if open(folder + "/does").read().strip() != "ok":
            open(folder + "/missed", "a").write("x\n")
            return self.reply(503, {})
        if (who, secret) != ("flow 7", "s3cret:%/"):
            return self.reply(401, {"error": "invalid_client", "error_description": secret})
        if form["grant_type"] != ["client_credentials"] or form.get("scope") != ["kafka records"]:
            return self.reply(400, {"error": "invalid_scope"})
        now, life = int(time.time()), 20
        claims = {"sub": "dave", "iat": now, "exp": now + life, "scope": ["kafka"]}
        open(folder + "/tokens", "a").write("%d\n" % now)
        self.reply(200, {"access_token": part({"alg": "none"}) + "." + part(claims) + ".",
                         "token_type": "Bearer", "expires_in": life})
server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Endpoint)
open(folder + "/port.new", "w").write(str(server.server_port))
os.rename(folder + "/port.new", folder + "/port")
server.serve_forever()
END
echo ok >"$dir/does"
: >"$dir/tokens" >"$dir/missed"
python3 "$dir/endpoint.py" "$dir" &
flows+=($!)
until_true 20 test -e "$dir/port" || bad 'the token endpoint does not start'
url=http://127.0.0.1:$(cat "$dir/port")/token

topic in 2 && topic out 2
lines() { seq "$1" "$2" | sed 's/.*/{"n":&}/' | kcat -b "$DF_KAFKA" -P -t "$(name_of in)"; }
numbers() { dump out | grep -o '[{][\\]*"n[\\]*":[0-9]*' | cut -d: -f2 | sort -nu; }
arrived() { [ "$(numbers | wc -l)" = "$1" ]; }
tokens() { wc -l <"$dir/tokens"; }
more_tokens() { [ "$(tokens)" -ge "$1" ]; }
export CLIENT_SECRET='s3cret:%/'
sasl() { echo "sasl: {mechanism: oauthbearer, tokenEndpointURL: \"$url\", clientID: flow 7, clientSecret: '$1', scope: ${2:-kafka records}}"; }
flow_of() { # NAME SASL
    cat >"$dir/$1.yaml" <<END
source: {type: kafka, config: {brokers: "$DF_KAFKA_OAUTH", topic: $(name_of in), consumerGroup: $run.$1, $2}}
sink: {type: kafka, config: {brokers: "$DF_KAFKA_OAUTH", topic: $(name_of out), $2}}
END
}
look() { # NAME CODE WORDS
    timeout --foreground 60 dfproc validate --connect "$dir/$1.yaml" >"$dir/$1.look.out" 2>&1
    same "$1: a look ends with" "$2" $?
    has "$1: a look says" "$3" "$dir/$1.look.out"
}

flow_of good "$(sasl '${env:CLIENT_SECRET}')"
look good 0 'source (kafka): ok'
look good 0 'sink (kafka): ok'
flow_of secret "$(sasl wrong-s3cret)"
look secret 1 'refuses the client (invalid_client): check id and secret'
flow secret 1
has 'a run says the same' 'refuses the client (invalid_client): check id and secret' "$dir/secret.out"
flow_of scope "$(sasl '${env:CLIENT_SECRET}' other)"
look scope 1 'does not give this scope'
echo 503 >"$dir/does"
look good 1 'the token endpoint http://127.0.0.1:[0-9]*/token answers with status 503'
echo ok >"$dir/does"

# ---- a run, that is idle for longer than a token lives, and without an endpoint for some of it ---------
lines 1 100
start good
until_true 40 arrived 100 && ok 'the flow writes' || bad "the flow does not begin: $(tail -n 3 "$dir/good.out")"
had=$(tokens)
until_true 60 more_tokens $((had + 2)) && ok 'tokens are renewed while nothing flows' || bad 'no token is renewed'
: >"$dir/missed"
echo 503 >"$dir/does"
until_true 40 test -s "$dir/missed" && ok 'the endpoint is asked while it is away' || bad 'nobody asks'
lines 101 150
until_true 15 arrived 150 && ok 'records flow while it is away' || bad 'no record flows while the endpoint is away'
echo ok >"$dir/does"
had=$(tokens)
until_true 40 more_tokens $((had + 2)) && ok 'and renewed when the endpoint is back' || bad 'no token is renewed after that'
lines 151 200
until_true 30 arrived 200 && ok 'records flow' || bad "records do not flow: $(tail -n 3 "$dir/good.out")"
ours "$pid" && ok 'the flow runs' || bad "the flow ended: $(tail -n 2 "$dir/good.out")"
end "$pid" 20
same 'it ends in order' 0 "$code"
same 'every record is there' "$(seq 200 | paste -sd,)" "$(numbers | paste -sd,)"
same 'no secret in any output' '' "$(grep -l -e 's3cret' -e 'eyJ' "$dir"/*.out)"
finish
