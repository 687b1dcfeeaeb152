#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# ctest: no-servers
# A damaged message set is fetched again, three times; then the run stops, names the place, and
# has committed all before it. One that was damaged on the way is fetched again, and all arrives. A
# broker of its own, because its data is damaged.
dir=$(mktemp -d)
bed=$(cd "$(dirname "$0")/../../bed" && pwd)
wire=$(perl -MIO::Socket::INET -e 'print IO::Socket::INET->new(LocalAddr => "127.0.0.1", Proto => "tcp", Listen => 1)->sockport')
"$bed/kafka" start --dir "$dir/kafka" --parent $$ --proxy-listener "$wire" >"$dir/env" || exit 1
. "$dir/env"
export DF_KAFKA
rm -f "$dir/env"
broker=$dir/kafka
. "$(dirname "$0")/../kafka_lib.sh"
own=$dir
leave_all() { [ "$BASHPID" = $$ ] || return; leave; "$bed/kafka" stop --dir "$broker"; rm -rf "$(dirname "$broker")"; }
trap leave_all EXIT

topic damaged
for i in 0 1 2 3; do produce damaged --count 100 --from $((i * 100)) --keys 5 --size 200; done
log=$(ls "$broker"/data.1/"$(name_of damaged)"-0/*.log)
# A byte in the third of four message sets.
size=$(stat -c %s "$log")
printf '\xff' | dd of="$log" bs=1 seek=$((size * 5 / 8)) conv=notrunc 2>/dev/null
{ source_of damaged damaged; file_sink got.jsonl; } >"$own/damaged.yaml"
flow damaged 1
has 'says where' "$(name_of damaged) partition 0 offset 200 cannot be read" "$own/damaged.out"
has 'fetched again' 'fetched again' "$own/damaged.out"
same 'all before is there' 200 "$(wc -l <"$own/got.jsonl")"
same 'and committed' '{"0":200}' "$(offsets "$run.damaged" damaged)"
[ "$failed" = 0 ] || tail -n 20 "$own/damaged.out"

# ---- a bit that flips on the way -------------------------------------------------------------------------
# Forwards to the broker; in the first two large answers it turns a bit around, inside of a record: of what
# stands before a message set's checksum nobody would know, and with many small sets the middle may be there.
cat >"$own/wire.pl" <<'END'
use IO::Socket::INET;
use IO::Select;
$| = 1;
my ($from, $to, $flips, %peer, %down) = (@ARGV, 2);
my $listener = IO::Socket::INET->new(LocalAddr => "127.0.0.1", LocalPort => $from, Proto => "tcp", Listen => 9,
    ReuseAddr => 1) or die;
my $all = IO::Select->new($listener);
while (my @ready = $all->can_read) {
    for my $s (@ready) {
        if ($s == $listener) {
            my $c = $s->accept or next;
            my $b = IO::Socket::INET->new(PeerAddr => "127.0.0.1", PeerPort => $to, Proto => "tcp") or next;
            ($peer{$c}, $peer{$b}, $down{$b}) = ($b, $c, 1);
            $all->add($c, $b);
            next;
        }
        my $n = sysread $s, my $bytes, 65536;
        my $other = $peer{$s} or next;
        if (!$n) { $all->remove($s, $other); close $s; close $other; next }
        pos($bytes) = int($n / 2);
        if ($down{$s} && $n > 6000 && $flips > 0 && $bytes =~ /[ -~]{40}/g) {
            $flips--;
            substr($bytes, pos($bytes) - 20, 1) ^= "\x10";
            print "flipped\n";
        }
        for (my $at = 0; $at < $n;) { my $w = syswrite $other, $bytes, $n - $at, $at; last unless $w; $at += $w }
    }
}
END
perl "$own/wire.pl" "$wire" "${DF_KAFKA_EXT##*:}" >"$own/flips" &
flows+=("$!")
topic wire
produce wire --count 4000 --keys 5 --size 200
{ source_of wire wire | sed "s/$DF_KAFKA/127.0.0.1:$wire/"; file_sink wire.jsonl; } >"$own/wire.yaml"
start wire wire --metrics-port 127.0.0.1:0
all_there() { [ "$(offsets "$run.wire" wire | sum_of)" = 4000 ]; }
until_true 60 all_there || bad 'flipped: not all committed'
same 'flipped: what was fetched again is counted' "$(grep -c 'fetched again' "$own/wire.out")" "$(metric wire dataflow_kafka_refetched_total)"
end "$pid" 20
[ "$(wc -l <"$own/flips")" -ge 1 ] && ok 'bits were flipped' || bad 'no bit was flipped'
has 'flipped: fetched again' 'fetched again' "$own/wire.out"
audit 'flipped: all arrives, as it was' --source jsonl --file "$own/wire.jsonl" --count 4000 --expect-count 4000 --max-duplicates 0 --ordered --no-gaps
finish
