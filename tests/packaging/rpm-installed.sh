#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Runs as root in a clean Debian with rpm: /packages, /next and /src as for deb-installed.sh. Libraries under the
# connectors are Debian's, so rpm is told not to ask for packages (--nodeps).
set -u
. /src/tests/support/script.sh
evidence=(/tmp/out)
echo force-unsafe-io >/etc/dpkg/dpkg.cfg.d/fast
apt-get -q update >/tmp/out 2>&1
apt-get -q -y --no-install-recommends install rpm systemd-standalone-sysusers librdkafka1 libpq5 libcurl4 libjson-c5 libyaml-0-2 libmicrohttpd12 libsnappy1v5 libzstd1 liblz4-1 libbrotli1 \
    libgnutls30 </dev/null >/tmp/out 2>&1 || { bad 'the libraries of Debian'; exit 1; }
cp -a /yyjson/* /usr/lib64/ # a package of Fedora
echo /usr/lib64 >/etc/ld.so.conf.d/lib64.conf # where rpm systems look by themselves
rpm_() { rpm --dbpath /var/lib/rpm --nodeps "$@" >/tmp/out 2>&1; }
cd /tmp || exit 1

rpm_ -i /packages/libdataflow-0* /packages/dfproc-*.rpm && ldconfig && ok 'library and dfproc install alone' || bad 'library and dfproc install alone'
same 'the user of flows is there' dataflow "$(id -un dataflow)"
printf 'source: {type: kafka, config: {brokers: "127.0.0.1:1", topic: a, consumerGroup: g}}\nsink: {type: stdio}\n' >kafka.yaml
same 'a flow of Kafka is refused with the name of the package' 1 "$(dfproc validate kafka.yaml 2>&1 | grep -c dataflow-module-kafka)"
rpm_ -i $(ls /packages/*.rpm | grep -vE '/(libdataflow-0|dfproc)') && ok 'all packages install' || bad 'all packages install'
dfproc validate kafka.yaml >out 2>&1 && ok 'then it is valid' || bad 'then it is valid'
find /usr/bin/df* /usr/lib64/libdataflow* -type f | xargs ldd >out 2>&1
same 'no library is missing' '' "$(grep 'not found' out)"
[ "$(grep -c 'libdataflow.so.0 => /' out)" -ge 7 ] || bad '  of any program or module'
same '  the Parquet codecs are there' 4 "$(ldd /usr/lib64/libdataflow/iceberg.so | grep -cE 'lib(snappy|zstd|lz4|brotlidec)\.so')"
mkdir -p /var/lib/dataflow/example && cd /var/lib/dataflow/example || exit 1
dfproc run --no-progress --state-dir . -l 20 /etc/dataflow/example.yaml >/tmp/out 2>&1 && same 'a flow runs' 20 "$(wc -l <numbers.jsonl)" || bad 'a flow runs'
cd /tmp || exit 1

echo '# mine' >>/etc/dataflow/example.yaml
rpm_ -U /next/*.rpm && ok 'upgrade' || bad 'upgrade'
same '  an edited file stays' '# mine' "$(tail -n 1 /etc/dataflow/example.yaml)"
same '  the new one lies beside it' '# of the next version' "$(tail -n 1 /etc/dataflow/example.yaml.rpmnew)"
same '  one version of each' '' "$(rpm --dbpath /var/lib/rpm -qa --qf '%{NAME}\n' | sort | uniq -d)"
rpm_ -V $(rpm --dbpath /var/lib/rpm -qa --qf '%{NAME}\n' | grep -v dfproc) && ok '  and as it was packed' || bad '  and as it was packed'
rpm_ -e $(rpm --dbpath /var/lib/rpm -qa) && ok 'remove' || bad 'remove'
rm -rf /etc/dataflow/example.yaml.rpm* /var/lib/dataflow && rmdir /etc/dataflow # what its owner edited
same '  nothing of them stays' '' "$(find /usr /etc -name '*dataflow*' -o -name '*dfproc*' -o -name '*dfoperator*')"
exit $failed
