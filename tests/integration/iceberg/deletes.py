# SPDX-License-Identifier: Apache-2.0
"""Tables with delete files and with files of other programs, as writers of upserts make them; PyIceberg has no calls for
most of it, so that manifests are put together here.

    deletes.py KIND       makes the tables of shop that test_deletes.sh reads; KIND as readers.py has it
"""
import datetime
import decimal
import json
import os
import sys
import uuid

from readers import catalog  # sets the path
import pyarrow
import pyarrow.parquet
from pyiceberg.manifest import (DATA_FILE_TYPE, DataFile, DataFileContent, FileFormat, ManifestContent, ManifestEntry, ManifestEntryStatus,
                                ManifestWriterV2, write_manifest_list)
from pyiceberg.partitioning import PartitionField, PartitionSpec
from pyiceberg.schema import Schema
from pyiceberg.table.snapshots import Operation, Snapshot, Summary
from pyiceberg.table.update import AddSnapshotUpdate, AssertRefSnapshotId, SetSnapshotRefUpdate
from pyiceberg.transforms import IdentityTransform
from pyiceberg.typedef import Record
from pyiceberg.types import (BinaryType, DateType, DecimalType, IntegerType, ListType, LongType, NestedField,
                             StringType, TimestampType, UUIDType)

DATA, POSITIONS, EQUALITY = DataFileContent.DATA, DataFileContent.POSITION_DELETES, DataFileContent.EQUALITY_DELETES
PLACES = pyarrow.schema([pyarrow.field("file_path", pyarrow.string(), False, {b"PARQUET:field_id": b"2147483546"}),
                         pyarrow.field("pos", pyarrow.int64(), False, {b"PARQUET:field_id": b"2147483545"})])
# PyIceberg 0.12 writes the ids of equality deletes as longs, which Java's readers do not take.
for version in (1, 2):
    for field in DATA_FILE_TYPE[version].fields:
        if field.name == "equality_ids":
            field.__dict__["field_type"] = ListType(136, IntegerType(), True)


class DeleteWriter(ManifestWriterV2):
    def content(self):
        return ManifestContent.DELETES

    @property
    def _meta(self):
        return {**super()._meta, "content": "deletes"}


def columns(table, names):
    """The Arrow schema of some columns, with their ids."""
    fields = []
    for name in names:
        f = table.schema().find_field(name)
        kind = table.schema().as_arrow().field(name).type
        fields.append(pyarrow.field(name, kind, True, {b"PARQUET:field_id": str(f.field_id).encode()}))
    return pyarrow.schema(fields)


def store(table, rows, schema):
    path = "%s/data/%s.parquet" % (table.location(), uuid.uuid4())
    with table.io.new_output(path).create() as out:
        pyarrow.parquet.write_table(pyarrow.Table.from_pylist(rows, schema=schema), out)
    return path, len(table.io.new_input(path))


def file_of(table, content, rows, schema, partition=(), spec=0, ids=None, form=FileFormat.PARQUET):
    """A file that commit() takes: (its spec, what the manifest says of it)."""
    path, size = store(table, rows, schema)
    bounds = {}
    if content == POSITIONS:
        paths = sorted(r["file_path"].encode() for r in rows)
        bounds = {"lower_bounds": {2147483546: paths[0]}, "upper_bounds": {2147483546: paths[-1]}}
    return spec, DataFile.from_args(content=content, file_path=path, file_format=form, partition=Record(*partition),
                                    record_count=len(rows), file_size_in_bytes=size, equality_ids=ids, **bounds)


def data(table, rows, partition=(), spec=0, without=()):
    names = [f.name for f in table.schema().fields if f.name not in without]
    return file_of(table, DATA, rows, columns(table, names), partition, spec)


def places(table, rows, partition=(), spec=0):
    found = [{"file_path": f[1].file_path, "pos": n} for f, n in rows]
    return file_of(table, POSITIONS, sorted(found, key=lambda r: (r["file_path"], r["pos"])), PLACES, partition, spec)


def keys(table, names, rows, partition=(), spec=0):
    ids = [table.schema().find_field(n).field_id for n in names]
    return file_of(table, EQUALITY, rows, columns(table, names), partition, spec, ids)


def commit(table, *files, operation=Operation.OVERWRITE):
    """One snapshot that adds these files."""
    table.refresh()
    parent = table.current_snapshot()
    number, sequence = table.metadata.new_snapshot_id(), table.metadata.last_sequence_number + 1
    manifests = []
    for kind, writer in ((True, ManifestWriterV2), (False, DeleteWriter)):
        for spec in sorted({s for s, f in files if (f.content == DATA) == kind}):
            path = "%s/metadata/%s.avro" % (table.location(), uuid.uuid4())
            with writer(table.specs()[spec], table.schema(), table.io.new_output(path), number, "deflate") as w:
                for s, f in files:
                    if s == spec and (f.content == DATA) == kind:
                        w.add_entry(ManifestEntry.from_args(status=ManifestEntryStatus.ADDED, snapshot_id=number,
                                                            sequence_number=None, file_sequence_number=None, data_file=f))
            manifests.append(w.to_manifest_file())
    before = parent.manifests(table.io) if parent else []
    path = "%s/metadata/%s.avro" % (table.location(), uuid.uuid4())
    with write_manifest_list(2, table.io.new_output(path), number, parent and parent.snapshot_id, sequence, "deflate") as w:
        w.add_manifests(manifests + before)
    snapshot = Snapshot(**{"snapshot-id": number, "parent-snapshot-id": parent and parent.snapshot_id,
                           "sequence-number": sequence, "manifest-list": path, "summary": Summary(operation),
                           "schema-id": table.schema().schema_id})
    table.catalog.commit_table(
        table, (AssertRefSnapshotId(**{"ref": "main", "snapshot-id": parent and parent.snapshot_id}),),
        (AddSnapshotUpdate(snapshot=snapshot),
         SetSnapshotRefUpdate(**{"ref-name": "main", "type": "branch", "snapshot-id": number})))
    table.refresh()


def with_last_ids(post):
    """Nessie 0.99 wants a member of new schemas that PyIceberg leaves out."""
    def send(url, data=None, **more):
        body = json.loads(data) if data else {}
        for update in body.get("updates", []):
            if update["action"] == "add-schema":
                update["last-column-id"] = max(f["id"] for f in update["schema"]["fields"])
        return post(url, data=json.dumps(body).encode() if body else data, **more)
    return send


def new(c, name, fields, spec=PartitionSpec()):
    schema = Schema(*(NestedField(i + 1, n, t, required=False) for i, (n, t) in enumerate(fields)))
    if c.table_exists(name):
        c.drop_table(name)
    return c.create_table(name, schema, partition_spec=spec)


# ---- the tables --------------------------------------------------------------------------------

def plain(c):
    """No partitions: null keys, binary keys, equal sequence numbers, keys of two columns, places."""
    t = new(c, "shop.plain", [("id", LongType()), ("k", StringType()), ("x", BinaryType())])
    first = data(t, [{"id": 1, "k": "a", "x": b"\0"}, {"id": 2, "k": "b", "x": b"\1"}, {"id": 3, "k": None, "x": None},
                     {"id": 4, "k": "", "x": b"\xff"}, {"id": 5, "k": "é", "x": b""}, {"id": 6, "k": "c", "x": b"\2"},
                     {"id": 7, "k": "c", "x": b"\3"}])
    commit(t, first, operation=Operation.APPEND)
    second = data(t, [{"id": 8, "k": "a", "x": None}])
    commit(t, second, keys(t, ["k"], [{"k": "a"}, {"k": None}]))  # 1 and 3; 8 is as new as the delete
    commit(t, places(t, [(first, 1), (second, 5)]))  # 2; there is no sixth row
    commit(t, keys(t, ["k", "x"], [{"k": "c", "x": b"\2"}, {"k": "", "x": None}]))  # 6; 4 has other bytes
    third = data(t, [{"id": 9, "k": "a", "x": b"\0"}, {"id": 10, "k": "n", "x": b"n"}])
    commit(t, third, places(t, [(third, 1)]))  # 10 came and went in one commit
    commit(t, keys(t, ["x"], [{"x": b"\xff"}]))  # 4
    commit(t, data(t, [{"id": 1, "k": "a", "x": b"again"}]), operation=Operation.APPEND)


def added(c):
    """A key column that older files have not."""
    older(c, "shop.added")


def dropped(c):
    """The same, and one of the key columns is no more in the table."""
    t = older(c, "shop.dropped")
    with t.update_schema() as change:
        change.delete_column("old")
    commit(t, data(t, [{"id": 6, "w": 4}]), operation=Operation.APPEND)


def older(c, name):
    t = new(c, name, [("id", LongType()), ("old", LongType())])
    commit(t, data(t, [{"id": 1, "old": 1}, {"id": 2, "old": 2}, {"id": 3, "old": None}]), operation=Operation.APPEND)
    commit(t, keys(t, ["old"], [{"old": 2}]))
    with t.update_schema() as change:
        change.add_column("w", LongType())
    commit(t, data(t, [{"id": 4, "old": 4, "w": 4}, {"id": 5, "old": 5, "w": None}]), operation=Operation.APPEND)
    commit(t, keys(t, ["w"], [{"w": 4}]), keys(t, ["id", "w"], [{"id": 3, "w": None}]))
    return t


def parts(c):
    """Deletes of one partition, of an equal partition of another spec, and of all partitions."""
    region = PartitionSpec(PartitionField(2, 1000, IdentityTransform(), "region"))
    t = new(c, "shop.parts", [("id", LongType()), ("region", StringType()), ("country", StringType())], region)

    def rows(*ids, region):
        return [{"id": i, "region": region, "country": "eu"} for i in ids]
    eu, us, none = (data(t, rows(*i, region=r), (r,)) for i, r in (((1, 2, 3), "eu"), ((1, 2, 3), "us"), ((1, 2), None)))
    commit(t, eu, us, none, operation=Operation.APPEND)
    commit(t, keys(t, ["id"], [{"id": 1}], ("eu",)))  # 1 of eu
    commit(t, keys(t, ["id"], [{"id": 2}], (None,)))  # 2 of null
    commit(t, places(t, [(us, 0)], ("us",)))  # 1 of us
    with t.update_spec() as change:
        change.remove_field("region")
        change.add_identity("country")
    spec = t.spec().spec_id
    commit(t, data(t, rows(4, region="eu"), ("eu",), spec), operation=Operation.APPEND)
    commit(t, keys(t, ["id"], [{"id": 2}, {"id": 4}], ("eu",), spec))  # 4: only files of that spec
    with t.update_spec() as change:
        change.remove_field("country")
    commit(t, keys(t, ["id"], [{"id": 3}], (), t.spec().spec_id))  # 3 of all partitions


def moved(c):
    """Files of another program: columns of the partition are not in them."""
    fields = [("id", LongType()), ("s", StringType()), ("n", IntegerType()), ("d", DateType()), ("e", DecimalType(9, 2)),
              ("u", UUIDType()), ("ts", TimestampType())]
    spec = PartitionSpec(*(PartitionField(i, 998 + i, IdentityTransform(), fields[i - 1][0]) for i in range(2, 8)))
    t = new(c, "shop.moved", fields, spec)
    values = ("é", -7, (datetime.date(1969, 12, 31) - datetime.date(1970, 1, 1)).days, decimal.Decimal("-1.05"),
              uuid.UUID("12151fd2-7586-11e9-8f9e-2a86e4085a59"), 1767323045123456)
    without = [n for n, _ in fields[1:]]
    commit(t, data(t, [{"id": 1}], values, without=without), data(t, [{"id": 2}], (None,) * 6, without=without),
           operation=Operation.APPEND)


def by_name(c, name):
    t = new(c, name, [("id", LongType()), ("v", StringType()), ("l", ListType(10, LongType(), False)), ("gone", LongType())])
    rows = [{"v": "a", "l": [1, None], "id": 1}]
    path, _ = store(t, rows, pyarrow.schema([("v", pyarrow.string()), ("l", pyarrow.list_(pyarrow.int64())),
                                             ("id", pyarrow.int64())]))
    t.add_files([path])
    return t


def named(c):
    """A file without ids, which PyIceberg takes by name; a column is renamed then."""
    with by_name(c, "shop.named").update_schema() as change:
        change.rename_column("v", "w")


def nameless(c):
    """The same, and nothing says which column is which."""
    with by_name(c, "shop.nameless").transaction() as change:
        change.remove_properties("schema.name-mapping.default")


def many(c):
    """90,000 deleted keys for 100 files; many times as many in another table."""
    for name, count in (("shop.many", 90000), ("shop.toomany", 400000)):
        t = new(c, name, [("id", LongType())])
        commit(t, *(data(t, [{"id": i * 1000}, {"id": i * 1000 + 500001}]) for i in range(100)), operation=Operation.APPEND)
        commit(t, keys(t, ["id"], [{"id": i} for i in range(count)]))


def endless(c):
    """Rows that are all deleted: one file under many names, which a storage of files alone can give it."""
    t = new(c, "shop.endless", [("id", LongType())])
    one = data(t, [{"id": 7}] * 1_000_000)[1]
    place = one.file_path.removeprefix("file://")
    names = []
    for i in range(2000):
        names.append("%s-%d.parquet" % (one.file_path, i))
        os.symlink(place, names[-1].removeprefix("file://"))
    commit(t, *((0, DataFile.from_args(content=DATA, file_path=n, file_format=FileFormat.PARQUET, partition=Record(),
                                       record_count=1_000_000, file_size_in_bytes=one.file_size_in_bytes)) for n in names))
    commit(t, keys(t, ["id"], [{"id": 7}]))


def foreign(c):
    """A delete file that is no Parquet."""
    t = new(c, "shop.foreign", [("id", LongType())])
    commit(t, data(t, [{"id": 1}]), operation=Operation.APPEND)
    commit(t, file_of(t, POSITIONS, [{"file_path": "x", "pos": 0}], PLACES, form=FileFormat.ORC))


if __name__ == "__main__":
    c = catalog(sys.argv[1])
    c._session.post = with_last_ids(c._session.post)
    c.create_namespace_if_not_exists("shop")
    for make in (plain, added, dropped, parts, moved, named, nameless, many, foreign, *([endless] if sys.argv[1] == "rest" else [])):
        make(c)
