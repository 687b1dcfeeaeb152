# SPDX-License-Identifier: Apache-2.0
"""Tables with a past, by PyIceberg.

    expire.py make TABLE…    makes tables of id long, v string: appends, rows that are deleted, all written anew, a
                             tag, and a branch with a snapshot of its own
    expire.py state TABLE…   a line for each: how many snapshots it has, then main, each tag and branch with its rows
    expire.py back TABLE     the snapshot before the last one becomes the current one
    expire.py keep TABLE     sets gc.enabled=false
"""
import sys

from readers import catalog  # sets the path
import pyarrow
from pyiceberg.partitioning import PartitionField, PartitionSpec
from pyiceberg.schema import Schema
from pyiceberg.transforms import IdentityTransform
from pyiceberg.types import LongType, NestedField, StringType

c = catalog("rest")
word, names = sys.argv[1], sys.argv[2:]


def append(*rows, branch="main"):
    t.append(pyarrow.Table.from_pylist([{"id": i, "v": v} for i, v in rows], schema=t.schema().as_arrow()), branch=branch)
    t.refresh()


def make(name):
    global t
    t = c.create_table(name, Schema(NestedField(1, "id", LongType()), NestedField(2, "v", StringType())),
                       partition_spec=PartitionSpec(PartitionField(2, 1000, IdentityTransform(), "part")),
                       properties={"format-version": "2"})
    append((1, "a"), (2, "b"))
    append((3, "c"))
    t.manage_snapshots().create_tag(t.current_snapshot().snapshot_id, "early").commit()
    t.delete("id = 2")
    t.refresh()
    append((4, "d"))
    t.manage_snapshots().create_branch(t.current_snapshot().snapshot_id, "audit").commit()
    t.refresh()
    append((10, "x"), branch="audit")
    t.overwrite(pyarrow.Table.from_pylist([{"id": i, "v": v} for i, v in ((1, "a"), (3, "c"), (4, "D"))],
                                          schema=t.schema().as_arrow()))
    t.refresh()
    append((5, "e"), (9, "z"))  # two files in a manifest, which is written anew without the second one
    t.delete("id = 9")


def state(name):
    found = c.load_table(name)
    print(len(found.snapshots()), end="")
    for ref in sorted(found.refs()):
        rows = found.scan(snapshot_id=found.refs()[ref].snapshot_id).to_arrow().to_pylist()
        print(";", ref, *sorted("%d%s" % (r["id"], r["v"]) for r in rows), end="")
    print()


if word == "make":
    c.create_namespace_if_not_exists("shop")
for name in names:
    if word in ("make", "state"):
        {"make": make, "state": state}[word](name)
        continue
    t = c.load_table(name)
    if word == "back":
        with t.manage_snapshots() as m:
            m.rollback_to_snapshot(t.current_snapshot().parent_snapshot_id)
    elif word == "keep":
        with t.transaction() as change:
            change.set_properties({"gc.enabled": "false"})
