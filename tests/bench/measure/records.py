# SPDX-License-Identifier: Apache-2.0
"""The records: shapes made from a seed, and topics of them."""
import hashlib
import json
import os
import random
import re

from .bed import Run

PERIOD = 100000  # distinct records; a topic repeats them
WORDS = "alpha bravo charlie delta echo foxtrot golf hotel india juliett kilo lima".split()
TABLE = ("id bigint, customer text, amount numeric(12,2), currency text, placed_at timestamptz, "
         "paid boolean, note text, items int")


def small(i, r):
    return ('{"auction":%d,"bidder":%d,"price":%d,"channel":"%s","url":"https://www.nexmark.com/%s/%s/'
            'item.htm?query=1","dateTime":"2026-01-%02dT%02d:%02d:%02d.%03dZ","extra":"%s"}' % (
                r.randrange(1000, 99999), r.randrange(1000, 9999), r.randrange(100, 10000000),
                r.choice(WORDS), r.choice(WORDS), r.choice(WORDS), r.randrange(1, 29), r.randrange(24),
                r.randrange(60), r.randrange(60), r.randrange(1000), "x" * r.randrange(0, 40)))


def flat(i, r):
    return ('{"id":%d,"customer":"%s %s %06d","amount":%d.%02d,"currency":"EUR","placed_at":'
            '"2026-01-%02dT%02d:%02d:%02d.%03dZ","paid":%s,"note":"%s \\"%s\\" text that is a little '
            'longer than all of the others, %s","items":%d}' % (
                i, r.choice(WORDS), r.choice(WORDS), r.randrange(10**6), r.randrange(10**5),
                r.randrange(100), r.randrange(1, 29), r.randrange(24), r.randrange(60), r.randrange(60),
                r.randrange(1000), r.choice(("true", "false")), r.choice(WORDS), r.choice(WORDS),
                r.choice(WORDS), r.randrange(100)))


def event(i, r):
    user = '{"id":%d,"login":"%s","gravatar_id":"","url":"https://api.example.com/users/%s","avatar_url":' \
           '"https://avatars.example.com/u/%d?"}' % (r.randrange(10**7), r.choice(WORDS), r.choice(WORDS), i)
    commits = ",".join('{"sha":"%040x","author":{"email":"%s@example.com","name":"%s"},"message":"%s",'
                       '"distinct":true,"url":"https://api.example.com/repos/x/commits/%040x"}' % (
                           r.getrandbits(160), r.choice(WORDS), r.choice(WORDS), " ".join(r.choices(WORDS, k=12)),
                           r.getrandbits(160)) for _ in range(r.randrange(1, 5)))
    return ('{"id":"%d","type":"%s","actor":%s,"repo":{"id":%d,"name":"%s/%s"},"payload":{"push_id":%d,"size":%d,'
            '"ref":"refs/heads/main","commits":[%s]},"public":%s,"created_at":"2026-01-01T00:%02d:%02dZ"}' % (
                i, r.choice(("PushEvent", "WatchEvent", "IssuesEvent", "ForkEvent")), user,
                r.randrange(10**8), r.choice(WORDS), r.choice(WORDS), r.randrange(10**9), r.randrange(9), commits,
                r.choice(("true", "true", "false")), r.randrange(60), r.randrange(60)))


def order(i, r):
    """An event of about 470 bytes, three levels deep."""
    lines = ",".join('{"sku":"%s-%05d","count":%d,"price":"%d.%02d"}' % (
        r.choice(WORDS), r.randrange(10**5), r.randrange(1, 9), r.randrange(1000), r.randrange(100))
        for _ in range(3))
    return ('{"id":%d,"type":"order.placed","user":{"id":%d,"email":"%s.%s@example.com","address":{"street":"%s %d",'
            '"city":"%s","zip":"%05d"}},"lines":[%s],"total":"%d.%02d","currency":"EUR","note":"%s","paid":%s,'
            '"placed_at":"2026-01-%02dT%02d:%02d:%02d.%03dZ"}' % (
                i, r.randrange(10**7), r.choice(WORDS), r.choice(WORDS), r.choice(WORDS), r.randrange(200),
                r.choice(WORDS), r.randrange(10**5), lines, r.randrange(10**4), r.randrange(100),
                " ".join(r.choices(WORDS, k=7)), r.choice(("true", "false")), r.randrange(1, 29),
                r.randrange(24), r.randrange(60), r.randrange(60), r.randrange(1000)))


def edited(text):
    """An order after the two edits of kafka.yaml: the reference, made without dfproc."""
    return re.sub(r'"email":"[^"]*"', '"email":"***"', text)[:-1] + ',"site":"riga"}'


def bad(share):
    """Every second bad record is seen by us, the other one is refused by the server (a check)."""
    def make(i, r):
        text = flat(i, r)
        if r.random() >= share:
            return text
        if i % 2:
            return re.sub(r'"amount":[0-9.]+', '"amount":"none"', text)
        return re.sub(r'"items":[0-9]+', '"items":-1', text)
    return make


def sized(size):
    """Two columns, `size` bytes in all: text that lz4 halves, as it does with most."""
    r = random.Random(size)
    words = ["".join(r.choices("abcdefghijklmnopqrstuvwxyz0123456789", k=r.randrange(3, 10))) for _ in range(3000)]

    def make(i, r):
        head = '{"id":%d,"note":"' % i
        fill = max(size - len(head) - 2, 1)
        return head + " ".join(r.choices(words, k=fill // 4 + 1))[:fill] + '"}'
    return make


class Data:
    """A topic of `count` records that repeat `period` distinct ones, and what an audit must find."""

    def __init__(self, bench, name, make, count, period=PERIOD):
        self.name, self.count, self.period = "bench-%d-%s" % (os.getpid(), name), count, period
        r = random.Random(20261122)
        self.lines = [make(i, r) for i in range(period)]
        self.bytes = sum(len(line) for line in self.lines) * count // period
        self.file = os.path.join(bench.folder, name + ".jsonl")
        self.bench = bench
        self.save(self.file, self.lines)
        largest = max(len(line) for line in self.lines)
        bench.create_topic(self.name, "max.message.bytes=%d" % max(1048588, 2 * largest))
        with open(self.file) as f:
            Run([bench.program("floor_produce"), bench.bed.env["DF_KAFKA"], self.name, str(count)],
                bench.bed.env, f)

    @staticmethod
    def save(path, lines):
        with open(path, "w") as f:
            f.write("\n".join(lines) + "\n")

    @property
    def size(self):
        return self.bytes // self.count

    def good(self):
        return [line for line in self.lines if '"amount":"none"' not in line and '"items":-1' not in line]

    def sums(self):
        """What `NOTES` finds in a table that holds all of it."""
        rows = [json.loads(line) for line in self.good()]
        times = self.count // self.period
        return "%d|%d|%d" % (len(rows) * times, sum(r["id"] for r in rows) * times, sum(
            int(hashlib.md5(r["note"].encode()).hexdigest()[:7], 16) for r in rows) * times)

    def remove(self):
        self.bench.delete_topic(self.name)
        os.unlink(self.file)


NOTES = "select count(*), sum(id), sum(('x' || left(md5(note), 7))::bit(28)::int) from bench"
