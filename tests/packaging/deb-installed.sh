#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Runs as root in a clean Debian (packaging/chroot) with the packages in /packages, those of the next version in
# /next and the sources in /src: installs, uses, upgrades, removes and purges them.
set -u
. /src/tests/support/script.sh
dir=/tmp/test
echo force-unsafe-io >/etc/dpkg/dpkg.cfg.d/fast # this Debian is thrown away
mkdir $dir && cd $dir || exit 1
evidence=(out)
apt() { apt-get -q -y --no-install-recommends -o Dpkg::Options::=--force-confdef -o Dpkg::Options::=--force-confold "$@" </dev/null >out 2>&1; }
files() { local name; for name in "${@:2}"; do ls "$1/${name}"_*.deb; done; }
holds() { if grep -qE -- "$2" "${3:-out}"; then ok "$1"; else bad "$1: no line with $2"; fi; }
if apt update; then :; else rm -f out; fi # the list that the Debian was made with may do

# ---- the core alone -------------------------------------------------------------------------------------
if apt install $(files /packages libdataflow0 dfproc); then ok 'library and dfproc install alone'; else bad 'library and dfproc install alone'; exit 1; fi
if dpkg-query -W librdkafka1 libpq5 >/dev/null 2>&1; then bad 'no client library comes along'; else ok 'no client library comes along'; fi
cat >kafka.yaml <<'Y'
source: {type: kafka, config: {brokers: "127.0.0.1:1", topic: a, consumerGroup: g}}
sink: {type: stdio}
Y
dfproc validate kafka.yaml >out 2>&1
same 'a flow of Kafka is refused' 2 $?
holds '  with the name of the package' 'dataflow-module-kafka'
same 'the user of flows is there' dataflow "$(stat -c %U /var/lib/dataflow 2>/dev/null || id -un dataflow)"
for file in /usr/share/bash-completion/completions/dfproc /usr/share/fish/vendor_completions.d/dfproc.fish \
    /usr/share/zsh/vendor-completions/_dfproc; do
    [ -s $file ] || bad "$file is missing"
done

# ---- what the unit runs ---------------------------------------------------------------------------------
unit=$(dpkg -L dfproc | grep '/dfproc@.service$')
field() { sed -n "s/^$1=//p" "$unit"; }
mkdir -p /var/lib/dataflow/example && chown dataflow /var/lib/dataflow/example
line=$(field ExecStart | sed 's/%i/example/g; s#${STATE_DIRECTORY}#/var/lib/dataflow/example#')
start() { # as the unit: its user, folder and mask; no capability, no new one
    (cd /var/lib/dataflow/example && umask "$(field UMask)" && exec setpriv --reuid dataflow --regid dataflow --clear-groups \
        --no-new-privs --bounding-set -all env -i STATE_DIRECTORY=/var/lib/dataflow/example $line) >log 2>&1 &
    flow=$!
}
numbers=/var/lib/dataflow/example/numbers.jsonl
lines() { cat $numbers 2>/dev/null | wc -l; }
reaches() { for _ in $(seq 200); do [ "$(lines)" -ge "$1" ] && return; sleep 0.05; done; return 1; }
start
if reaches 10; then ok 'the flow of the example runs'; else bad "the flow of the example runs: $(tail -n 2 log)"; fi
kill -TERM $flow
wait $flow
same '  stops in order' 0 $?
first=$(lines)
start
if reaches $((first + 10)); then ok '  starts again'; else bad "  starts again: $(tail -n 2 log)"; fi
kill -TERM $flow
wait $flow
same '  and goes on where it was' "$(lines)" "$(sort -u $numbers | wc -l)"
same '  its files are its own' 600 "$(stat -c %a $numbers)"

# ---- all of them ----------------------------------------------------------------------------------------
if apt install $(ls /packages/*.deb | grep -v dbgsym); then ok 'all packages install'; else bad 'all packages install'; fi
dfproc connectors >out 2>&1
for name in $(ls /src/libdataflow/connectors/*/CMakeLists.txt | xargs grep -LE 'EXAMPLE$|EXAMPLE ' | xargs -n 1 dirname | xargs -n 1 basename); do
    holds "the connector $name is found" "^ *$name\b"
done
dfproc version >out 2>&1 || bad 'dfproc version'
objects=$(dpkg -L libdataflow0 dfproc dfoperator dataflow-net $(dpkg-query -W -f '${Package} ' 'dataflow-module-*') | grep -E '/bin/df|\.so')
ldd $objects >out 2>&1
same 'no library is missing' '' "$(grep 'not found' out)"
[ "$(grep -c 'libdataflow.so.0 => /' out)" -ge 7 ] || bad '  of any program or module'
same '  the Parquet codecs are there' 4 "$(ldd /usr/lib/*/libdataflow/iceberg.so | grep -cE 'lib(snappy|zstd|lz4|brotlidec)\.so')"
same 'no path of the building machine' '' "$(dpkg -L libdataflow0 libdataflow-dev dfproc dfoperator dataflow-net $(dpkg-query -W -f '${Package} ' 'dataflow-module-*') |
    while read -r f; do [ -f "$f" ] && grep -laE '/dataflow-0\.[0-9.]*/|/home/|/ro[o]t/' "$f"; done)"

# ---- a program against -dev -----------------------------------------------------------------------------
if apt install gcc libc6-dev pkgconf; then :; else bad 'a compiler installs'; fi
same 'pkg-config names this library alone' '-ldataflow' "$(pkg-config --libs libdataflow | xargs)"
cp /src/tests/install/embed.c . && gcc -Wall -Wextra -Werror -o embed embed.c $(pkg-config --cflags --libs libdataflow) >out 2>&1 && ./embed >out 2>&1
same 'a C program builds and runs' 5 "$(wc -l <embed.out)"

# ---- upgrade, over an edited file -----------------------------------------------------------------------
echo '# mine' >>/etc/dataflow/example.yaml
if apt install $(ls /next/*.deb | grep -v dbgsym); then ok 'upgrade'; else bad 'upgrade'; fi
same '  to the next version' "$(dpkg-deb -f "$(files /next dfproc)" Version)" "$(dpkg-query -W -f '${Version}' dfproc)"
holds '  an edited file stays' '^# mine$' /etc/dataflow/example.yaml
same '  the new one lies beside it' 1 "$(ls /etc/dataflow/example.yaml.dpkg-dist | wc -l)"
dfproc validate /etc/dataflow/example.yaml >out 2>&1 && ok '  it runs' || bad '  it runs'
apt-get check >out 2>&1 || bad '  and nothing is missing then'
dpkg -i "$(files /packages libdataflow0)" >out 2>&1
if dpkg-query -W -f '${db:Status-Status}\n' 'dataflow-module-*' | grep -vq '^installed' || ! dpkg --audit >out 2>&1 || [ -s out ] || ! apt-get check >out 2>&1; then
    ok 'a module of another version than the library is refused'
else bad 'a module of another version than the library is refused'; fi
apt -f install $(ls /next/*.deb | grep -v dbgsym) || bad 'and mended by an upgrade'

# ---- remove and purge -----------------------------------------------------------------------------------
ours=$(dpkg-query -W -f '${Package}\n' | grep -E '^(dataflow-|libdataflow|df(proc|operator)$)')
if apt remove $ours; then ok 'remove'; else bad 'remove'; fi
same '  the edited file and the positions are kept' 2 "$(ls -d /etc/dataflow/example.yaml /var/lib/dataflow | wc -l)"
if dpkg --purge $(dpkg-query -W -f '${db:Status-Status} ${Package}\n' $ours 2>/dev/null | sed -n 's/^config-files //p') >out 2>&1; then ok 'purge'; else bad 'purge'; fi
rm -f /etc/dataflow/example.yaml.dpkg-dist
same '  nothing stays' '' "$(find / -xdev \( -path /proc -o -path /src -o -path /packages -o -path /next -o -path /tmp -o -path /dev -o -path /var/cache \
    -o -path /var/lib/apt -o -path /var/log \) -prune -o \( -name '*dataflow*' -o -name '*dfproc*' -o -name '*dfoperator*' \) -print)"
exit $failed
