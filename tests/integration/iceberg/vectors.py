# SPDX-License-Identifier: Apache-2.0
"""Data files of the tables that Vectors.java makes: vectors.py FOLDER"""
import os
import sys

sys.path.insert(0, os.environ["DF_ICEBERG_READERS"])
import pyarrow  # noqa: E402
import pyarrow.parquet  # noqa: E402

folder = sys.argv[1]


def field(name, kind, number):
    return pyarrow.field(name, kind, True, {b"PARQUET:field_id": str(number).encode()})


def store(name, fields, rows):
    pyarrow.parquet.write_table(pyarrow.Table.from_pylist(rows, schema=pyarrow.schema(fields)), os.path.join(folder, name))


ID, REGION = field("id", pyarrow.int64(), 1), field("region", pyarrow.string(), 2)
store("big.parquet", [ID], [{"id": i} for i in range(200000)])
store("small.parquet", [ID], [{"id": 1000000 + i} for i in range(10)])
store("more.parquet", [ID], [{"id": 2000000 + i} for i in range(3)])
store("places.parquet", [field("file_path", pyarrow.string(), 2147483546), field("pos", pyarrow.int64(), 2147483545)],
      [{"file_path": "file://%s/small.parquet" % folder, "pos": 7}])
for region in ("eu", "us"):
    store(region + ".parquet", [ID, REGION], [{"id": i, "region": region} for i in range(10)])
store("old.parquet", [ID, field("s", pyarrow.struct([field("x", pyarrow.int64(), 3)]), 2)],
      [{"id": 1, "s": {"x": 1}}, {"id": 2, "s": None}])
store("new.parquet", [ID, field("i", pyarrow.int32(), 5), field("s", pyarrow.struct([field("y", pyarrow.string(), 18)]), 2)],
      [{"id": 3, "i": None, "s": {"y": None}}])
store("kinds.parquet", [ID, field("n", pyarrow.timestamp("ns"), 5)], [{"id": 1, "n": 1123456789}])
