#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# A connection string in a Secret that leads nowhere, and is then set right: the flow, which waits to
# connect, goes on with the new one; nobody has to tell it.
. "$(dirname "$0")/../pg_lib.sh"
sql 'create table late (k int primary key)'
mkdir -p "$dir/secrets/db"
printf '%s' 'postgres://nobody:hidden-word@127.0.0.1:1/x' >"$dir/secrets/db/url"
manifest late
sed -i 's/connectionString:.*/connectionStringSecretRef: {name: db, key: url}/' "$dir/late.yaml"
printf '{"k":%d}\n' 1 2 3 >"$dir/late.jsonl"
timeout --foreground -k 5 60 dfproc run --until-exhausted --secrets-dir "$dir/secrets" "$dir/late.yaml" >"$dir/out" 2>&1 &
flow=$!
until grep -q 'cannot connect' "$dir/out" || ! kill -0 $flow 2>/dev/null; do sleep 0.1; done
printf '%s' "$PG_TEST_URL" >"$dir/secrets/db/new" && mv "$dir/secrets/db/new" "$dir/secrets/db/url"
wait $flow
same 'it ends well' 0 $?
same 'all rows' 3 "$(sql 'select count(*) from late')"
grep -q hidden-word "$dir/out" && bad 'the old password is shown'
finish
