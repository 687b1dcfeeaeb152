# SPDX-License-Identifier: Apache-2.0
"""Memory limits by message size: peak memory, rate, and that everything arrives."""
import json

from .records import flat, sized

LIMITS = (16, 64, 256)
SIZES = ((100, "100 B"), (1 << 10, "1 KiB"), (10 << 10, "10 KiB"), (100 << 10, "100 KiB"), (1 << 20, "1 MiB"))
W5 = "W5's rows"
ORDER = [W5] + [text for _, text in SIZES]
DISTINCT = 16 << 20  # bytes of distinct records


class Row:
    """One line of the matrix: the three limits side by side."""

    def __init__(self, size, flow):
        self.size, self.flow, self.cells, self.met = size, flow, [], True

    def add(self, run, limit, count, slowest):
        """slowest: what the rate must reach."""
        rate, peak = count / run.seconds, run.rss / 2**20
        fits, fast = peak <= limit * 1.1 + 14, rate >= slowest
        self.met = self.met and fits and fast
        self.cells.append("%s MiB, %s/s" % (mark("%.1f" % peak, fits), mark(short(rate), fast)))

    def row(self):
        return [self.size, self.flow] + self.cells + ["yes" if self.met else "**no**"]


def mark(text, good):
    return text if good else "**%s**" % text


def short(rate):
    return "%.0f k" % (rate / 1e3) if rate >= 10000 else "%.0f" % rate


def dataset(bench, size, text):
    """Twice the largest limit, less when that would be many records or the run is a quick one."""
    period = max(16, min(20000, DISTINCT // size))
    most = min(64 << 20 if bench.options.quick else 512 << 20, size * 2 * bench.options.records)
    count = max(most // size // period, 2) * period
    return bench.topic("sized-" + text.replace(" ", ""), sized(size), count, period)


def to_topic(bench, data, limit):
    target = bench.fresh_topic("max.message.bytes=%d" % max(1048588, 2 * data.size))
    run = bench.ours("kafka_limit", data, TARGET=target, LIMIT_MIB=limit)
    bench.audit_counts(run, received=data.count, sent=data.count)
    found = [json.loads(bench.consume(topic, "65536", "hash").out) for topic in (data.name, target)]
    bench.must("topic", *[(f["records"], f["bytes"], f["hash"]) for f in found])
    bench.delete_topic(target)
    return run


def to_table(bench, data, limit):
    return bench.to_table(data, "postgresql_limit", LIMIT_MIB=limit)


def measured(bench, text, data, flow, work):
    """The three limits; W5 must reach 0.6 of its default rate with 16 MiB."""
    row = Row(text, flow)
    runs = {limit: work(bench, data, limit) for limit in (64, 16, 256)}
    for limit in LIMITS:
        slowest = 0.6 * data.count / runs[64].seconds if limit == 16 and work is to_table else 0
        row.add(runs[limit], limit, data.count, slowest)
    return row


def limits(bench):
    bench.table()
    rows = [measured(bench, W5, bench.topic("flat", flat, bench.options.records), "Kafka → PostgreSQL", to_table)]
    bench.table("id bigint, note text")
    bench.bed.sql("alter table bench alter note set storage external")
    for size, text in SIZES:
        data = dataset(bench, size, text)
        rows.append(measured(bench, text, data, "Kafka → Kafka", to_topic))
        rows.append(measured(bench, text, data, "Kafka → PostgreSQL", to_table))
        bench.forget("sized-" + text.replace(" ", ""))
    return rows
