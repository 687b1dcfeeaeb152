# SPDX-License-Identifier: Apache-2.0
"""Tables with branches, tags and older states, by PyIceberg.

    states.py make               makes shop.states: four snapshots, a tag, a branch with a snapshot of its own; a line each:
                                 the ids of the snapshots, and of the branch's; then a time after the second one, in ms
    states.py branch JSON        appends rows to the branch
    states.py move NUMBER        lets the tag name that snapshot
    states.py reset              lets the branch be as main is, without its own snapshots
    states.py expire NUMBER      that snapshot expires
    states.py names KIND NAME    makes a table in a namespace of two levels, whose columns and partitions are unusual, too
    states.py damage TABLE NAME  overwrites that column in the files of the table
"""
import json
import sys
import time

from readers import catalog  # sets the path
import pyarrow.parquet
from pyiceberg.partitioning import PartitionField, PartitionSpec
from pyiceberg.schema import Schema
from pyiceberg.transforms import IdentityTransform
from pyiceberg.types import LongType, NestedField, StringType

c = catalog(sys.argv[2] if sys.argv[1] == "names" else "rest")
if sys.argv[1] == "names":
    for levels in ("shop",), ("shop", "sub é"):
        c.create_namespace_if_not_exists(levels)
    schema = Schema(NestedField(1, "id", LongType()), NestedField(2, "p q=é", StringType()))
    t = c.create_table(("shop", "sub é", sys.argv[3]), schema,
                       partition_spec=PartitionSpec(PartitionField(2, 1000, IdentityTransform(), "part")))
    values = ["a b", "a=b", "a+b", "a/b", "a%2Fb", "a#b", "a?b", "é😀", "a&b;c", "..", "", None]
    t.append(pyarrow.Table.from_pylist([{"id": i, "p q=é": v} for i, v in enumerate(values)], schema=t.schema().as_arrow()))
    sys.exit()
if sys.argv[1] == "damage":
    for task in c.load_table(sys.argv[2]).scan().plan_files():
        path = task.file.file_path.removeprefix("file://")
        group = pyarrow.parquet.ParquetFile(path).metadata.row_group(0)
        at = next(group.column(i) for i in range(group.num_columns) if group.column(i).path_in_schema == sys.argv[3])
        with open(path, "r+b") as f:
            f.seek(at.dictionary_page_offset or at.data_page_offset)
            f.write(b"\xff" * at.total_compressed_size)
    sys.exit()


def append(rows, branch="main"):
    t.append(pyarrow.Table.from_pylist(rows, schema=t.schema().as_arrow()), branch=branch)
    t.refresh()


if sys.argv[1] == "make":
    c.create_namespace_if_not_exists("shop")
    t = c.create_table("shop.states", Schema(NestedField(1, "id", LongType()), NestedField(2, "v", StringType())))
    append([{"id": 1, "v": "a"}])
    append([{"id": 2, "v": "b"}])
    second, moment = t.current_snapshot(), int(time.time() * 1000) + 1
    while time.time() * 1000 <= moment + 1:
        pass
    t.manage_snapshots().create_tag(second.snapshot_id, "v2").create_branch(second.snapshot_id, "audit").commit()
    with t.update_schema() as change:
        change.add_column("w", LongType())
    append([{"id": 3, "v": "c", "w": 3}])
    append([{"id": 4, "v": "d", "w": 4}])
    append([{"id": 10, "v": "x", "w": 10}], "audit")
    listed = sorted(t.snapshots(), key=lambda s: s.sequence_number)
    print(*(s.snapshot_id for s in listed), moment, sep="\n")
    sys.exit()
t = c.load_table("shop.states")
if sys.argv[1] == "branch":
    append(json.loads(sys.argv[2]), "audit")
elif sys.argv[1] == "move":
    t.manage_snapshots().remove_tag("v2").commit()
    t.manage_snapshots().create_tag(int(sys.argv[2]), "v2").commit()
elif sys.argv[1] == "expire":
    t.maintenance.expire_snapshots().by_id(int(sys.argv[2])).commit()
elif sys.argv[1] == "reset":
    t.manage_snapshots().remove_branch("audit").commit()
    t.manage_snapshots().create_branch(t.current_snapshot().snapshot_id, "audit").commit()
