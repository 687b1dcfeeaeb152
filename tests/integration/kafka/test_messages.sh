#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# What people read when the way to the brokers is wrong: what, where, and what to do; and nothing of
# the client's own words for its authors.
. "$(dirname "$0")/../kafka_lib.sh"

# ---- told without a connection ------------------------------------------------------------------------
check() { # NAME BROKERS TOPIC PATTERN
    cat >"$dir/check.yaml" <<END2
source: {type: generate, config: {count: 1}}
sink: {type: kafka, config: {brokers: "$2", topic: "$3"}}
END2
    dfproc validate "$dir/check.yaml" >"$dir/check.out" 2>&1
    has "$1" "$4" "$dir/check.out"
}
while IFS='|' read -r name brokers topic pattern; do
    check "$name" "$brokers" "$topic" "$pattern"
done <<'END'
port out of range|a:9092,b:99999|t|brokers: "b:99999" has no port from 1 to 65535
port missing|broker.example|t|brokers: "broker.example" has no port; write host:port
port is a word|a:kafka|t|"a:kafka" has no port from 1 to 65535
host missing|:9092|t|":9092" has no host
empty||t|brokers: must not be empty
commas only| , |t|brokers: names no broker
URL|http://a:9092|t|is written as a URL; write host:port
blank instead of a comma|a:9092 b:9092|t|has a blank in it
semicolon|a:9092;b:9092|t|"a:9092;b:9092" has a character in it that no address has; write host:port, comma between
two ports|a:9092:9093|t|"a:9092:9093" has more than one colon
IPv6 without brackets|::1:9092|t|has more than one colon; write host:port, an IPv6 address in brackets
good list| a:9092, [::1]:9093, |t|: ok$
topic with a blank|a:9092|my topic|topic: is not the name of a topic
topic as a pattern|a:9092|^all|topic: is not the name of a topic
END

# ---- told by a run ---------------------------------------------------------------------------------------
read -r closed silent http < <(perl -MIO::Socket::INET -e '
    my @s = map { IO::Socket::INET->new(LocalAddr => "127.0.0.1", Proto => "tcp", Listen => 1) } 1 .. 3;
    print join(" ", map { $_->sockport } @s), "\n"')
# Peers that are no brokers: one closes at the first request, one answers in HTTP.
peer() { # PORT ANSWER
    perl -MIO::Socket::INET -e '
        my $s = IO::Socket::INET->new(LocalAddr => "127.0.0.1", LocalPort => $ARGV[0], Proto => "tcp",
            Listen => 5, ReuseAddr => 1) or exit 1;
        while (my $c = $s->accept) { sysread $c, my $x, 4096; syswrite $c, $ARGV[1];
            select undef, undef, undef, 1 if $ARGV[1]; close $c }' "$1" "$2" &
    flows+=("$!")
}
peer "$silent" ''
peer "$http" 'HTTP/1.1 400 Bad Request'
listening() { (exec 3<>"/dev/tcp/127.0.0.1/$1") 2>/dev/null; }
for port in "$silent" "$http"; do until_true 10 listening "$port" || bad "no peer on $port"; done

told() { grep -q -e "$1" "$dir/$2.out"; }
raw='FAIL:\|/bootstrap\|in state\|Local: Broker transport'
# says NAME BROKERS PATTERN: as source and as sink, in the words of people
says() {
    local kind
    { echo "source: {type: kafka, config: {brokers: \"$2\", topic: t, consumerGroup: $run.says}}"; file_sink none; } >"$dir/source.yaml"
    { echo 'source: {type: generate, config: {count: 1}}'
      echo "sink: {type: kafka, config: {brokers: \"$2\", topic: t}}"; } >"$dir/sink.yaml"
    for kind in source sink; do
        start $kind
        if until_true 15 told "$3" $kind; then ok "$1, $kind"; else has "$1, $kind" "$3" "$dir/$kind.out"; fi
        kill -TERM "$pid"
        sleep 0.2
        end "$pid" 5
        grep "$raw" "$dir/$kind.out" && bad "$1, $kind: raw words of the client"
    done
}
says 'nobody listens' "127.0.0.1:$closed" "topic t: broker 127.0.0.1:$closed: nobody listens there"
says 'no broker at all' "127.0.0.1:$closed,127.0.0.1:$silent" 'topic t: no broker of .* can be reached'
says 'unknown name' 'nosuch.invalid:9092' 'broker nosuch.invalid:9092: this name has no address; is it right'
says 'closed at once' "127.0.0.1:$silent" "broker 127.0.0.1:$silent: it closed the connection.* wants TLS: give the block tls"
says 'a web server' "127.0.0.1:$http" "broker 127.0.0.1:$http: what it answers is not Kafka"

{ echo "source: {type: kafka, config: {brokers: \"127.0.0.1:$closed\", topic: t, consumerGroup: $run.says}}"; file_sink none; } >"$dir/bounded.yaml"
dfproc run "$dir/bounded.yaml" --until-exhausted >"$dir/bounded.out" 2>&1 &
pid=$!
flows+=("$pid")
at_once() { told "topic t: broker 127.0.0.1:$closed: nobody listens there" bounded; }
until_true 5 at_once && ok 'nobody listens, bounded: why' || bad 'nobody listens, bounded: not told why'
age=$(ps -o etimes= -p "$pid")
[ "${age:-99}" -le $((3 * slack)) ] && ok 'nobody listens, bounded: told at once' || bad "nobody listens, bounded: told after $age s"
failed_open() { told "source: topic t: no broker of 127.0.0.1:$closed can be reached; next try in" bounded; }
until_true 20 failed_open && ok 'nobody listens, bounded' || bad 'nobody listens, bounded: not told'
end "$pid" 10

# A topic that is not there: a bounded run ends, another one waits for it.
{ source_of missing missing 'properties: {topic.metadata.refresh.interval.ms: 1000}'; file_sink missing.jsonl; } >"$dir/missing.yaml"
flow missing 1
has 'no such topic, bounded' "topic $(name_of missing) does not exist on $DF_KAFKA; create it, or correct the name" "$dir/missing.out"
start missing
until_true 15 told "topic $(name_of missing) does not exist on $DF_KAFKA; it is waited for: create it" missing && ok 'no such topic: told' ||
    bad 'no such topic: not told'
topic missing && produce missing --count 10
all_there() { [ "$(wc -l <"$dir/missing.jsonl" 2>/dev/null)" = 10 ]; }
until_true 60 all_there && ok 'no such topic: read when it is created' || bad 'no such topic: not read when it was created'
end "$pid" 10
same 'ends in order' 0 "$code"
# ---- what the installed client lacks ---------------------------------------------------------------------
client=$(dfproc version | sed -n 's/.*librdkafka \([0-9.]*\).*/\1/p' | head -n 1)
topic lacks
{ source_of lacks lacks; file_sink lacks.lines; } >"$dir/lacks.yaml"
flow lacks 0
told=$(grep -c "librdkafka $client lacks leader epochs" "$dir/lacks.out")
if [ "$(printf '%s\n' 2.1.0 "$client" | sort -V | head -n 1)" = 2.1.0 ]; then same "librdkafka $client lacks nothing" 0 "$told"; else same 'what the client lacks' 1 "$told"; fi
finish
