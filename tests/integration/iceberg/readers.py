# SPDX-License-Identifier: Apache-2.0
"""What the tests of Iceberg ask other people's programs.

    readers.py make KIND TABLE[,TABLE…] 'name type[!], …' [SPEC [KEY]]   makes tables; ! is "required"; SPEC: 'bucket[16] id, …';
                                                     KEY: identifier fields, blanks between
    readers.py spec KIND TABLE                       the default spec: 'bucket[16] id, …'
    readers.py merge KIND TABLE                      rows as lines of tab-separated values, deletes applied by the letter of the
                                                     specification, also where DuckDB fails: files of several specs
    readers.py specs KIND TABLE                      the fields of each spec, a line each
    readers.py snapshots KIND TABLE                  a line each: operation, and files and rows that it added
    readers.py evolve KIND TABLE SPEC                adds these fields to the spec
    readers.py parts KIND 'name type, …' SPEC…       makes a table for each spec: shop.p0, shop.p1, …
    readers.py plan KIND TABLE VALUES …              VALUES: {"id": 7}; a line each: rows that PyIceberg finds, files that it reads for them, all files
    readers.py rows KIND TABLE [ORDER]               rows as JSON lines, by PyIceberg
    readers.py count KIND TABLE[,TABLE…]             a line each: rows, distinct ids, sum of ids, snapshots
    readers.py duck KIND TABLE SQL                   rows of a query of DuckDB over the view t
    readers.py append KIND TABLE JSON                appends rows by PyIceberg
    readers.py add KIND TABLE NAME TYPE              adds a column
    readers.py columns KIND TABLE                    the columns on a line: 'id long!, v string'
    readers.py files KIND TABLE COLUMN,COLUMN…       a line for each data file: its sort order, then these values of its rows as JSON
    readers.py delete KIND TABLE FILTER              deletes rows by PyIceberg

KIND is rest or nessie; addresses come from the environment, as the bed has them.
"""
import datetime
import decimal
import functools
import json
import os
import sys
import uuid

sys.path.insert(0, os.environ["DF_ICEBERG_READERS"])
import pyarrow  # noqa: E402
from pyiceberg.catalog import load_catalog  # noqa: E402
from pyiceberg.expressions import And, EqualTo  # noqa: E402
from pyiceberg.partitioning import PartitionField, PartitionSpec  # noqa: E402
from pyiceberg.schema import Schema  # noqa: E402
from pyiceberg.transforms import parse_transform  # noqa: E402
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


def make(kind, table, columns, spec="", key=""):
    c, fields, ids = catalog(kind), [], iter(range(100, 200))
    for i, column in enumerate(columns.split(",")):
        name, word = column.split()
        fields.append(NestedField(i + 1, name, type_of(word.rstrip("!"), ids), required=word.endswith("!")))
    numbers = {f.name: f.field_id for f in fields}
    parts = [PartitionField(numbers[column], 1000 + i, parse_transform(transform), "p%d" % i)
             for i, (transform, column) in enumerate(terms(spec))]
    for one in table.split(","):
        space = tuple(one.split(".")[:-1])
        for n in range(len(space)):
            c.create_namespace_if_not_exists(space[:n + 1])
        c.create_table(one, Schema(*fields, identifier_field_ids=[numbers[k] for k in key.split()]),
                       partition_spec=PartitionSpec(*parts), properties={"format-version": os.environ.get("VERSION", "2")})


def terms(spec):
    return [term.split() for term in spec.split(",") if term]


def spec(kind, table):
    t = catalog(kind).load_table(table)
    print(", ".join("%s %s" % (f.transform, t.schema().find_field(f.source_id).name) for f in t.spec().fields))


def merge(kind, table):
    import pyarrow.parquet
    t, files = catalog(kind).load_table(table), {0: [], 1: [], 2: []}
    for m in t.current_snapshot().manifests(t.io):
        for e in m.fetch_manifest_entry(t.io, discard_deleted=True):
            with t.io.new_input(e.data_file.file_path).open() as stream:
                rows = pyarrow.parquet.read_table(stream).to_pylist()
            values = tuple(e.data_file.partition[i] for i in range(len(e.data_file.partition)))
            files[int(e.data_file.content)].append((e.data_file.file_path, e.sequence_number, m.partition_spec_id, values, rows))
    flat = {s.spec_id for s in t.specs().values() if not s.fields}
    for path, number, spec, values, rows in files[0]:
        gone = {r["pos"] for _, n, s, v, deletes in files[1] if number <= n and (s, v) == (spec, values)
                for r in deletes if r["file_path"] == path}
        keys = [(tuple(deletes[0]), {tuple(r.values()) for r in deletes}) for _, n, s, v, deletes in files[2]
                if number < n and (s in flat or (s, v) == (spec, values))]
        for i, row in enumerate(rows):
            if i not in gone and not any(tuple(row[c] for c in names) in found for names, found in keys):
                print(*row.values(), sep="\t")


def specs(kind, table):
    for one in catalog(kind).load_table(table).specs().values():
        print(", ".join(str(f.transform) for f in one.fields))


def snapshots(kind, table):
    for one in sorted(catalog(kind).load_table(table).snapshots(), key=lambda s: s.sequence_number):
        s = one.summary
        line = [s.operation.value]
        for name, files, rows in (("data", "data-files", "records"), ("positions", "position-delete-files", "position-deletes"),
                                  ("equality", "equality-delete-files", "equality-deletes")):
            if s["added-" + files]:
                line.append("%s %s/%s" % (name, s["added-" + files], s["added-" + rows]))
        print(*line)


def evolve(kind, table, text):
    with catalog(kind).load_table(table).update_spec() as change:
        for transform, column in terms(text):
            change.add_field(column, parse_transform(transform), "q_" + column)


def parts(kind, columns, *found):
    for i, one in enumerate(found):
        make(kind, "shop.p%d" % i, columns, one)


def plan(kind, *pairs):
    c = catalog(kind)
    for table, one in zip(pairs[::2], pairs[1::2]):
        t = c.load_table(table)
        scan = t.scan(row_filter=functools.reduce(And, [EqualTo(*pair) for pair in json.loads(one).items()]))
        print(scan.to_arrow().num_rows, len(list(scan.plan_files())), len(list(t.scan().plan_files())))


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


def columns(kind, table):
    fields = catalog(kind).load_table(table).schema().fields
    print(", ".join("%s %s%s" % (f.name, f.field_type, "!" if f.required else "") for f in fields))


def files(kind, table, names):
    import pyarrow.parquet
    t = catalog(kind).load_table(table)
    print("order:", *[str(f) for f in t.sort_order().fields])
    for m in t.current_snapshot().manifests(t.io):
        for e in m.fetch_manifest_entry(t.io, discard_deleted=True):
            if e.data_file.content:
                continue
            with t.io.new_input(e.data_file.file_path).open() as stream:
                found = pyarrow.parquet.read_table(stream).to_pylist()
            print(e.data_file.sort_order_id, json.dumps([[r[n] for n in names.split(",")] for r in found], default=plain))


def delete(kind, table, text):
    catalog(kind).load_table(table).delete(text)


if __name__ == "__main__":
    {"make": make, "rows": rows, "count": count, "duck": duck, "append": append, "add": add, "spec": spec,
     "evolve": evolve, "specs": specs, "merge": merge, "snapshots": snapshots, "plan": plan, "parts": parts,
     "columns": columns, "files": files, "delete": delete}[sys.argv[1]](*sys.argv[2:])
