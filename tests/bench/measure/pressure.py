# SPDX-License-Identifier: Apache-2.0
"""W13: a sink that is slow for a while, then free."""
import os
import re
import statistics
import time

from .bed import Proxy, Watched
from .records import flat
from .report import Result

LIMIT_MIB = 64  # what holds when a manifest says nothing
STEP = 0.1
FLAT_MIB = 4


class Samples:
    """A flow through the proxy, looked at ten times a second: time, records sent, memory."""

    def __init__(self, bench, data, port):
        bench.bed.sql("truncate bench; checkpoint")
        env = dict(bench.bed.env)
        env["DF_PG"] = re.sub(r"@[^/]*/", "@127.0.0.1:%d/" % port, env["DF_PG"])
        self.bench, self.data, self.rows, self.cpu = bench, data, [], 0.0
        self.flow = Watched(bench.command("postgresql", data), env, os.path.join(bench.folder, "pressure.log"))

    def look(self):
        """False: everything was sent, or the flow ended."""
        sent = self.flow.sent()
        if sent is not None:
            self.rows.append((time.monotonic(), sent, self.flow.memory()))
            self.cpu = self.flow.cpu()
        if not self.flow.alive():
            self.flow.end()
            raise SystemExit("W13: the flow ended by itself")
        return sent is None or sent < self.data.count

    def until(self, enough, limit_s=600):
        end = time.monotonic() + limit_s
        while self.look() and not enough():
            if time.monotonic() > end:
                raise SystemExit("W13: too slow")
            time.sleep(STEP)

    def rate(self, since=0.0):
        """Records a second, after the first and before the last tenth."""
        rows = [row for row in self.rows if row[0] >= since]
        first, last = rows[0][1], self.data.count
        low, high = first + (last - first) * 0.1, last - (last - first) * 0.1
        inner = [row for row in rows if low <= row[1] <= high]
        if len(inner) < 3:
            raise SystemExit("W13: too few records to see a rate; use more --records")
        return (inner[-1][1] - inner[0][1]) / (inner[-1][0] - inner[0][0])

    def end(self):
        self.flow.end()
        self.bench.audit_table(self.data)


def full_speed(bench, data, proxy):
    """Records a second, and bytes a record costs on the wire."""
    begin = proxy.bytes_up()
    run = Samples(bench, data, proxy.port)
    run.until(lambda: False)
    run.end()
    return run.rate(), (proxy.bytes_up() - begin) / data.count


def slow_then_free(bench, data, proxy, bytes_per_second, seconds):
    """Records a second after the release, highest memory of each half of the slow time, CPU seconds."""
    proxy.tell("rate %d" % bytes_per_second)
    run = Samples(bench, data, proxy.port)
    run.until(lambda: run.rows and run.rows[-1][1] > 0)
    begin = time.monotonic()
    run.until(lambda: time.monotonic() >= begin + seconds)
    free = time.monotonic()
    proxy.tell("pass")
    run.until(lambda: False)
    run.end()
    middle = begin + seconds / 2
    halves = [max(m for t, _, m in run.rows if low <= t < high) / 2**20
              for low, high in ((begin, middle), (middle, free))]
    slow = [row for row in run.rows if begin <= row[0] < free]
    return {"drain": run.rate(free), "halves": halves, "peak": max(m for _, _, m in run.rows) / 2**20,
            "slow": (slow[-1][1] - slow[0][1]) / seconds, "cpu": run.cpu}


def w13(bench):
    seconds = 20 if bench.options.quick else 60
    data = bench.topic("pressed", flat, 4 * bench.options.records)
    bench.table()
    proxy = Proxy(bench.program("faultproxy"), re.search(r":(\d+)/", bench.bed.env["DF_PG"]).group(1))
    rounds = min(bench.options.rounds, 3)
    ratios, found = [], None
    try:
        for _ in range(rounds):
            rate, size = full_speed(bench, data, proxy)
            found = slow_then_free(bench, data, proxy, int(rate * size / 10), seconds)
            ratios.append(found["drain"] / rate)
    finally:
        proxy.stop()
    ceiling = LIMIT_MIB * 1.1 + 14
    flat_memory = found["halves"][1] - found["halves"][0] <= FLAT_MIB and found["peak"] <= ceiling
    ratio = statistics.median(ratios)
    text = "drains %.0f k/s after %.0f k/s for %d s; %.1f MiB in its first half, %.1f in its second" % (
        found["drain"] / 1e3, found["slow"] / 1e3, seconds, found["halves"][0], found["halves"][1])
    result = Result("W13", "W5, slow for a while, then free", "the same at full speed")
    result.plain(text, "≥ 0.90, flat, ≤ %.1f MiB" % ceiling, ratio >= 0.9 and flat_memory,
                 "%.2f" % (found["cpu"] / data.count * 1e6), "%.1f" % found["peak"])
    result.cells[0] = "%.0f k/s" % (rate / 1e3)
    result.cells[2] = "%.2f (%.2f to %.2f)" % (ratio, min(ratios), max(ratios))
    return [result]
