#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# ctest: timeout=900
# ctest: no-servers
# A real Keycloak whose tokens live four seconds, and a real Trino that asks for them: statements of which none fails, a
# client's secret that changes, a refresh token that dies, a Keycloak that is away, a token that is given and ends, a user
# who may not be impersonated; and no secret in what is told. All flows at the same time.
# DF_TOKEN_SECONDS: how long the first flow is kept up (10; by hand 600).
# Skipped where Keycloak or Trino cannot be had.
. "$(dirname "$0")/../../support/script.sh"
bed=${DF_BED:-$(dirname "$0")/../../bed}
for server in keycloak trino; do "$bed/$server" fetch >&2 || { echo "skipped: $server cannot be had" && exit 77; }; done
dir=$(mktemp -d)
leave() {
    [ "$BASHPID" = $$ ] || return
    local pid
    for pid in "${pids[@]}"; do ours "$pid" && kill -KILL "$pid"; done
    wait 2>/dev/null
    "$bed/trino" stop --dir "$dir/trino"
    "$bed/keycloak" stop --dir "$dir/keycloak"
    rm -rf "$dir"
}
declare -A pids=()
trap leave EXIT
set -a
"$bed/keycloak" start --dir "$dir/keycloak" --parent $$ >"$dir/env" && . "$dir/env" || exit 1
"$bed/trino" start --dir "$dir/trino" --parent $$ --realm "$DF_KEYCLOAK/realms/test" >"$dir/env" && . "$dir/env" || exit 1
set +a
export NO_COLOR=1
seconds=${DF_TOKEN_SECONDS:-10}
sql() { python3 "$(dirname "$0")/../../support/trino_sql.py" "$DF_TRINO" memory default "$1" | tr -d '[]'; }
free_port() { perl -MIO::Socket::INET -e 'print IO::Socket::INET->new(LocalAddr => "127.0.0.1", Proto => "tcp", Listen => 1)->sockport'; }

# ---- flows ---------------------------------------------------------------------------------------
# manifest NAME "count: N, rate: N" LINES…: generated rows into the table NAME; lines are further options
manifest() {
    {
        echo "source: {type: generate, config: {$2, template: '{\"id\":\${seq}}'}}"
        printf '%s\n' "sink:" "  type: trino" "  config:"
        printf '    %s\n' "serverURL: \${env:DF_TRINO_TLS}" "tls: {caFile: $DF_TRINO_CA}" "catalog: memory" "schema: default" \
            "table: $1" "${@:3}"
        echo "errors: {type: stdio, config: {path: $dir/$1.errors}}"
    } >"$dir/$1.yaml"
}
by() { echo "keycloak: {serverURL: '${2:-$DF_KEYCLOAK}', realm: test, clientID: $1, clientSecret: '${3:-first-secret}'${4:-}}"; } # CLIENT [URL] [SECRET] [MORE]
begin() { # NAME OPTIONS…
    [ -e "$dir/made.$1" ] || sql "CREATE TABLE $1 (id bigint)"
    touch "$dir/made.$1"
    dfproc run "$dir/$1.yaml" --state-dir "$dir/state.$1" --log-level debug "${@:2}" >"$dir/$1.log" 2>&1 &
    pids[$1]=$!
}
rows() { sql "SELECT count(*) FROM $1"; }
more_than() { [ "$(rows "$1")" -gt "$2" ]; } # NAME ROWS
goes_on() { until_true 120 more_than "$1" "$(rows "$1")" || bad "$1: $2"; } # NAME WHAT
told() { until_true 120 grep -q "$2" "$dir/$1" || bad "$1 does not have: $2"; } # FILE TEXT
ends() { # NAME: stopped in order, each row that it read once
    kill -TERM "${pids[$1]}" 2>/dev/null
    wait "${pids[$1]}" || bad "$1: exit code $?"
    local sent
    sent=$(tail -n 1 "$dir/$1.log" | grep -o '"sent":[0-9]*' | cut -d: -f2)
    same "$1: every row that was read" "$sent $sent 0" "$(sql "SELECT count(DISTINCT id), max(id) + 1, min(id) FROM $1" | tr -d ,)"
}
evidence=()

port=$(free_port) way=$(free_port)
faultproxy run "$port" "${DF_KEYCLOAK##*:}" "$way" 1 &
pids[proxy]=$!
until_true 10 faultproxy tell "$way" stat >/dev/null 2>&1 || bad 'no proxy'
metrics=$(free_port)
printf first-secret >"$dir/secret"
alice_by() { # CLIENT: the file of `given` gets a token of alice
    curl -s -u "$1:first-secret" -d 'grant_type=password&username=alice&password=alice-word' \
        "$DF_KEYCLOAK/realms/test/protocol/openid-connect/token" |
        python3 -c 'import json, sys; print(json.load(sys.stdin)["access_token"], end="")' >"$dir/new" && mv "$dir/new" "$dir/token"
}
alice_by lasting
manifest loaded "count: $((seconds * 10)), rate: 10" "$(by dataflow)" 'batchSize: 2'
manifest rotated 'rate: 2' "$(by other '' "\${file:$dir/secret}")"
manifest alice 'rate: 2' "$(by third '' '' ', username: alice, password: alice-word')"
manifest away 'rate: 2' "$(by third "http://127.0.0.1:$port")"
manifest given 'rate: 2' "keycloak: {token: '\${file:$dir/token}'}"
begin loaded --until-exhausted --metrics-port "127.0.0.1:$metrics"
for name in rotated alice away given; do begin $name; done
for name in loaded rotated alice away given; do until_true 120 more_than $name 0 || bad "$name: no rows"; done

# ---- what happens to their tokens ----------------------------------------------------------------
admin() { # METHOD PATH
    local token
    token=$(curl -s -d 'grant_type=password&client_id=admin-cli&username=admin&password=admin-word' \
        "$DF_KEYCLOAK/realms/master/protocol/openid-connect/token" | grep -o '"access_token":"[^"]*' | cut -d'"' -f4)
    curl -s -X "$1" -H "Authorization: Bearer $token" "$DF_KEYCLOAK/admin/realms/test/$2"
}
id_at() { python3 -c 'import json, sys; print(json.load(sys.stdin)[0]["id"])'; }
events() { grep -c "org.keycloak.events.*type=\"$1\".*clientId=\"$2\"" "$dir/keycloak/log"; } # TYPE CLIENT

faultproxy tell "$way" down >/dev/null
alice_by dataflow
kill -HUP "${pids[given]}"
told given.log 'does not let us in'
alice_by lasting
goes_on given 'a fresh token in the file is not taken'
ok 'a token that ended, and a fresh one in its file'

refreshed() { [ "$(events REFRESH_TOKEN third)" -gt 0 ]; }
until_true 120 refreshed || bad 'the refresh token is not used'
logins=$(events LOGIN third)
alice=$(admin GET 'users?username=alice' | id_at)
in_again() { # after an answer of 401 it logs in by itself: so each of its sessions is ended
    admin POST "users/$alice/logout"
    [ "$(events REFRESH_TOKEN_ERROR third)" -gt 0 ] && [ "$(events LOGIN third)" -gt "$logins" ]
}
until_true 120 in_again || bad 'no new login after the refresh token was refused'
goes_on alice 'stands still after its refresh token was refused'
ok 'a refresh token that died: logged in again'

secret=$(admin POST "clients/$(admin GET 'clients?clientId=other' | id_at)/client-secret" | grep -o '"value":"[^"]*' | cut -d'"' -f4)
[ "${#secret}" -gt 10 ] || bad 'Keycloak makes no other secret'
told rotated.log unauthorized_client
printf %s "$secret" >"$dir/new" && mv "$dir/new" "$dir/secret"
goes_on rotated 'the new secret is not taken'
ok 'a secret that changed, first at Keycloak and then in its file'

told away.log 'token endpoint'
faultproxy tell "$way" pass >/dev/null
goes_on away 'stands still after Keycloak is back'
ok 'Keycloak was away for longer than a token lives'

# ---- who asks, and what is told ------------------------------------------------------------------
look() { timeout 120 dfproc validate --connect "$dir/$1.yaml" >"$dir/$1.log" 2>&1 && bad "$1: taken"; }
sql 'CREATE TABLE other (id bigint)'
manifest other 'count: 1' "$(by dataflow)" 'user: dataflow-operator'
look other
for word in service-account-dataflow 'cannot impersonate user dataflow-operator' 'leave `user` out'; do
    grep -qF "$word" "$dir/other.log" || bad "a user that may not be impersonated: $word is not in $(grep sink "$dir/other.log")"
done
curl -s "http://127.0.0.1:$metrics/metrics" >"$dir/metrics.log"

# ---- each to its end -----------------------------------------------------------------------------
for name in rotated alice away given; do ends $name; done
wait "${pids[loaded]}" || bad "loaded: exit code $?"
same 'loaded: each row once' "$((seconds * 10)) $((seconds * 10))" "$(sql 'SELECT count(*), count(DISTINCT id) FROM loaded' | tr -d ,)"
same 'no statement of it failed' 0 "$(sql "SELECT count(*) FROM system.runtime.queries WHERE state = 'FAILED' AND \"user\" = 'service-account-dataflow'")"
tokens=$(events CLIENT_LOGIN dataflow) took=$(tail -n 1 "$dir/loaded.log" | grep -o '"seconds":[0-9]*' | cut -d: -f2)
echo "figure  $took s, $tokens tokens, $(sql "SELECT count(*) FROM system.runtime.queries WHERE \"user\" = 'service-account-dataflow'") statements, $(grep -c $'\t401\t' "$dir/trino/var/log/http-request.log") answers of 401 to all"
[ "$tokens" -gt 2 ] && [ "$tokens" -lt $((took + 5)) ] && ok 'with several tokens, and not one for each' || bad "$tokens tokens in $took s"
hidden=(first-secret alice-word "$secret" eyJ "$(printf dataflow:first-secret | base64)" "$(printf "other:$secret" | base64 | cut -c1-40)")
found=$(for word in "${hidden[@]}"; do grep -lF -e "$word" "$dir"/*.log "$dir"/*.errors; done 2>/dev/null | sed "s|.*/||" | sort -u | paste -sd' ')
same 'no secret and no token in logs, metrics and refused records' '' "$found"
finish
