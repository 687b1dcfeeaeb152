# SPDX-License-Identifier: Apache-2.0
"""W10: rows into an Iceberg table."""
import os
import subprocess
import sys

from .bed import BED, Run
from .records import flat
from .report import Result

# What DuckDB needs for the COPY alone: its rows are in its own table before.
COPY = """
import resource, sys, time
sys.path.insert(0, sys.argv[1])
import duckdb
c = duckdb.connect()
c.execute("set threads = 1")
c.execute("set enable_progress_bar = false")
c.execute("create table t as select * from read_parquet(%r)" % sys.argv[2])
def used():
    u = resource.getrusage(resource.RUSAGE_SELF)
    return time.monotonic(), u.ru_utime + u.ru_stime
a = used()
c.execute("copy t to %r (format parquet, compression zstd)" % sys.argv[3])
b = used()
print(b[0] - a[0], b[1] - a[1])
"""
# The rows of the table, as the other workloads count them.
SUMS = """
import hashlib, os, sys
sys.path.insert(0, sys.argv[1])
from pyiceberg.catalog import load_catalog
t = load_catalog("r", type="rest", uri=os.environ["DF_ICEBERG"]).load_table(sys.argv[2]).scan().to_arrow()
ids, notes = t["id"].to_pylist(), t["note"].to_pylist()
print("%d|%d|%d" % (len(ids), sum(ids), sum(int(hashlib.md5(n.encode()).hexdigest()[:7], 16) for n in notes)))
"""
MAKE = """
import os, sys
sys.path.insert(0, sys.argv[1])
from pyiceberg.catalog import load_catalog
from pyiceberg.schema import Schema
from pyiceberg.types import *
c = load_catalog("r", type="rest", uri=os.environ["DF_ICEBERG"])
c.create_namespace_if_not_exists("bench")
types = {"id": LongType(), "customer": StringType(), "amount": DecimalType(12, 2), "currency": StringType(),
         "placed_at": TimestamptzType(), "paid": BooleanType(), "note": StringType(), "items": IntegerType()}
c.create_table(sys.argv[2], Schema(*(NestedField(i + 1, n, t, required=False) for i, (n, t) in enumerate(types.items()))))
"""
FILE = """
import os, sys
sys.path.insert(0, sys.argv[1])
import pyarrow.parquet
from pyiceberg.catalog import load_catalog
t = load_catalog("r", type="rest", uri=os.environ["DF_ICEBERG"]).load_table(sys.argv[2])
pyarrow.parquet.write_table(t.scan().to_arrow(), sys.argv[3])
"""


class Lake:
    def __init__(self, bench):
        self.bench, self.count = bench, 0
        if "DF_ICEBERG" not in bench.bed.env:
            bench.bed.start("iceberg-rest")
        text = subprocess.run([os.path.join(BED, "iceberg-readers"), "env"], check=True, stdout=subprocess.PIPE, text=True)
        self.readers = text.stdout.strip().split("=", 1)[1]

    def python(self, text, *words):
        return Run([sys.executable, "-c", text, self.readers, *words], self.bench.bed.env).out.strip()

    def table(self):
        self.count += 1
        name = "t%d_%d" % (os.getpid(), self.count)
        self.python(MAKE, "bench." + name)
        return name


def w10(bench):
    data = bench.topic("flat", flat, bench.options.records)
    lake, rows = Lake(bench), os.path.join(bench.folder, "flat.parquet")

    def ours():
        table = lake.table()
        run = bench.ours("lake", data, TABLE=table)
        bench.audit_counts(run, received=data.count, sent=data.count)
        bench.must("rows", data.sums(), lake.python(SUMS, "bench." + table))
        run.table = table
        return run

    def floor():
        run = Run([sys.executable, "-c", COPY, lake.readers, rows, rows + ".copy"], bench.bed.env)
        run.seconds, run.cpu = map(float, run.out.split())
        return run
    lake.python(FILE, "bench." + ours().table, rows)
    result = Result("W10", "Kafka → Iceberg (Parquet, zstd), %d B, 8 columns" % data.size,
                    "DuckDB's `COPY` of the same rows, one thread; CPU is compared", 1.0, by="cpu")
    return [bench.rounds(result, floor, ours, data.count)]
