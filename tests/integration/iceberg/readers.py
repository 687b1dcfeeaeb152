# SPDX-License-Identifier: Apache-2.0
"""What the tests of Iceberg ask other people's programs.

    readers.py make KIND TABLE[,TABLE…] 'name type[!], …'   makes tables; ! is "required"
    readers.py rows KIND TABLE [ORDER]               rows as JSON lines, by PyIceberg
    readers.py count KIND TABLE[,TABLE…]             a line each: rows, distinct ids, sum of ids, snapshots
    readers.py duck KIND TABLE SQL                   rows of a query of DuckDB over the view t
    readers.py append KIND TABLE JSON                appends rows by PyIceberg
    readers.py add KIND TABLE NAME TYPE              adds a column

KIND is rest or nessie; addresses come from the environment, as the bed has them.
"""
import datetime
import decimal
import json
import os
import sys
import uuid

sys.path.insert(0, os.environ["DF_ICEBERG_READERS"])
import pyarrow  # noqa: E402
from pyiceberg.catalog import load_catalog  # noqa: E402
from pyiceberg.schema import Schema  # noqa: E402
from pyiceberg.types import (BinaryType, BooleanType, DateType, DecimalType, DoubleType, FixedType,  # noqa: E402
                             FloatType, IntegerType, ListType, LongType, MapType, NestedField, StringType, StructType,
                             TimestampType, TimestamptzType, TimeType, UUIDType)

TYPES = {"boolean": BooleanType(), "int": IntegerType(), "long": LongType(), "float": FloatType(), "double": DoubleType(),
         "date": DateType(), "time": TimeType(), "timestamp": TimestampType(), "timestamptz": TimestamptzType(),
         "string": StringType(), "uuid": UUIDType(), "binary": BinaryType(), "decimal38": DecimalType(38, 10),
         "decimal9": DecimalType(9, 2), "fixed4": FixedType(4)}


def catalog(kind):
    if kind == "rest":
        return load_catalog("r", type="rest", uri=os.environ["DF_ICEBERG"])
    branch = os.environ.get("BRANCH", "main")
    return load_catalog("n", type="rest", uri=os.environ["DF_NESSIE"] + "/iceberg/" + branch,
                        **{"s3.endpoint": os.environ["DF_S3"], "s3.access-key-id": os.environ["DF_S3_KEY"],
                           "s3.secret-access-key": os.environ["DF_S3_SECRET"], "s3.region": "us-east-1",
                           "header.X-Iceberg-Access-Delegation": ""})


def type_of(name, ids):
    if name == "list":
        return ListType(next(ids), LongType(), element_required=False)
    if name == "map":
        return MapType(next(ids), StringType(), next(ids), DoubleType(), value_required=False)
    if name == "struct":
        return StructType(NestedField(next(ids), "x", LongType(), required=False),
                          NestedField(next(ids), "y", ListType(next(ids), StringType(), element_required=False),
                                      required=False))
    return TYPES[name]


def make(kind, table, columns):
    c, fields, ids = catalog(kind), [], iter(range(100, 200))
    for i, column in enumerate(columns.split(",")):
        name, word = column.split()
        fields.append(NestedField(i + 1, name, type_of(word.rstrip("!"), ids), required=word.endswith("!")))
    for one in table.split(","):
        space = tuple(one.split(".")[:-1])
        for n in range(len(space)):
            c.create_namespace_if_not_exists(space[:n + 1])
        c.create_table(one, Schema(*fields))


def plain(value):
    if isinstance(value, (datetime.datetime, datetime.date, datetime.time)):
        return value.isoformat()
    if isinstance(value, (decimal.Decimal, uuid.UUID)):
        return str(value)
    if isinstance(value, bytes):
        return value.hex()
    raise TypeError(type(value))


def rows(kind, table, order=None):
    found = catalog(kind).load_table(table).scan().to_arrow().to_pylist()
    for row in sorted(found, key=lambda r: r[order]) if order else found:
        print(json.dumps(row, default=plain, ensure_ascii=False))


def count(kind, table):
    c = catalog(kind)
    for one in table.split(","):
        t = c.load_table(one)
        found = t.scan().to_arrow()
        ids = found["id"].to_pylist() if found.num_rows else []
        print(len(ids), len(set(ids)), sum(ids), len(t.snapshots()))


def duck(kind, table, query):
    import duckdb
    c = duckdb.connect()
    for name in ("avro", "httpfs", "iceberg"):
        c.execute("LOAD '%s/duckdb_extension_%s/extensions/v1.5.5/%s.duckdb_extension'"
                  % (os.environ["DF_ICEBERG_READERS"], name, name))
    if kind == "nessie":
        c.execute("create secret (type s3, key_id '%s', secret '%s', endpoint '%s', url_style 'path', use_ssl false)"
                  % (os.environ["DF_S3_KEY"], os.environ["DF_S3_SECRET"], os.environ["DF_S3"].split("//")[1]))
    c.execute("create view t as select * from iceberg_scan('%s')" % catalog(kind).load_table(table).metadata_location)
    for row in c.execute(query).fetchall():
        print("\t".join(str(v) for v in row))


def append(kind, table, text):
    t = catalog(kind).load_table(table)
    t.append(pyarrow.Table.from_pylist(json.loads(text), schema=t.schema().as_arrow()))


def add(kind, table, name, word):
    with catalog(kind).load_table(table).update_schema() as change:
        change.add_column(name, TYPES[word])


if __name__ == "__main__":
    {"make": make, "rows": rows, "count": count, "duck": duck, "append": append, "add": add}[sys.argv[1]](*sys.argv[2:])
