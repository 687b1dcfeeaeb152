#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Runs as root in a Debian that has booted (packaging/chroot --systemd) with the packages in /packages, those of the next
# version in /next and the sources in /src: flows as services, through an upgrade and a purge.
set -u
. /src/tests/support/script.sh
evidence=(/tmp/out)
cd /tmp || exit 1
echo force-unsafe-io >/etc/dpkg/dpkg.cfg.d/fast
apt() { apt-get -q -y --no-install-recommends -o Dpkg::Options::=--force-confdef -o Dpkg::Options::=--force-confold "$@" </dev/null >out 2>&1; }
until_() { for _ in $(seq 600); do "$@" && return; sleep 0.05; done; return 1; }
state() { systemctl show -P "$1" "dfproc@$2"; }
is() { [ "$(state "$1" "$2")" = "$3" ]; }
lines() { cat "/var/lib/dataflow/$1/numbers.jsonl" 2>/dev/null | wc -l; }
grown() { [ "$(lines "$1")" -ge "$2" ]; }
flow() { sed "$2" /etc/dataflow/example.yaml >"/etc/dataflow/$1.yaml"; }

apt install /packages/libdataflow0_*.deb /packages/dfproc_*.deb && ok 'the packages install where systemd runs' || { bad 'the packages install'; exit 1; }
systemd-analyze verify --man=no dfproc@example.service >out 2>&1
same 'the unit is sound' '' "$(grep -F dfproc@ out | grep -v 'Failed to parse system call')"
systemd-analyze security --threshold=15 dfproc@example.service >out 2>&1 && ok '  and closed' || bad '  and closed'

# ---- a flow's life ----------------------------------------------------------------------------------------
systemctl enable --now dfproc@example >out 2>&1 && until_ grown example 10 && ok 'the flow of the example runs' || bad "the flow of the example runs: $(journalctl -u dfproc@example -n 3 -o cat)"
same '  as its user' dataflow "$(ps -o user= -p "$(state MainPID example)" 2>/dev/null || stat -c %U "/proc/$(state MainPID example)")"
journalctl -u dfproc@example -o json >out
same '  what it says has its priority' 1 "$(grep 'example/sink: ready' out | grep -c '"PRIORITY":"6"')"
pid=$(state MainPID example)
systemctl reload dfproc@example >out 2>&1 && ok '  reload' || bad '  reload'
same '  is no restart' "$pid" "$(state MainPID example)"
systemctl kill -s KILL dfproc@example
restarted() { is NRestarts example 1 && is ActiveState example active && [ "$(state MainPID example)" != "$pid" ]; }
until_ restarted && ok '  killed, it is started again' || bad '  killed, it is started again'
systemctl stop dfproc@example && first=$(lines example) && systemctl start dfproc@example && until_ grown example $((first + 10)) && ok '  stopped and started' || bad '  stopped and started'
flow wrong 's/generate/generat/'
systemctl start dfproc@wrong
until_ is ActiveState wrong failed && same 'a wrong manifest is not tried again' '0 2' "$(state NRestarts wrong) $(state ExecMainStatus wrong)" || bad "a wrong manifest is not tried again: $(state ActiveState wrong)"

# ---- what it may not ---------------------------------------------------------------------------------------
mkdir -p /srv/outbox && chown dataflow /srv/outbox
flow outside 's#path: numbers.jsonl#path: /srv/outbox/numbers.jsonl#'
systemctl start dfproc@outside
says() { journalctl -u "dfproc@$1" -o cat >out && grep -q -- "$2" out; }
until_ says outside 'ReadWritePaths=' && ok 'a file outside: the drop-in is named' || bad 'a file outside: the drop-in is named'
says outside '/srv/outbox/numbers.jsonl' && ok '  and the path' || bad '  and the path'
systemctl stop dfproc@outside
mkdir -p /etc/systemd/system/dfproc@outside.service.d
printf '[Service]\nReadWritePaths=-/srv/outbox -/srv/nowhere\n' >/etc/systemd/system/dfproc@outside.service.d/files.conf
systemctl daemon-reload
systemctl reset-failed dfproc@outside 2>/dev/null
systemctl start dfproc@outside
written() { [ -s /srv/outbox/numbers.jsonl ]; }
until_ written && ok '  which opens it; a folder that is missing holds up nothing' || bad '  which opens it'
systemctl stop dfproc@outside

# ---- upgrade: one runs, one is stopped, one is disabled ------------------------------------------------------
flow stopped s/a/a/
flow disabled s/a/a/
systemctl enable dfproc@stopped >out 2>&1
echo '# mine' >>/etc/dataflow/example.yaml
pid=$(state MainPID example) restarts=$(state NRestarts example)
apt install /next/libdataflow0_*.deb /next/dfproc_*.deb && ok 'upgrade' || bad 'upgrade'
until_ is ActiveState example active
[ "$(state MainPID example)" != "$pid" ] && ok '  the flow that runs goes on with the new program' || bad '  the flow that runs goes on with the new program'
same '  started once, nothing is to be loaded again' "$restarts no" "$(state NRestarts example) $(state NeedDaemonReload example)"
same '  the others stay as they are' 'inactive enabled inactive disabled' "$(state ActiveState stopped) $(systemctl is-enabled dfproc@stopped) $(state ActiveState disabled) $(systemctl is-enabled dfproc@disabled)"
same '  the edited file, too' '# mine' "$(tail -n 1 /etc/dataflow/example.yaml)"
first=$(lines example)
until_ grown example $((first + 5)) || bad '  it delivers'
systemctl stop dfproc@example
same '  no number is missing' "$(sort -u /var/lib/dataflow/example/numbers.jsonl | wc -l)" "$(tail -n 1 /var/lib/dataflow/example/numbers.jsonl | tr -dc 0-9 | awk '{print $1 + 1}')"
systemctl start dfproc@example
pid=$(state MainPID example)
printf '#!/bin/sh\nexit 101\n' >/usr/sbin/policy-rc.d && chmod +x /usr/sbin/policy-rc.d
dpkg -i /next/dfproc_*.deb >out 2>&1 || bad 'installed once more'
same 'policy-rc.d is obeyed' "$pid" "$(state MainPID example)"
rm /usr/sbin/policy-rc.d

# ---- purge ---------------------------------------------------------------------------------------------------
apt purge dfproc && ok 'purge' || bad 'purge'
same '  no process' '' "$(grep -lz dfproc /proc/[0-9]*/comm 2>/dev/null | xargs)"
same '  no unit' '' "$(ls /etc/systemd/system/*.wants/dfproc@* /lib/systemd/system/dfproc@* 2>/dev/null)"
same '  no state; manifests of the user stay' '1 0' "$(ls /etc/dataflow/stopped.yaml | wc -l) $(ls -d /var/lib/dataflow 2>/dev/null | wc -l)"
exit $failed
