# SPDX-License-Identifier: Apache-2.0
"""Growth of a flow: the program growth, and partitions of a real broker."""
import json
import subprocess

from .records import small

ORDER = ["partitions", "sinks", "pipelines in a process"]
PARTITIONS = (1, 10, 100, 1000)


class Row:
    def __init__(self, cells):
        self.cells = cells

    def row(self):
        return self.cells


def in_process(bench):
    command = [bench.program("growth")] + (["--quick"] if bench.options.quick else []) + ["flows"]
    text = subprocess.run(command, stdout=subprocess.PIPE, text=True).stdout
    return [Row([cell.strip() for cell in line.strip("|\n ").split(" |")]) for line in text.splitlines()[2:]]


def of_partitions(bench, source, partitions):
    """CPU of a record more, ours and a bare consumer's, in ns; peak memory. What opening so many
    partitions costs once is in both runs and so in neither figure."""
    name, count = "%s-in-%d" % (source.name, partitions), bench.options.records
    bench.create_topic(name, partitions=partitions)
    ours, floor, peak = [], [], 0
    for total in (count, 3 * count):
        bench.produce(name, source.file, total - (count if ours else 0), "lz4", "100")
        runs = [bench.ours("null", type("Topic", (), {"name": name, "count": total})) for _ in range(3)]
        for run in runs:
            bench.audit_counts(run, received=total, sent=total)
        ours.append(min(run.cpu for run in runs))
        peak = max([peak] + [run.rss for run in runs])
        floor.append(min(json.loads(bench.consume(name).out)["cpu"] for _ in range(3)))
    bench.delete_topic(name)
    return (ours[1] - ours[0]) / count * 5e8, (floor[1] - floor[0]) / count * 5e8, peak


def of_broker(bench):
    """The same records in more and more partitions."""
    source = bench.topic("small", small, 3 * bench.options.records)
    found = [of_partitions(bench, source, n) for n in PARTITIONS]
    (first, first_floor, _), (last, last_floor, peak) = found[0], found[-1]
    more = (last - last_floor - (first - first_floor)) / first * 100
    figures = ", ".join("%d: %.0f ns (consumer alone %.0f), %.1f MiB" % (n, ours, floor, most / 2**20)
                        for n, (ours, floor, most) in zip(PARTITIONS, found))
    return Row(["partitions", "Kafka → null, %d B" % source.size, figures,
                "%+.0f %% CPU at 1000 beyond what the client itself needs more (%+.0f %%)" % (
                    more, (last_floor - first_floor) / first * 100),
                "≤ 10 %, ≤ 84.4 MiB", "yes" if more <= 10 and peak <= 84.4 * 2**20 else "**no**"])


def growth(bench):
    return in_process(bench) + [of_broker(bench)]
