#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Runs as root in a clean Debian: /out has wheel and sdist, /prefix the library's headers, /src the sources.
set -u
. /src/tests/support/script.sh
evidence=(/tmp/out)
echo force-unsafe-io >/etc/dpkg/dpkg.cfg.d/fast
apt-get -q update >/tmp/out 2>&1
apt-get -q -y --no-install-recommends install python3-venv </dev/null >/tmp/out 2>&1 || { bad 'Python'; exit 1; }
cd /tmp && python3 -m venv v >out 2>&1 || { bad 'venv'; exit 1; }
v/bin/pip install -q --no-index /out/*.whl >out 2>&1 && ok 'the wheel installs' || { bad 'the wheel installs'; exit 1; }
cat >first.py <<'P'
import dataflow, json

places = {line.split()[-1] for line in open("/proc/self/maps") if "libdataflow" in line or "yyjson" in line}
assert places and all("/v/lib/" in place for place in places), places

@dataflow.transform
def unchanged(record):
    record["kept"] = dataflow.UNCHANGED  # leaves what is there
    record["list"] = [1, dataflow.UNCHANGED]
    record["none"] = dataflow.UNCHANGED

with dataflow.Pipeline.from_yaml("source: {type: host}\ntransformations: [{type: unchanged}]\nsink: {type: host}\n") as p:
    feed, take = p.feed(), p.take()
    p.start()
    feed.send([b'{"kept":1}'])
    feed.close()
    rows = []
    for parcel in take:
        with parcel:
            rows += [bytes(payload) for payload in parcel.payloads()]
    p.wait()
    assert json.loads(rows[0]) == {"kept": 1, "list": [1, None]}, rows
print("unchanged ok")
P
v/bin/python -X faulthandler first.py >out 2>&1; same 'an UNCHANGED value; only what the wheel brought is loaded' 'unchanged ok' "$(tail -n 1 out)"
cat >second.py <<'P'
import dataflow, os, signal, threading, time

def interrupts():
    global first, second
    first = time.monotonic()
    os.kill(os.getpid(), signal.SIGINT)  # a drain, which nobody helps: 20 seconds
    time.sleep(1)
    second = time.monotonic()
    os.kill(os.getpid(), signal.SIGINT)

seen = None
try:
    with dataflow.Pipeline.from_yaml("source: {type: host}\nsink: {type: host}\n") as p:
        feed, take = p.feed(), p.take()
        feed.send([b"1", b"2"])
        threading.Timer(0.5, interrupts).start()
        try:
            p.run()
        except KeyboardInterrupt:
            seen = time.monotonic() - first
            raise
except KeyboardInterrupt:
    print("interrupted", seen < 1, 0 < time.monotonic() - second < 7)
P
v/bin/python -X faulthandler second.py >out 2>&1; same 'Ctrl-C is told, a second one ends the drain at once' 'interrupted True True' "$(tail -n 1 out)"
v/bin/python - >out 2>&1 <<'P'
import dataflow
try:
    dataflow.Pipeline.from_yaml("source: {type: host}\ntransformations: [{type: timezone, config: {timezone: Europe/Berlin, fields: [t]}}]\nsink: {type: host}\n").check()
except dataflow.Error as error:
    print(error)
P
if [ -e /usr/share/zoneinfo/Europe/Berlin ]; then ok 'this Debian has time zones'; else
    same 'that time zones are missing is told' 1 "$(grep -c 'is tzdata installed' out)"; fi
v/bin/python - >out 2>&1 <<'P'
import dataflow
try:
    dataflow.Pipeline.from_yaml("source: {type: kafka, config: {brokers: a, topic: b, consumerGroup: c}}\nsink: {type: host}\n").check()
except dataflow.Error as error:
    print(error)
P
same 'that a client library is missing is told' 1 "$(grep -c 'cannot be used.*librdkafka.so.1' out)"

apt-get -q -y --no-install-recommends install libcurl4 </dev/null >out 2>&1 || bad 'libcurl'
mv /etc/ssl/certs/ca-certificates.crt /tmp/
cat >tls.py <<'P'
import dataflow, socket
server = socket.create_server(("127.0.0.1", 0))
with dataflow.Pipeline.from_yaml("source: {type: generate, config: {count: 1, template: '{}'}}\n"
        "sink: {type: clickhouse, config: {connectionString: 'https://127.0.0.1:%d/', table: t}}\n" % server.getsockname()[1]) as p:
    try:
        p.run(until_exhausted=True)
    except dataflow.Error as error:
        print(type(error).__name__, error)
P
v/bin/python tls.py >out 2>&1
same 'that CA certificates are missing is told' 1 "$(grep -c '^AuthenticationError .*no certificates of authorities are here (/etc/ssl/certs/ca-certificates.crt' out)"
SSL_CERT_FILE=/nowhere/ca.pem v/bin/python tls.py >out 2>&1
same 'SSL_CERT_FILE is honoured: nothing else is trusted then' 1 "$(grep -c '^AuthenticationError .*/nowhere/ca.pem: no certificates of authorities in this file' out)"
mv /tmp/ca-certificates.crt /etc/ssl/certs/

# ---- from the sources -----------------------------------------------------------------------------------
apt-get -q -y --no-install-recommends install gcc libc6-dev python3-dev python3-setuptools python3-wheel pkgconf </dev/null >out 2>&1 || bad 'a compiler'
python3 -m venv --system-site-packages w >out 2>&1
PKG_CONFIG_PATH=$(dirname "$(find /prefix -name libdataflow.pc)") w/bin/pip install -q --no-index --no-build-isolation /out/*.tar.gz >out 2>&1 &&
    ok 'the sdist builds and installs' || bad 'the sdist builds and installs'
v_lib=$(dirname "$(find /prefix -name 'libdataflow.so.0')")
cp -a /yyjson/* /usr/lib/ 2>/dev/null && ldconfig # what the library links is here no package's
apt-get -q -y --no-install-recommends install libyaml-0-2 libjson-c5 </dev/null >out 2>&1
LD_LIBRARY_PATH=$v_lib w/bin/python first.py >out 2>&1
same '  and uses the installed library' 1 "$(grep -c "AssertionError: {.*$v_lib" out)"
exit $failed
