# SPDX-License-Identifier: Apache-2.0
"""Results and the page docs/benchmarks.md, whose rows stay until they are measured again."""
import datetime
import os
import platform
import random
import re
import statistics
import subprocess

from .bed import ROOT

PATH = os.path.join(ROOT, "docs", "benchmarks.md")


def interval(values):
    r = random.Random(1)
    medians = sorted(statistics.median(r.choices(values, k=len(values))) for _ in range(2000))
    return medians[50], medians[1949]


def yes(met):
    return "yes" if met else "**no**"


def of_server(runs, count):
    """What the source's server took meanwhile, where that was measured."""
    cpus = [run.server_cpu for run in runs if run.server_cpu is not None]
    return "; server %.2f" % (statistics.median(cpus) / count * 1e6) if cpus else ""


class Result:
    """One row; without pairs of runs it is `text` beside a goal."""

    def __init__(self, name, job, floor_name="", goal=0.0, cpu_goal=None, by="seconds"):
        """by: what of a run is compared with the floor, seconds or cpu."""
        self.name, self.job, self.floor_name, self.goal, self.cpu_goal, self.by = name, job, floor_name, goal, cpu_goal, by
        self.cells = ["", "", "", "", ""]  # floor's figures, ours, ratio, CPU, peak
        self.goal_text, self.met = "", "no"

    def plain(self, text, goal_text, met, cpu="", peak=""):
        self.cells = ["", text, "", cpu, peak]
        self.goal_text, self.met = goal_text, yes(met)
        return self

    rate = 0.0  # ours, in records a second

    def pairs(self, pairs, count):
        """(floor, ours) of neighbouring runs."""
        floor = [f for f, _ in pairs]
        ours = [o for _, o in pairs]
        cpu = statistics.median(o.cpu for o in ours) / count * 1e6
        self.rate = count / statistics.median(o.seconds for o in ours)
        self.ratios([getattr(f, self.by) / getattr(o, self.by) for f, o in pairs], [
            "%.0f k/s, %.2f%s" % (count / 1e3 / statistics.median(f.seconds for f in floor),
                                  statistics.median(f.cpu for f in floor) / count * 1e6, of_server(floor, count)),
            "%.0f k/s" % (self.rate / 1e3), "",
            "%.2f%s" % (cpu, of_server(ours, count)), "%.1f" % (max(o.rss for o in ours) / 2**20)])
        if self.cpu_goal:
            self.goal_text += ", CPU ≤ %g" % self.cpu_goal
            self.met = self.met if cpu <= self.cpu_goal else yes(False)
        return self

    def ratios(self, ratios, cells):
        ratio, (low, high) = statistics.median(ratios), interval(ratios)
        self.cells = cells[:2] + ["%.2f (%.2f to %.2f)" % (ratio, low, high)] + cells[3:]
        self.goal_text = "≥ %.2f" % self.goal
        self.met = yes(True) if low >= self.goal else "median only" if ratio >= self.goal else yes(False)

    def row(self):
        floor, ours, ratio, cpu, peak = self.cells
        return [self.name, self.job, self.floor_name, floor, ours, ratio, cpu, peak, self.goal_text, self.met]


# ---- the page ------------------------------------------------------------------------------------

HEADS = {
    "Workloads": ["#", "job", "floor", "floor: rate, CPU s/M", "ours", "ratio (95 %)", "CPU s/M", "peak MiB", "goal",
                  "met", "measured"],
    "Memory limits": ["message", "flow", "16 MiB", "64 MiB", "256 MiB", "met", "measured"],
    "Growth": ["grows", "work", "figures", "fit", "goal", "met", "measured"],
}

PAGE = """# Benchmarks

Measured by `tests/bench/bench`, which anyone can run: it builds, starts private servers, runs the
floor and ours alternately, audits what arrived, and writes this page. A row keeps the day, commit,
processor, load and number of rounds of its own measurement until it is measured again.

{machine}

## Workloads

{Workloads}

The ratio is floor time / our time of neighbouring runs, from exec to exit of the process, group
join and leave included: 1.00 is as fast as the floor. CPU and memory are of the client process
alone; where "server" follows, that is the CPU of the source's server meanwhile. Floors: W1 a librdkafka consumer that does nothing with the records; W2 the same flow without
the filter; W3 that consumer and, after it, a librdkafka producer with the same settings that sends
the finished records (the time of both together); W4 is W3 without transactions; W5 one `\\copy` of
the same rows already in PostgreSQL's own format, as one transaction; W6 that into a staging table and
one `INSERT … ON CONFLICT` from there; W7 `COPY TO STDOUT`, and that producer after it; W8
`pg_recvlogical` on the same changes and, at the same time, that producer with the rows as JSON; W9
curl of the same rows as RowBinary; W11 jq, and the ratio is of CPU time. W13 puts a proxy
before PostgreSQL that lets a tenth of the bytes through, then all; "max" is the same flow through
the proxy at full speed. "met" needs the worse end of the interval; "median only" says that the
median alone reaches it. A load far above the number of cores means that others used the machine:
the times then say little, CPU seconds and memory still hold.

## Memory limits

Peak resident memory of a flow at full speed under a `memoryLimit`, and its rate. The goal is the
limit and a tenth of it and 14 MiB: 31.6, 84.4, 295.6 MiB. Every run ends with an audit of count and
content.

{Memory limits}

## Growth

Cost as a flow grows in partitions, sinks, and neighbours in the same process. How it grows with the
size and shape of records and the number of transformations is in
[What transformations cost](benchmarks-transformations.md).

{Growth}
"""


def table(section, rows):
    head = HEADS[section]
    lines = [head, ["---"] * len(head)] + rows
    return "\n".join("| " + " | ".join(cells) + " |" for cells in lines).replace("|  |", "| |").replace("|  |", "| |")


def old_rows(text, section):
    """Rows of the page as it is, under their heading."""
    found = re.search(r"^## %s$(.*?)(?=^## |\Z)" % re.escape(section), text, re.M | re.S)
    rows = re.findall(r"^\| (?!---)(.*) \|$", found.group(1), re.M) if found else []
    cells = [[cell.strip() for cell in row.split(" |")] for row in rows[1:]]
    return [c for c in cells if len(c) == len(HEADS[section])]


def merged(old, new, width, order):
    """New rows replace the old ones with the same first `width` cells."""
    measured = {tuple(row[:width]) for row in new}
    rows = [row for row in old if tuple(row[:width]) not in measured] + new
    place = {name: i for i, name in enumerate(order)}
    return sorted(rows, key=lambda row: place.get(row[0], len(place)))


def processor():
    with open("/proc/cpuinfo") as f:
        name = re.search(r"model name\s*:\s*(.*)", f.read())
    return name.group(1) if name else platform.machine()


def machine(bench):
    with open("/proc/meminfo") as f:
        memory = int(re.search(r"MemTotal:\s+(\d+)", f.read()).group(1)) / 2**20
    programs = subprocess.run([bench.program("dfproc"), "version"], stdout=subprocess.PIPE, text=True,
                              env=bench.bed.env).stdout.strip().replace("\n", "; ")
    return ("%s, %d cores, %.0f GiB, kernel %s; PostgreSQL %s (fsync on), Kafka on the same machine. %s." % (
        processor(), os.cpu_count(), memory, platform.release(),
        bench.bed.sql("show server_version"), programs))


def stamp(rounds):
    """When, what, on which processor and under which load a row was measured."""
    kind = re.search(r"EPYC|Xeon|Ryzen|Core|Neoverse", processor())
    commit = subprocess.run(["git", "-C", ROOT, "rev-parse", "--short", "HEAD"], stdout=subprocess.PIPE,
                            text=True).stdout.strip()
    return "%s, %s, %s, load %.1f, %d rounds" % (
        datetime.date.today(), commit, kind.group() if kind else processor(), os.getloadavg()[0], rounds)


def write(bench, found, order):
    """`found`: section to rows."""
    with open(PATH) as f:
        text = f.read()
    parts = {"machine": machine(bench)}
    for section in HEADS:
        width = 1 if section == "Workloads" else 2
        parts[section] = table(section, merged(old_rows(text, section), found.get(section, []), width, order))
    with open(PATH, "w") as f:
        f.write(PAGE.format(**parts))
